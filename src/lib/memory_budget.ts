/** How much may be kept, by estimate. */

/** Counts bytes that are kept, and refuses what would be too much. */
export class MemoryBudget {
  readonly #maxBytes: number;
  #used = 0;

  /**
   * Makes a budget.
   *
   * @param maxBytes How much may be kept.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How much is kept. */
  get used(): number {
    return this.#used;
  }

  /** Free memory in bytes. */
  get left(): number {
    return this.#maxBytes - this.#used;
  }

  /**
   * Takes memory.
   *
   * @param bytes How much.
   * @returns Whether there was enough.
   */
  reserve(bytes: number): boolean {
    if (this.#used + bytes > this.#maxBytes) return false;
    this.#used += bytes;
    return true;
  }

  /**
   * Gives memory back.
   *
   * @param bytes How much.
   */
  release(bytes: number): void {
    this.#used -= bytes;
  }
}

/**
 * Estimates what texts take: V8 needs at most two bytes for a UTF-16 unit, and a header for each string.
 *
 * @param texts The texts.
 * @returns Bytes.
 */
export function textBytes(...texts: readonly (string | undefined)[]): number {
  let bytes = 0;
  for (const text of texts) if (text !== undefined) bytes += 32 + 2 * text.length;
  return bytes;
}
