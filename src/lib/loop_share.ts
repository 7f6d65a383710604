/** A share of the event loop for one background task: short slices, and a token bucket of measured time. */

/** Options of a {@linkcode LoopShare}. */
export interface LoopShareOptions {
  /** Maximum ratio of the event loop's time that the task may take on average, 0 to 1. */
  readonly ratio: number;
  /** Maximum time in milliseconds of a burst after an idle period. A burst is still split into slices. */
  readonly burstMs: number;
  /** Length of a slice in milliseconds. Other tasks run between two slices. */
  readonly sliceMs: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Paces one task. The task calls `turn` before each slice, and ends the slice when `isOver` is true. */
export class LoopShare {
  readonly #options: LoopShareOptions;
  /** Remaining time in milliseconds; negative after a slice that took too long. */
  #creditMs: number;
  #creditedMs: number;
  #sliceStartMs: number | undefined;

  /** Starts with a full bucket. */
  constructor(options: LoopShareOptions) {
    this.#options = options;
    this.#creditMs = options.burstMs;
    this.#creditedMs = options.now();
  }

  /** Reports whether the slice has been used up. */
  get isOver(): boolean {
    const { now, sliceMs } = this.#options;
    return this.#sliceStartMs === undefined || now() - this.#sliceStartMs >= sliceMs;
  }

  /** Ends the slice, waits until the bucket has time, and begins the next slice. */
  async turn(): Promise<void> {
    this.end();
    const waitMs = this.#creditMs > 0 ? 0 : -this.#creditMs / this.#options.ratio;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    this.#sliceStartMs = this.#options.now();
  }

  /** Ends the slice, and takes its time from the bucket. */
  end(): void {
    const { now, ratio, burstMs } = this.#options;
    const nowMs = now();
    this.#creditMs = Math.min(burstMs, this.#creditMs + (nowMs - this.#creditedMs) * ratio);
    this.#creditedMs = nowMs;
    if (this.#sliceStartMs !== undefined) this.#creditMs -= nowMs - this.#sliceStartMs;
    this.#sliceStartMs = undefined;
  }
}
