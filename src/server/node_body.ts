/** The body of a request of the node listener, as a stream. */

import type { IncomingMessage } from "node:http";

type Chunk = Uint8Array<ArrayBuffer>;

/** Maximum tiny chunks between two reads. The limit on buffered bytes would allow 65,536 chunks of one byte. */
const MAX_CHUNKS = 12_288;
/** Maximum size of a piece in bytes, as for the reads from Deno's own listener. */
const MAX_PIECE_BYTES = 65_536;
/** Mean size in bytes below which chunks are tiny. */
const MIN_MEAN_BYTES = 16;

/**
 * Counts the chunks that the parser adds to a request faster than they are read. Each costs more than a hundred bytes
 * of memory, and a call from the parser.
 */
export class ChunkCounter {
  #chunks = 0;
  #bytes = 0;

  /** Calls `onFlood` once, and drops all further chunks, if there are too many. */
  constructor(request: IncomingMessage, onFlood: () => void) {
    const push = request.push;
    request.push = (chunk: Uint8Array | null, encoding) => {
      if (chunk !== null && ++this.#chunks >= MAX_CHUNKS) {
        if (this.#chunks > MAX_CHUNKS) return false;
        if (this.#bytes < MIN_MEAN_BYTES * this.#chunks) {
          onFlood();
          return false;
        }
        this.#chunks = this.#bytes = 0;
      }
      this.#bytes += chunk?.length ?? 0;
      return push.call(request, chunk, encoding);
    };
  }

  /** Called when everything that has arrived is read. */
  reset(): void {
    if (this.#chunks < MAX_CHUNKS) this.#chunks = this.#bytes = 0;
  }
}

/**
 * Reads an `IncomingMessage` on demand. Several chunks that have arrived together are one piece, so that a flood of tiny
 * chunks costs little. Pieces are copies, because their memory belongs to the parser's buffer.
 */
export class NodeBody implements UnderlyingDefaultSource<Chunk> {
  readonly stream: ReadableStream<Chunk>;
  readonly #request: IncomingMessage;
  readonly #chunks: ChunkCounter | undefined;
  #failure: Error | undefined;
  #isCancelled = false;
  #wake: (() => void) | undefined;

  /** Reads nothing before the stream is read. */
  constructor(request: IncomingMessage, chunks: ChunkCounter | undefined) {
    this.#request = request;
    this.#chunks = chunks;
    this.stream = new ReadableStream(this, { highWaterMark: 0 });
  }

  /** True if the rest of the body is not wanted, or cannot be read. */
  get isAbandoned(): boolean {
    return this.#isCancelled || this.#failure !== undefined;
  }

  start(): void {
    const wake = () => this.#wake?.();
    this.#request.on("readable", wake).on("end", wake).on("close", wake).on("error", wake);
  }

  async pull(controller: ReadableStreamDefaultController<Chunk>): Promise<void> {
    const request = this.#request;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      // Without a length, Deno returns one chunk only.
      const piece = request.read(Math.min(request.readableLength, MAX_PIECE_BYTES) || undefined) as Chunk | null;
      this.#chunks?.reset();
      if (piece !== null) return controller.enqueue(new Uint8Array(piece));
      if (request.readableEnded) return controller.close();
      if (request.destroyed) throw new TypeError("The request ended before its body was complete");
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#wake?.();
  }

  /** Fails the read in progress, and all further ones. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }
}
