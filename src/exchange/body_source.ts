/** The client's body as it arrives: within its limits, and never waited for without end. */

import type { Deadline } from "./deadline.ts";
import type { Problem } from "./problem.ts";
import { BODY_TOO_LARGE } from "./refusals.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** What a read brings; neither of both at the body's end. */
export interface BodyRead {
  /** The next chunk. */
  readonly chunk?: Chunk;
  /** Why the body can not be had whole. */
  readonly problem?: Problem;
}

/** Limits of one body. */
export interface BodySourceOptions {
  /** The largest body that is accepted, in bytes. */
  readonly maxBytes: number;
  /** Starts the time-out for the client's next chunk. */
  startDeadline(onExpire: () => void): Deadline;
}

const END: BodyRead = {};
const BROKEN_OFF: Problem = { status: 400, detail: "The request body ended before it was complete" };
const STALLED: Problem = { status: 408, detail: "The request body stopped arriving" };

/** Reads a request's body. A client that breaks it off, pauses for too long or sends too much is a problem, not an error. */
export class BodySource {
  readonly #reader: ReadableStreamDefaultReader<Chunk>;
  readonly #maxBytes: number;
  readonly #deadline: Deadline;
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
    this.#reader = body.getReader();
    this.#maxBytes = options.maxBytes;
    this.#deadline = options.startDeadline(() => {
      this.#stalled = true;
      this.cancel();
    });
    this.#deadline.stop();
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
    return await this.#peeked === END;
  }

  /**
   * Reads a small body to its end.
   *
   * @param lengthBytes How long the client said it would be.
   * @returns The bytes, or why they can not be had.
   */
  async readWhole(lengthBytes: number): Promise<Chunk | Problem> {
    const bytes = new Uint8Array(lengthBytes);
    for (let offset = 0;;) {
      const { chunk, problem } = await this.read();
      if (problem !== undefined) return problem;
      if (chunk === undefined) return offset === lengthBytes ? bytes : BROKEN_OFF;
      if (offset + chunk.length > lengthBytes) return BROKEN_OFF;
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
  }

  /** Reads no further. */
  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }

  async #next(): Promise<BodyRead> {
    this.#deadline.touch();
    try {
      let { done, value } = await this.#reader.read();
      // Deno hands out an empty chunk where there is no body.
      while (value?.length === 0) ({ done, value } = await this.#reader.read());
      if (this.#stalled) return { problem: STALLED };
      if (done || value === undefined) return END;
      this.#receivedBytes += value.length;
      return this.#receivedBytes > this.#maxBytes ? { problem: BODY_TOO_LARGE } : { chunk: value };
    } catch {
      return { problem: this.#stalled ? STALLED : BROKEN_OFF };
    } finally {
      this.#deadline.stop();
    }
  }
}
