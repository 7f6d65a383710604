/** A pool of buffers of one size. */

/** Maximum spare buffers of a pool. Others are left to the collector. */
const MAX_SPARE = 64;

/**
 * A pool of buffers of one size. V8 counts memory outside its heap: without a pool, a service that costs a connection
 * for each request causes a full collection every second.
 *
 * @example Usage
 * ```ts ignore
 * const pool = new BufferPool(8_192);
 * const buffer = pool.get();
 * pool.put(buffer);
 * ```
 */
export class BufferPool {
  readonly #sizeBytes: number;
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** Starts without buffers. */
  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /** Returns a spare buffer or a new one. Its content is arbitrary. */
  get(): Uint8Array<ArrayBuffer> {
    return this.#spare.pop() ?? new Uint8Array(this.#sizeBytes);
  }

  /** Takes back a buffer that is no longer read or written. A buffer of another size is dropped. */
  put(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === this.#sizeBytes && this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
