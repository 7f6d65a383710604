/** Limits the event loop time of one background task: short slices, and a token bucket of measured time. */

/** Options of a {@linkcode LoopShare}. */
export interface LoopShareOptions {
  /** Maximum average ratio of the event loop's time, 0 to 1. */
  readonly ratio: number;
  /** Maximum time in milliseconds of a burst after an idle period. A burst is also split into slices. */
  readonly burstMs: number;
  /** Duration of a slice in milliseconds. Other tasks run between slices. */
  readonly sliceMs: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Paces one task. The task awaits `nextSlice()` whenever `isSliceOver` is true, and calls `endSlice()` at its end. */
export class LoopShare {
  readonly #options: LoopShareOptions;
  /** Remaining time in milliseconds. Negative after a slice that took longer than the remaining time. */
  #creditMs: number;
  #creditedMs: number;
  #sliceStartMs: number | undefined;
  #usedMs = 0;

  /** Creates a full bucket. */
  constructor(options: LoopShareOptions) {
    this.#options = options;
    this.#creditMs = options.burstMs;
    this.#creditedMs = options.now();
  }

  /** Reports whether the slice is used up. True before the first slice. */
  get isSliceOver(): boolean {
    const { now, sliceMs } = this.#options;
    return this.#sliceStartMs === undefined || now() - this.#sliceStartMs >= sliceMs;
  }

  /** Duration of all slices that have ended, in milliseconds. */
  get usedMs(): number {
    return this.#usedMs;
  }

  /** Ends the slice, waits until the bucket has time, and starts the next slice. */
  async nextSlice(): Promise<void> {
    this.endSlice();
    const waitMs = this.#creditMs > 0 ? 0 : -this.#creditMs / this.#options.ratio;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    this.#sliceStartMs = this.#options.now();
  }

  /** Ends the slice, and takes its duration from the bucket. */
  endSlice(): void {
    const { now, ratio, burstMs } = this.#options;
    const nowMs = now();
    this.#creditMs = Math.min(burstMs, this.#creditMs + (nowMs - this.#creditedMs) * ratio);
    this.#creditedMs = nowMs;
    if (this.#sliceStartMs !== undefined) {
      this.#creditMs -= nowMs - this.#sliceStartMs;
      this.#usedMs += nowMs - this.#sliceStartMs;
    }
    this.#sliceStartMs = undefined;
  }
}
