/** The body of a request of the node listener, as a stream. */

import type { IncomingMessage } from "node:http";

type Chunk = Uint8Array<ArrayBuffer>;

/** Maximum size of a piece in bytes, as for the reads from Deno's own listener. */
const MAX_PIECE_BYTES = 65_536;

/**
 * Reads an `IncomingMessage` on demand. Chunks that have arrived together are one piece. Pieces are copies, because
 * their memory belongs to the parser's buffer.
 */
export class NodeBody implements UnderlyingDefaultSource<Chunk> {
  readonly stream: ReadableStream<Chunk>;
  readonly #request: IncomingMessage;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** Creates the source. It reads nothing before its stream is read. */
  constructor(request: IncomingMessage) {
    this.#request = request;
    this.stream = new ReadableStream(this, { highWaterMark: 0 });
  }

  /** True if the rest of the body cannot be read. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
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
      if (piece !== null) return controller.enqueue(new Uint8Array(piece));
      if (request.readableEnded) return controller.close();
      if (request.destroyed) throw new TypeError("The request ended before its body was complete");
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  cancel(): void {
    this.#wake?.();
  }

  /** Fails the read in progress, and all further ones. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }
}
