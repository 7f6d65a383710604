/** What has arrived of a body and one service has not yet taken. */

import type { SharedChunk } from "./shared_chunk.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** What one service's branch reports to its attempt. */
export interface BranchHooks {
  /** The service took a chunk, or the client sent one after a pause: time starts anew. */
  onProgress(): void;
  /** Everything that has arrived is taken: the service waits for the client, and its time stands still. */
  onStarved(): void;
  /** The body is broken off. */
  onBreak(kind: BreakKind): void;
}

/**
 * Why a body is broken off: the service is further behind than the window (`lagging`), is not to have so much of it, or
 * nobody gets the rest.
 */
export type BreakKind = "lagging" | "body-too-large" | "aborted";

/** One service's queue of a body, and the stream that it reads from. */
export class BodyBranch {
  readonly rank: number;
  readonly stream: ReadableStream<Chunk>;
  queuedBytes = 0;
  /** How much more of the body it may be given, in bytes. */
  leftBytes: number;
  readonly #queue: SharedChunk[] = [];
  /** What the service was given last; it has passed that on when it asks for more. */
  #given: SharedChunk | undefined;
  readonly #hooks: BranchHooks;
  readonly #onTaken: () => void;
  readonly #onLeave: () => void;
  #controller!: ReadableStreamDefaultController<Chunk>;
  #starved: (() => void) | undefined;
  #ended = false;

  constructor(rank: number, maxBytes: number, hooks: BranchHooks, onTaken: () => void, onLeave: () => void) {
    this.rank = rank;
    this.leftBytes = maxBytes;
    this.#hooks = hooks;
    this.#onTaken = onTaken;
    this.#onLeave = onLeave;
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => this.#leave(),
    }, { highWaterMark: 0 });
  }

  push(chunk: SharedChunk): void {
    this.#queue.push(chunk);
    this.queuedBytes += chunk.bytes.length;
    this.leftBytes -= chunk.bytes.length;
    this.#resume();
  }

  end(): void {
    this.#ended = true;
    this.#resume();
  }

  break(kind: BreakKind): void {
    this.#leave();
    this.#hooks.onBreak(kind);
    this.#controller.error(new Error("The request body was broken off"));
  }

  #pull(): Promise<void> | void {
    this.#given?.release();
    this.#given = undefined;
    if (this.#give()) return;
    this.#hooks.onStarved();
    return new Promise((resolve) => this.#starved = resolve);
  }

  #resume(): void {
    const resolve = this.#starved;
    if (resolve === undefined) return;
    this.#starved = undefined;
    this.#give();
    resolve();
  }

  /** Hands the next chunk on, and closes with the last one. */
  #give(): boolean {
    const chunk = this.#queue.shift();
    if (chunk === undefined && !this.#ended) return false;
    this.#hooks.onProgress();
    if (chunk !== undefined) {
      this.queuedBytes -= chunk.bytes.length;
      this.#given = chunk;
      this.#controller.enqueue(chunk.bytes);
      this.#onTaken();
    }
    if (this.#ended && this.#queue.length === 0) {
      this.#leave();
      this.#controller.close();
    }
    return true;
  }

  #leave(): void {
    for (const chunk of this.#queue.splice(0)) chunk.release();
    this.queuedBytes = 0;
    this.#starved?.();
    this.#starved = undefined;
    this.#onLeave();
  }
}
