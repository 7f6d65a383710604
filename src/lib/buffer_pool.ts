/** Buffers of connections that are closed, for those that are made next. */

/** So many are kept, each of them; the rest is left to the collector. */
const MAX_SPARE = 64;

/**
 * Buffers of one size. A new one is memory outside the heap, which V8 counts: a service that costs a connection for each
 * request would bring about a full collection every second.
 */
export class BufferPool {
  readonly #bytes: number;
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /**
   * Starts with none.
   *
   * @param bytes The size of each, in bytes.
   */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /**
   * Takes one.
   *
   * @returns A buffer; what is in it is of no meaning.
   */
  get(): Uint8Array<ArrayBuffer> {
    return this.#spare.pop() ?? new Uint8Array(this.#bytes);
  }

  /**
   * Gives one back.
   *
   * @param buffer A buffer that nobody will read or write any more. One of another size is not kept.
   */
  put(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.length === this.#bytes && this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
