/** A request body that is still arriving, read once and passed to several services in bounded memory. */

import type { Role } from "../config/config.ts";
import { BodyBranch, type BranchListener } from "./body_branch.ts";
import type { BodySource } from "./body_source.ts";
import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";
import { BODY_TOO_LARGE, type LocalReply } from "../http/client_response.ts";
import { ChunkPacker } from "./shared_chunk.ts";

/** Options of {@linkcode BodyFanOut}. */
export interface BodyFanOutOptions {
  /** Maximum bytes that wait for one service. */
  readonly windowBytes: number;
  /**
   * Release the memory of a piece as soon as it has been sent. Only for transports that pass the bytes to native code.
   */
  readonly detachBuffers: boolean;
  readonly deadlines: TimeoutQueues;
  /** Maximum pause in milliseconds of a service that reads the body after its attempt has finished. */
  readonly timeoutMs: number;
  /** Called once if the body cannot be read completely, just before all branches are aborted. */
  onProblem(problem: LocalReply): void;
}

/**
 * Maximum bytes read ahead of the services that set the pace. Much smaller than the window, so that the window measures
 * how far other services lag.
 */
const READ_AHEAD_BYTES = 65_536;
/**
 * The same limit while the runtime may hold unread bytes. It takes up to 128 KiB more after each wait for a service.
 */
const CATCH_UP_BYTES = 262_144;

/** Services of the lowest rank that still read the body set the pace. */
const RANK: Readonly<Record<Role, number>> = { primary: 0, secondary: 1, shadow: 2 };

/**
 * Reads a body at the pace of its primaries. Secondaries and shadows that lag by more than the window are cut off. If
 * no primary reads any more, the secondaries set the pace.
 */
export class BodyFanOut implements TimeoutListener {
  readonly #source: BodySource;
  readonly #options: BodyFanOutOptions;
  readonly #branches = new Set<BodyBranch>();
  readonly #packer: ChunkPacker;
  readonly #catchUpBytes: number;
  #wake: (() => void) | undefined;
  /** Runs while the pump waits for a service. */
  #stall: Deadline | undefined;

  /** Takes over the body of `source`; reads nothing before {@linkcode BodyFanOut.pump}. */
  constructor(source: BodySource, options: BodyFanOutOptions) {
    this.#source = source;
    this.#options = options;
    this.#packer = new ChunkPacker(options.detachBuffers);
    this.#catchUpBytes = Math.max(READ_AHEAD_BYTES, Math.min(CATCH_UP_BYTES, options.windowBytes / 4));
  }

  /** Bytes of the body read so far. */
  get receivedBytes(): number {
    return this.#source.receivedBytes;
  }

  /** Returns the body for one service. It is aborted if it is larger than `maxBytes`. */
  branch(role: Role, listener: BranchListener, maxBytes = Infinity): ReadableStream<Uint8Array<ArrayBuffer>> {
    const branch = new BodyBranch(RANK[role], maxBytes, listener, () => this.#wake?.(), () => this.#detach(branch));
    this.#branches.add(branch);
    return branch.stream;
  }

  /** Reads the body to its end. Discards the rest once no service reads it. Never rejects. */
  async pump(): Promise<void> {
    let problem: LocalReply | undefined;
    while (problem === undefined && await this.#waitForCapacity()) {
      const piece = await this.#source.read();
      if (piece === undefined) {
        this.#packer.close();
        return this.#each((branch) => branch.end());
      }
      if (piece instanceof Uint8Array) this.#deliver(piece);
      else this.#options.onProblem(problem = piece);
    }
    this.#packer.close();
    this.#each((branch) => branch.break("aborted"));
    // Only the client can end a body that stalls or ends early.
    if (problem === undefined || problem === BODY_TOO_LARGE) await this.#source.discard();
    else this.#source.cancel();
  }

  /** Reads no further, without waiting for the client. */
  cancel(): void {
    this.#source.cancel();
  }

  /**
   * Aborts branches of stalled services whose attempts have finished. No other timeout limits them, and they would keep
   * the permits of the client forever. A pending attempt has a timeout of its own.
   */
  onTimeout(): void {
    this.#each((branch) => {
      if (branch.queuedBytes >= READ_AHEAD_BYTES && branch.isAttemptFinished) branch.break("aborted");
    });
    if (this.#branches.size > 0) this.#stall?.refresh();
  }

  #deliver(piece: Uint8Array<ArrayBuffer>): void {
    const pace = this.#pace();
    const range = this.#packer.pack(piece);
    this.#each((branch) => {
      const isTooLarge = piece.length > branch.remainingBytes;
      const isLagging = branch.rank > pace && branch.queuedBytes > 0 &&
        branch.queuedBytes + piece.length > this.#options.windowBytes;
      if (isLagging || isTooLarge) branch.break(isTooLarge ? "body-too-large" : "body-lag");
      else branch.push(range);
    });
    range.chunk.release();
  }

  /** Waits until the services that set the pace can take more. Returns `false` if only shadows are left. */
  async #waitForCapacity(): Promise<boolean> {
    let limitBytes = this.#source.isBehind ? this.#catchUpBytes : READ_AHEAD_BYTES;
    for (;;) {
      const pace = this.#pace();
      if (pace >= RANK.shadow) return false;
      if (!this.#isFull(pace, limitBytes)) return true;
      if (this.#stall === undefined) this.#stall = this.#options.deadlines.start(this.#options.timeoutMs, this);
      else this.#stall.refresh();
      await new Promise<void>((resolve) => this.#wake = resolve);
      limitBytes = READ_AHEAD_BYTES;
      this.#stall.stop();
    }
  }

  #isFull(pace: number, limitBytes: number): boolean {
    for (const { rank, queuedBytes } of this.#branches) {
      if (rank === pace && queuedBytes >= limitBytes) return true;
    }
    return false;
  }

  #pace(): number {
    let lowest = Infinity;
    for (const { rank } of this.#branches) lowest = Math.min(lowest, rank);
    return lowest;
  }

  #each(act: (branch: BodyBranch) => void): void {
    for (const branch of [...this.#branches]) act(branch);
  }

  #detach(branch: BodyBranch): void {
    this.#branches.delete(branch);
    this.#wake?.();
  }
}
