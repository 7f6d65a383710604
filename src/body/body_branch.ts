/** Queue of a request body for one service: bytes that have arrived and have not been sent. */

import { ChunkRange } from "./shared_chunk.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** Listener of a branch: the attempt that reads it. */
export interface BranchListener {
  /** Called when the service takes a chunk, or the client sends one after a pause. The timeout restarts. */
  onProgress(): void;
  /** Called when the service has taken all that has arrived and waits for the client. Its timeout pauses. */
  onStarved(): void;
  /** Called when the body is aborted. */
  onBreak(kind: BranchError): void;
  /** Reports whether the attempt failed, or its response was read or discarded. */
  isFinished(): boolean;
}

/** Reason for aborting a body: the service lags behind, the body is too large for it, or no service gets the rest. */
export type BranchError = "body-lag" | "body-too-large" | "aborted";

/** Queue of a body for one service, and the stream that its attempt reads. */
export class BodyBranch {
  readonly rank: number;
  readonly stream: ReadableStream<Chunk>;
  queuedBytes = 0;
  /** Bytes that the service may still receive. */
  remainingBytes: number;
  readonly #queue: ChunkRange[] = [];
  /** Range emitted last. It has been sent when the attempt asks for more. */
  #emitted: ChunkRange | undefined;
  readonly #listener: BranchListener;
  readonly #onTaken: () => void;
  readonly #onDetach: () => void;
  #controller!: ReadableStreamDefaultController<Chunk>;
  #starved: (() => void) | undefined;
  #ended = false;

  constructor(rank: number, maxBytes: number, listener: BranchListener, onTaken: () => void, onDetach: () => void) {
    this.rank = rank;
    this.remainingBytes = maxBytes;
    this.#listener = listener;
    this.#onTaken = onTaken;
    this.#onDetach = onDetach;
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => this.#detach(),
    }, { highWaterMark: 0 });
  }

  /** True if the attempt failed, or its response was read or discarded. */
  get isAttemptFinished(): boolean {
    return this.#listener.isFinished();
  }

  /** Queues a range. A range that continues the last one extends it, so that tiny pieces do not cost an object each. */
  push({ chunk, start, end }: ChunkRange): void {
    const last = this.#queue.at(-1);
    if (last !== undefined && last.chunk === chunk && last.end === start) last.end = end;
    else {
      chunk.acquire();
      this.#queue.push(new ChunkRange(chunk, start, end));
    }
    this.queuedBytes += end - start;
    this.remainingBytes -= end - start;
    this.#resume();
  }

  end(): void {
    this.#ended = true;
    this.#resume();
  }

  break(kind: BranchError): void {
    this.#detach();
    this.#listener.onBreak(kind);
    this.#controller.error(new Error("Cannot send the complete request body: it was aborted"));
  }

  #pull(): Promise<void> | void {
    this.#emitted?.chunk.release();
    this.#emitted = undefined;
    if (this.#emit()) return;
    this.#listener.onStarved();
    return new Promise((resolve) => this.#starved = resolve);
  }

  #resume(): void {
    const resolve = this.#starved;
    if (resolve === undefined) return;
    this.#starved = undefined;
    this.#emit();
    resolve();
  }

  /** Emits the next range, and closes the stream after the last one. */
  #emit(): boolean {
    const range = this.#queue.shift();
    if (range === undefined && !this.#ended) return false;
    this.#listener.onProgress();
    if (range !== undefined) {
      const { bytes } = range;
      this.queuedBytes -= bytes.length;
      this.#emitted = range;
      this.#controller.enqueue(bytes);
      this.#onTaken();
    }
    if (this.#ended && this.#queue.length === 0) {
      this.#detach();
      this.#controller.close();
    }
    return true;
  }

  #detach(): void {
    for (const { chunk } of this.#queue.splice(0)) chunk.release();
    this.queuedBytes = 0;
    this.#starved?.();
    this.#starved = undefined;
    this.#onDetach();
  }
}
