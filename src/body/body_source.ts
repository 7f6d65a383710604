/** The client's request body, read with a size limit and a timeout for each read. */

import type { LoopTurns } from "../lib/loop_turns.ts";
import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";
import type { LocalReply } from "../http/client_response.ts";
import { cancelStream } from "../lib/cancel_stream.ts";
import { detachBuffer } from "../lib/detach_buffer.ts";
import { ChunkFloodError, type ConnectionInfo, RequestTimeoutError } from "../http/client_request.ts";
import { plainBytes } from "../lib/foreign_bytes.ts";
import { BODY_TOO_LARGE } from "../http/client_response.ts";
import { ChunkFlow } from "./chunk_flow.ts";
import { isSparse } from "./shared_chunk.ts";
import type { UploadWatch } from "./upload_watch.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** Result of a read: the next piece, the problem that ends the body early, or `undefined` at its end. */
export type BodyRead = Chunk | LocalReply | undefined;

/** Options of {@linkcode BodySource}. */
export interface BodySourceOptions {
  /** Maximum size of the body in bytes. */
  readonly maxBytes: number;
  /** Maximum wait for the client's next piece, in milliseconds. */
  readonly timeoutMs: number;
  /** The handler's timeouts. */
  readonly deadlines: TimeoutQueues;
  /** Turns of the event loop for all bodies of the handler. */
  readonly turns: LoopTurns;
  /** Connection of the client. */
  readonly connection?: Pick<ConnectionInfo, "isListenerClosed" | "completed">;
  /** Measures the client's upload rate. Absent: no minimum rate. */
  readonly watch?: UploadWatch;
  /** True if the body has no declared length. HTTP/1.1 sends such a body in chunks. */
  readonly isChunked?: boolean;
}

const BROKEN_OFF: LocalReply = { status: 400, detail: "The request body ended before it was complete" };
const CUT_OFF: LocalReply = {
  status: 503,
  detail: "The server closed its listener before the request body was complete",
  headers: [["retry-after", "1"]],
};
const STALLED: LocalReply = { status: 408, detail: "The request body stopped arriving", reason: "stalled-upload" };
const LATE: LocalReply = { status: 408, detail: "The request took too long to arrive", reason: "request-timeout" };
/** A program that creates a request may stream anything. `fetch` throws a TypeError. */
const NOT_BYTES: LocalReply = { status: 500, detail: "The request body must be a stream of Uint8Array chunks" };
const TOO_MANY_CHUNKS: LocalReply = {
  status: 400,
  detail: "The request body arrived in too many small chunks",
  breaksOff: true,
};
const READ_BUFFER_BYTES = 65_536;
/**
 * Maximum time in milliseconds for discarding the rest of a body, in all and for each wait. nginx has the same limits.
 */
const DISCARD_MS = 30_000;
const DISCARD_WAIT_MS = 5_000;
/** Size of the buffer for discarded bytes. Small, because these uploads have no permit. */
const DISCARD_BUFFER_BYTES = 16_384;

/**
 * Reads a request's body. If the client breaks it off, pauses too long or sends too much, the result is a problem, not
 * an exception.
 */
export class BodySource implements TimeoutListener {
  readonly #body: ReadableStream<Chunk>;
  readonly #maxBytes: number;
  readonly #deadlines: TimeoutQueues;
  readonly #deadline: Deadline;
  readonly #turns: LoopTurns;
  readonly #watch: UploadWatch | undefined;
  readonly #connection: BodySourceOptions["connection"];
  /** Absent for bodies with a declared length: Deno leaves the rest of those in the socket. */
  readonly #flow: ChunkFlow | undefined;
  #reader: ReadableStreamDefaultReader<Chunk> | undefined;
  /** Used instead of `#reader` if the stream allows it. */
  #byteReader: ReadableStreamBYOBReader | undefined;
  /** Memory for the next read; `undefined` if the last piece was returned without a copy. */
  #buffer: Chunk | undefined;
  #receivedBytes = 0;
  #stalled = false;
  #isCancelled = false;
  #isDiscarding = false;
  #peeked: Promise<BodyRead> | undefined;

  /** Takes over the body without reading it. */
  constructor(body: ReadableStream<Chunk>, options: BodySourceOptions) {
    this.#body = body;
    this.#maxBytes = options.maxBytes;
    this.#turns = options.turns;
    this.#deadlines = options.deadlines;
    this.#deadline = options.deadlines.start(options.timeoutMs, this);
    this.#deadline.stop();
    this.#watch = options.watch;
    this.#connection = options.connection;
    this.#flow = options.isChunked ? new ChunkFlow() : undefined;
  }

  /** Bytes read so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** True if the body should be read on although services lag: the runtime may hold too much of it. */
  get isBehind(): boolean {
    return this.#flow?.isBehind === true;
  }

  /**
   * Reads the next piece, or the end of the body. The next read overwrites a piece for which {@linkcode isSparse}
   * holds.
   */
  async read(): Promise<BodyRead> {
    const peeked = this.#peeked;
    this.#peeked = undefined;
    return await (peeked ?? this.#next());
  }

  /**
   * Reads the first piece, and keeps it for the next read. `undefined`: there is no body at all, because servers create
   * a stream even for requests without one (RFC 9112 §6.3).
   */
  async peek(): Promise<BodyRead> {
    return await (this.#peeked = this.#next());
  }

  /**
   * Reads a small body to its end, directly into one buffer of its size if the stream allows it. Otherwise Deno takes a
   * buffer of 64 KiB for each piece, and a thousand small bodies hold 64 MiB. Returns the problem if the body cannot be
   * read.
   */
  async readWhole(lengthBytes: number): Promise<Chunk | LocalReply> {
    try {
      this.#open();
    } catch {
      return BROKEN_OFF;
    }
    const byteReader = this.#byteReader;
    let whole = new Uint8Array(lengthBytes);
    for (let offset = 0;;) {
      const piece = byteReader !== undefined
        ? await this.#next(() => byteReader.read(offset < lengthBytes ? whole.subarray(offset) : new Uint8Array(1)))
        : await this.#next();
      if (piece === undefined) return offset === lengthBytes ? whole : BROKEN_OFF;
      if (!(piece instanceof Uint8Array)) return piece;
      if (offset + piece.length > lengthBytes) return BROKEN_OFF;
      // A BYOB read detaches its buffer, and returns another one over the same memory.
      if (byteReader !== undefined) whole = new Uint8Array(piece.buffer);
      else whole.set(piece, offset);
      offset += piece.length;
    }
  }

  /** Ends the body as stalled, because the client has sent nothing for `timeoutMs`. */
  onTimeout(): void {
    this.#stalled = true;
    this.cancel();
  }

  /** Reads no further. A read in progress ends with a problem. */
  cancel(): void {
    this.#isCancelled = true;
    this.#watch?.ended();
    cancelStream(this.#byteReader ?? this.#reader ?? this.#body);
  }

  /**
   * Reads no further for a service, but discards the rest for a limited time. If a server closes a connection with
   * unread bytes, the system resets it, and the client can lose the response (RFC 9112 §9.6). Only servers report the
   * end of a response: the body of any other request may be endless, and is cancelled.
   */
  async discard(): Promise<void> {
    if (this.#connection?.completed === undefined) return this.cancel();
    this.#watch?.ended();
    this.#isDiscarding = true;
    const total = this.#deadlines.start(DISCARD_MS, this);
    const wait = this.#deadlines.start(DISCARD_WAIT_MS, this);
    for (;;) {
      const piece = await this.read();
      if (!(piece instanceof Uint8Array)) break;
      if (this.#byteReader !== undefined) this.#buffer = new Uint8Array(piece.buffer);
      wait.refresh();
    }
    total.stop();
    wait.stop();
    this.#releaseBuffer();
    this.cancel();
  }

  async #next(readPiece = this.#readPiece): Promise<BodyRead> {
    const turns = this.#turns;
    if (this.isBehind) { while (!turns.hold(this)) await turns.rest(); }
    else for (let pause = turns.pause(); pause !== undefined; pause = turns.pause()) await pause;
    if (this.#flow?.takeRest()) await turns.rest();
    const turn = turns.count;
    this.#deadline.refresh();
    this.#watch?.waiting();
    try {
      for (;;) {
        const { done, value } = await readPiece();
        if (this.#stalled) return STALLED;
        // A cancelled stream seems to end. The body must not look complete.
        if (this.#isCancelled) return BROKEN_OFF;
        if (done) {
          this.#releaseBuffer();
          return void this.#watch?.ended();
        }
        const piece = plainBytes(value);
        if (piece === undefined) return NOT_BYTES;
        if (piece.length > 0) {
          if (this.#flow?.record(piece.length, turns.count !== turn) === false) return TOO_MANY_CHUNKS;
          return this.#received(piece);
        }
        // Deno returns an empty piece if there is no body.
        const pause = turns.pause();
        if (pause !== undefined) await pause;
      }
    } catch (error) {
      if (this.#stalled) return STALLED;
      if (error instanceof RequestTimeoutError) return LATE;
      if (error instanceof ChunkFloodError) return TOO_MANY_CHUNKS;
      return this.#connection?.isListenerClosed ? CUT_OFF : BROKEN_OFF;
    } finally {
      this.#deadline.stop();
    }
  }

  #received(piece: Chunk): BodyRead {
    if (this.#isDiscarding) return piece;
    this.#receivedBytes += piece.length;
    if (this.#receivedBytes > this.#maxBytes) return BODY_TOO_LARGE;
    return this.#watch?.arrived(this.#receivedBytes) ?? piece;
  }

  readonly #readPiece = async (): Promise<{ done: boolean; value?: Chunk | undefined }> => {
    this.#open();
    if (this.#byteReader === undefined) return await this.#reader!.read();
    const result = await this.#byteReader.read(this.#takeBuffer());
    const { value } = result;
    // A large piece keeps its buffer: another read into the same memory would overwrite it.
    this.#buffer = value !== undefined && isSparse(value) ? new Uint8Array(value.buffer) : undefined;
    return result;
  };

  /** Opens a BYOB reader if the stream allows it. Some runtimes do not, and neither do buffered bodies. */
  #open(): void {
    if (this.#byteReader !== undefined || this.#reader !== undefined) return;
    try {
      this.#byteReader = this.#body.getReader({ mode: "byob" });
    } catch {
      this.#reader = this.#body.getReader();
    }
  }

  #takeBuffer(): Chunk {
    const sizeBytes = this.#flow?.readBytes ?? (this.#isDiscarding ? DISCARD_BUFFER_BYTES : READ_BUFFER_BYTES);
    if (this.#buffer !== undefined && this.#buffer.length >= sizeBytes) return this.#buffer;
    this.#releaseBuffer();
    return new Uint8Array(sizeBytes);
  }

  /** Returns the buffer's memory before the next collection (decision 022). */
  #releaseBuffer(): void {
    if (this.#buffer !== undefined) detachBuffer(this.#buffer.buffer);
    this.#buffer = undefined;
  }
}
