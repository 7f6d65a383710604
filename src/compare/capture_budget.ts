/** How much memory all captures may take together. */

/** Bytes that are held, and the most that may be. */
export class CaptureBudget {
  readonly #maxBytes: number;
  #heldBytes = 0;

  /**
   * Starts with nothing held.
   *
   * @param maxBytes The most that may be held, in bytes.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Asks for memory.
   *
   * @param bytes How much.
   * @returns Whether it is there; it is held from now on then.
   */
  take(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#maxBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  /**
   * Gives memory back.
   *
   * @param bytes How much.
   */
  giveBack(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
