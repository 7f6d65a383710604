/** Bytes that arrive in pieces, copied into one buffer. Views on the pieces would hold their whole buffers. */

/** A limited amount of memory. */
export interface MemorySource {
  /** Takes memory. Returns `false` if there is not enough. */
  reserve(bytes: number): boolean;
  /** Gives memory back. */
  release(bytes: number): void;
}

/** Minimum capacity in bytes. A smaller buffer would cost more than it holds. */
const MIN_CAPACITY = 1_024;

const NO_BYTES = new Uint8Array(0);

/** A buffer that doubles its capacity, up to a maximum. */
export class GrowingBytes {
  readonly #maxBytes: number;
  readonly #memory: MemorySource | undefined;
  #buffer: Uint8Array = NO_BYTES;
  #length = 0;

  /** Starts empty. `memory` limits the memory taken. Default: no limit. */
  constructor(maxBytes: number, memory?: MemorySource) {
    this.#maxBytes = maxBytes;
    this.#memory = memory;
  }

  /** Number of bytes. */
  get length(): number {
    return this.#length;
  }

  /** All bytes; valid until the next call of `append` or `clear`. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Appends a copy of a piece. Returns `false`, and changes nothing, if the maximum or the memory does not allow it. */
  append(piece: Uint8Array): boolean {
    const length = this.#length + piece.length;
    if (length > this.#maxBytes) return false;
    if (length > this.#buffer.length && !this.#grow(length)) return false;
    this.#buffer.set(piece, this.#length);
    this.#length = length;
    return true;
  }

  /** Takes over a buffer without copying. Returns `false` if the maximum or the memory does not allow it. */
  adopt(buffer: Uint8Array): boolean {
    if (buffer.length > this.#maxBytes || this.#memory?.reserve(buffer.length) === false) return false;
    this.clear();
    this.#buffer = buffer;
    this.#length = buffer.length;
    return true;
  }

  /** Drops all bytes, and gives their memory back. */
  clear(): void {
    this.#memory?.release(this.#buffer.length);
    this.#buffer = NO_BYTES;
    this.#length = 0;
  }

  #grow(length: number): boolean {
    const capacity = Math.min(this.#maxBytes, Math.max(MIN_CAPACITY, 2 * this.#buffer.length, length));
    // Memory for both buffers is taken, because both exist during the copy.
    if (this.#memory?.reserve(capacity) === false) return false;
    const grown = new Uint8Array(capacity);
    grown.set(this.bytes);
    this.#memory?.release(this.#buffer.length);
    this.#buffer = grown;
    return true;
  }
}
