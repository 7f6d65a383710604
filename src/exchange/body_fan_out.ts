/** One request body that is still arriving, read once and given to several services in bounded memory. */

import type { Role } from "../config/config.ts";
import type { Deadline } from "./deadline.ts";
import { BODY_TOO_LARGE } from "./inbound.ts";
import type { Problem } from "./problem.ts";

/** What one service's branch reports to its attempt. */
export interface BranchHooks {
  /** The service took a chunk, or the client sent one after a pause: time starts anew. */
  onProgress(): void;
  /** Everything that has arrived is taken: the service waits for the client, and its time stands still. */
  onStarved(): void;
  /** The body is broken off: `lagging` where the service is further behind than the window, else `aborted`. */
  onBreak(kind: "lagging" | "aborted"): void;
}

/** Limits of one body. */
export interface BodyFanOutOptions {
  /** How many bytes may wait for one service. */
  readonly windowBytes: number;
  /** The largest body that is accepted, in bytes. */
  readonly maxBytes: number;
  /** Starts the time-out for the client's next chunk. */
  startDeadline(onExpire: () => void): Deadline;
  /** Called once where the body can not be had whole, just before every branch is broken off. */
  onProblem(problem: Problem): void;
}

/**
 * How far reading runs ahead of those who set the pace, in bytes. It is much less than the window, so that the window
 * measures how far the others are behind them, and not behind what has been read.
 */
const READ_AHEAD_BYTES = 65_536;

/** A service that stops counting hands the pace to those of the next rank. */
const PACE: Readonly<Record<Role, number>> = { primary: 0, secondary: 1, shadow: 2 };

const BROKEN: Problem = { status: 400, detail: "The request body ended before it was complete" };
const STALLED: Problem = { status: 408, detail: "The request body stopped arriving" };

/**
 * Reads a body at the pace of its primaries. Secondaries and shadows that fall behind by more than the window are cut
 * off; where no primary is left to read, the secondaries set the pace.
 */
export class BodyFanOut {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #options: BodyFanOutOptions;
  readonly #branches = new Set<Branch>();
  #wake: (() => void) | undefined;

  /**
   * Takes the body over; nothing is read before {@linkcode BodyFanOut.pump}.
   *
   * @param source The request's body.
   * @param options Limits, and whom to tell.
   */
  constructor(source: ReadableStream<Uint8Array<ArrayBuffer>>, options: BodyFanOutOptions) {
    this.#reader = source.getReader();
    this.#options = options;
  }

  /**
   * Adds a reader.
   *
   * @param role Whose branch it is: primaries set the pace.
   * @param hooks What the attempt wants to know.
   * @returns The body for this service.
   */
  branch(role: Role, hooks: BranchHooks): ReadableStream<Uint8Array<ArrayBuffer>> {
    const branch = new Branch(PACE[role], hooks, () => this.#wake?.(), () => this.#leave(branch));
    this.#branches.add(branch);
    return branch.stream;
  }

  /** Reads the body to its end, or until nobody wants it any more. Never rejects. */
  async pump(): Promise<void> {
    let receivedBytes = 0;
    let problem: Problem | undefined;
    const deadline = this.#options.startDeadline(() => {
      problem = STALLED;
      this.#reader.cancel().catch(() => {});
    });
    try {
      while (await this.#hasRoom()) {
        deadline.touch();
        const { done, value } = await this.#reader.read();
        deadline.stop();
        if (problem !== undefined) break;
        if (done) return this.#each((branch) => branch.end());
        receivedBytes += value.length;
        if (receivedBytes > this.#options.maxBytes) {
          problem = BODY_TOO_LARGE;
          break;
        }
        this.#deliver(value);
      }
    } catch {
      problem ??= BROKEN;
    }
    deadline.stop();
    if (problem !== undefined) this.#options.onProblem(problem);
    this.#each((branch) => branch.break("aborted"));
    this.#reader.cancel().catch(() => {});
  }

  #deliver(chunk: Uint8Array<ArrayBuffer>): void {
    const pace = this.#pace();
    this.#each((branch) => {
      const lags = branch.rank > pace && branch.queuedBytes > 0 &&
        branch.queuedBytes + chunk.length > this.#options.windowBytes;
      if (lags) branch.break("lagging");
      else branch.push(chunk);
    });
  }

  /** Waits until those who set the pace can take more; `false` where nobody but shadows is left. */
  async #hasRoom(): Promise<boolean> {
    for (;;) {
      const pace = this.#pace();
      if (pace >= PACE.shadow) return false;
      const full = [...this.#branches].some(({ rank, queuedBytes }) =>
        rank === pace && queuedBytes >= READ_AHEAD_BYTES
      );
      if (!full) return true;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #pace(): number {
    return [...this.#branches].reduce((lowest, { rank }) => Math.min(lowest, rank), Infinity);
  }

  #each(act: (branch: Branch) => void): void {
    for (const branch of [...this.#branches]) act(branch);
  }

  #leave(branch: Branch): void {
    this.#branches.delete(branch);
    this.#wake?.();
  }
}

/** What has arrived and one service has not yet taken. */
class Branch {
  readonly rank: number;
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  queuedBytes = 0;
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];
  readonly #hooks: BranchHooks;
  readonly #onTaken: () => void;
  readonly #onLeave: () => void;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #starved: (() => void) | undefined;
  #ended = false;

  constructor(rank: number, hooks: BranchHooks, onTaken: () => void, onLeave: () => void) {
    this.rank = rank;
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

  push(chunk: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(chunk);
    this.queuedBytes += chunk.length;
    this.#resume();
  }

  end(): void {
    this.#ended = true;
    this.#resume();
  }

  break(kind: "lagging" | "aborted"): void {
    this.#leave();
    this.#hooks.onBreak(kind);
    this.#controller.error(new Error("The request body was broken off"));
  }

  #pull(): Promise<void> | void {
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
      this.queuedBytes -= chunk.length;
      this.#controller.enqueue(chunk);
      this.#onTaken();
    }
    if (this.#ended && this.#queue.length === 0) {
      this.#leave();
      this.#controller.close();
    }
    return true;
  }

  #leave(): void {
    this.#queue.length = 0;
    this.queuedBytes = 0;
    this.#starved?.();
    this.#starved = undefined;
    this.#onLeave();
  }
}
