/** The client's body as it arrives: within its limits, and never waited for without end. */

import type { Deadline, Deadlines, Expiring } from "./deadline.ts";
import type { Problem } from "./problem.ts";
import { BODY_TOO_LARGE } from "./refusals.ts";
import type { UploadWatch } from "./upload_watch.ts";

type Chunk = Uint8Array<ArrayBuffer>;
type Piece = { readonly done: boolean; readonly value?: Chunk | undefined };

/** What a read brings: the next chunk, why the body can not be had whole, or `undefined` at its end. */
export type BodyRead = Chunk | Problem | undefined;

/** Limits of one body. */
export interface BodySourceOptions {
  /** The largest body that is accepted, in bytes. */
  readonly maxBytes: number;
  /** The longest silence before the client's next chunk, in milliseconds. */
  readonly timeoutMs: number;
  /** The handler's time-outs. */
  readonly deadlines: Deadlines;
  /** Measures the client's progress. */
  readonly watch?: UploadWatch;
}

const BROKEN_OFF: Problem = { status: 400, detail: "The request body ended before it was complete" };
const STALLED: Problem = { status: 408, detail: "The request body stopped arriving", reason: "stalled-upload" };

/** Reads a request's body. A client that breaks it off, pauses for too long or sends too much is a problem, not an error. */
export class BodySource implements Expiring {
  readonly #body: ReadableStream<Chunk>;
  #reader: ReadableStreamDefaultReader<Chunk> | ReadableStreamBYOBReader | undefined;
  readonly #maxBytes: number;
  readonly #deadline: Deadline;
  readonly #watch: UploadWatch | undefined;
  #receivedBytes = 0;
  #stalled = false;
  #peeked: Promise<BodyRead> | undefined;

  /**
   * Takes the body over.
   *
   * @param body The request's body.
   * @param options Its limits.
   */
  constructor(body: ReadableStream<Chunk>, options: BodySourceOptions) {
    this.#body = body;
    this.#maxBytes = options.maxBytes;
    this.#deadline = options.deadlines.start(options.timeoutMs, this);
    this.#deadline.stop();
    this.#watch = options.watch;
  }

  /** What has been read so far, in bytes. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /**
   * Reads on.
   *
   * @returns The next chunk, or how the body ended.
   */
  async read(): Promise<BodyRead> {
    const peeked = this.#peeked;
    this.#peeked = undefined;
    return await (peeked ?? this.#next());
  }

  /**
   * Looks whether there is a body at all. Servers make a stream of every request, also of one that ends with its head
   * (RFC 9112 §6.3).
   *
   * @returns `true` where it ended without a byte; nothing is lost otherwise.
   */
  async isEmpty(): Promise<boolean> {
    this.#peeked = this.#next();
    return await this.#peeked === undefined;
  }

  /**
   * Reads a small body to its end, where the stream allows it right into its place: Deno's has a buffer of 64 KiB for each
   * piece else, and a thousand such bodies are 64 MiB of them.
   *
   * @param lengthBytes How long the client said it would be.
   * @returns The bytes, or why they can not be had.
   */
  async readWhole(lengthBytes: number): Promise<Chunk | Problem> {
    const byteReader = byteReaderOf(this.#body);
    this.#reader = byteReader;
    let whole = new Uint8Array(lengthBytes);
    for (let offset = 0;;) {
      const chunk = byteReader === undefined
        ? await this.read()
        : await this.#next(() => byteReader.read(offset < lengthBytes ? whole.subarray(offset) : new Uint8Array(1)));
      if (chunk === undefined) return offset === lengthBytes ? whole : BROKEN_OFF;
      if (!(chunk instanceof Uint8Array)) return chunk;
      if (offset + chunk.length > lengthBytes) return BROKEN_OFF;
      // What was read into has become another buffer, over the same memory.
      if (byteReader !== undefined) whole = new Uint8Array(chunk.buffer);
      else whole.set(chunk, offset);
      offset += chunk.length;
    }
  }

  /** The client has been silent for too long. */
  onExpire(): void {
    this.#stalled = true;
    this.cancel();
  }

  /** Reads no further. */
  cancel(): void {
    this.#watch?.ended();
    (this.#reader ?? this.#body).cancel().catch(() => {});
  }

  async #next(readPiece = this.#readPiece): Promise<BodyRead> {
    this.#deadline.touch();
    this.#watch?.waiting();
    try {
      let { done, value } = await readPiece();
      // Deno hands out an empty chunk where there is no body.
      while (!done && value?.length === 0) ({ done, value } = await readPiece());
      if (this.#stalled) return STALLED;
      if (done || value === undefined) return void this.#watch?.ended();
      this.#receivedBytes += value.length;
      if (this.#receivedBytes > this.#maxBytes) return BODY_TOO_LARGE;
      return this.#watch?.arrived(this.#receivedBytes) ?? value;
    } catch {
      return this.#stalled ? STALLED : BROKEN_OFF;
    } finally {
      this.#deadline.stop();
    }
  }

  readonly #readPiece = (): Promise<Piece> => {
    const reader = this.#reader ??= this.#body.getReader();
    return (reader as ReadableStreamDefaultReader<Chunk>).read();
  };
}

/** Not every runtime's bodies are streams of bytes, nor are those that Deno has whole already. */
function byteReaderOf(body: ReadableStream<Chunk>): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}
