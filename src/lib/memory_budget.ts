/** Accounting of retained memory: a byte budget, and strings that retain no more than their own text. */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
/** Estimated memory of a string in bytes, without its characters. */
const STRING_HEADER_BYTES = 32;

/** Counts reserved bytes, and refuses reservations above its limit. */
export class MemoryBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  /** Creates an unused budget of `maxBytes`. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Reserved memory in bytes. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Free memory in bytes. */
  get freeBytes(): number {
    return this.#maxBytes - this.#usedBytes;
  }

  /** Reserved memory as a ratio of the limit, 0 to 1. */
  get usedRatio(): number {
    return this.#maxBytes === 0 ? 1 : this.#usedBytes / this.#maxBytes;
  }

  /** Reserves memory. Returns `false`, and reserves nothing, if too little is free. */
  reserve(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Releases reserved memory. */
  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

/** Estimates the memory of strings in bytes. V8 needs a header, and at most two bytes per UTF-16 unit. */
export function textBytes(...texts: readonly (string | undefined)[]): number {
  let bytes = 0;
  for (const text of texts) if (text !== undefined) bytes += STRING_HEADER_BYTES + 2 * text.length;
  return bytes;
}

/**
 * Returns a copy of the first `maxLength` UTF-16 units of a text, followed by `…` if the text is longer.
 *
 * The copy is needed because V8's sliced strings keep the whole original text in memory.
 */
export function detachString(text: string, maxLength: number): string {
  const detached = DECODER.decode(ENCODER.encode(text.slice(0, maxLength)));
  return text.length > maxLength ? `${detached}…` : detached;
}
