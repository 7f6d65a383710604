/** One request body that is still arriving, read once and given to several services in bounded memory. */

import type { Role } from "../config/config.ts";
import { BodyBranch, type BranchHooks } from "./body_branch.ts";
import type { BodySource } from "./body_source.ts";
import type { Problem } from "./problem.ts";
import { SharedChunk } from "./shared_chunk.ts";

/** How a body is shared. */
export interface BodyFanOutOptions {
  /** How many bytes may wait for one service. */
  readonly windowBytes: number;
  /** Whether nobody but native code looks at the pieces, so that their memory can be given back at once. */
  readonly reclaims: boolean;
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

/**
 * Reads a body at the pace of its primaries. Secondaries and shadows that fall behind by more than the window are cut
 * off; where no primary is left to read, the secondaries set the pace.
 */
export class BodyFanOut {
  readonly #source: BodySource;
  readonly #options: BodyFanOutOptions;
  readonly #branches = new Set<BodyBranch>();
  #wake: (() => void) | undefined;

  /**
   * Takes the body over; nothing is read before {@linkcode BodyFanOut.pump}.
   *
   * @param source The request's body.
   * @param options How it is shared, and whom to tell.
   */
  constructor(source: BodySource, options: BodyFanOutOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** What has been read of the body so far, in bytes. */
  get receivedBytes(): number {
    return this.#source.receivedBytes;
  }

  /**
   * Adds a reader.
   *
   * @param role Whose branch it is: primaries set the pace.
   * @param hooks What the attempt wants to know.
   * @param maxBytes How much of the body it may have; where more comes, it is broken off.
   * @returns The body for this service.
   */
  branch(role: Role, hooks: BranchHooks, maxBytes = Infinity): ReadableStream<Uint8Array<ArrayBuffer>> {
    const branch = new BodyBranch(PACE[role], maxBytes, hooks, () => this.#wake?.(), () => this.#leave(branch));
    this.#branches.add(branch);
    return branch.stream;
  }

  /** Reads the body to its end, or until nobody wants it any more. Never rejects. */
  async pump(): Promise<void> {
    while (await this.#hasRoom()) {
      const chunk = await this.#source.read();
      if (chunk === undefined) return this.#each((branch) => branch.end());
      if (!(chunk instanceof Uint8Array)) {
        this.#options.onProblem(chunk);
        break;
      }
      this.#deliver(chunk);
    }
    this.#each((branch) => branch.break("aborted"));
    this.#source.cancel();
  }

  #deliver(chunk: Uint8Array<ArrayBuffer>): void {
    const pace = this.#pace();
    const shared = new SharedChunk(chunk, this.#branches.size, this.#options.reclaims);
    this.#each((branch) => {
      const isTooMuch = chunk.length > branch.leftBytes;
      const lags = branch.rank > pace && branch.queuedBytes > 0 &&
        branch.queuedBytes + chunk.length > this.#options.windowBytes;
      if (!lags && !isTooMuch) return branch.push(shared);
      shared.release();
      branch.break(isTooMuch ? "body-too-large" : "lagging");
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

  #each(act: (branch: BodyBranch) => void): void {
    for (const branch of [...this.#branches]) act(branch);
  }

  #leave(branch: BodyBranch): void {
    this.#branches.delete(branch);
    this.#wake?.();
  }
}
