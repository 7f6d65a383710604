/**
 * A buffer for bytes that arrive in chunks. Chunks are copied, because a view would retain its whole underlying buffer.
 */

/** A limited amount of memory. */
export interface MemorySource {
  /** Reserves memory. Returns `false` if too little is free. */
  reserve(bytes: number): boolean;
  /** Releases reserved memory. */
  release(bytes: number): void;
}

/** Minimum capacity in bytes. The overhead of a smaller buffer would exceed its content. */
const MIN_CAPACITY = 1_024;

const NO_BYTES = new Uint8Array(0);

/** A buffer that doubles its capacity, up to a maximum. */
export class GrowingBytes {
  readonly #maxBytes: number;
  readonly #memory: MemorySource | undefined;
  #buffer: Uint8Array = NO_BYTES;
  #length = 0;

  /** Creates an empty buffer. Its memory is reserved from `memory`; by default, only `maxBytes` limits it. */
  constructor(maxBytes: number, memory?: MemorySource) {
    this.#maxBytes = maxBytes;
    this.#memory = memory;
  }

  /** Number of bytes. */
  get length(): number {
    return this.#length;
  }

  /** All bytes. The view is valid until the next call of `append` or `clear`. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Appends a copy of a chunk. Returns `false`, and appends nothing, if the maximum or the memory is exceeded. */
  append(chunk: Uint8Array): boolean {
    const length = this.#length + chunk.length;
    if (length > this.#maxBytes) return false;
    if (length > this.#buffer.length && !this.#grow(length)) return false;
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
    return true;
  }

  /** Replaces the content by a buffer, without copying. Returns `false` if the maximum or the memory is exceeded. */
  adopt(buffer: Uint8Array): boolean {
    if (buffer.length > this.#maxBytes || this.#memory?.reserve(buffer.length) === false) return false;
    this.clear();
    this.#buffer = buffer;
    this.#length = buffer.length;
    return true;
  }

  /** Removes all bytes, and releases their memory. */
  clear(): void {
    this.#memory?.release(this.#buffer.length);
    this.#buffer = NO_BYTES;
    this.#length = 0;
  }

  #grow(length: number): boolean {
    const capacity = Math.min(this.#maxBytes, Math.max(MIN_CAPACITY, 2 * this.#buffer.length, length));
    // Both buffers exist during the copy, so the memory of the old one is released afterwards.
    if (this.#memory?.reserve(capacity) === false) return false;
    const grown = new Uint8Array(capacity);
    grown.set(this.bytes);
    this.#memory?.release(this.#buffer.length);
    this.#buffer = grown;
    return true;
  }
}
