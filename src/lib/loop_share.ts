/** A share of the event loop for one background task: short slices, and a token bucket of measured time. */

/** Options of a {@linkcode LoopShare}. */
export interface LoopShareOptions {
  /** Share of the event loop's time, 0 to 1, that the task may take in the long run. */
  readonly ratio: number;
  /** Time in milliseconds that the task may take at once, in slices, after it has been idle. */
  readonly burstMs: number;
  /** Length of a slice in milliseconds. Other tasks run between two slices. */
  readonly sliceMs: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Paces one task, which calls `turn` before each slice and stops when `isOver`. */
export class LoopShare {
  readonly #options: LoopShareOptions;
  /** Time that is left; negative after a slice that took longer. */
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

  /** Ends the slice, waits until time is left, and begins the next slice. */
  async turn(): Promise<void> {
    this.end();
    const waitMs = this.#creditMs > 0 ? 0 : -this.#creditMs / this.#options.ratio;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    this.#sliceStartMs = this.#options.now();
  }

  /** Ends the slice, and pays for the time that it took. */
  end(): void {
    const { now, ratio, burstMs } = this.#options;
    const nowMs = now();
    this.#creditMs = Math.min(burstMs, this.#creditMs + (nowMs - this.#creditedMs) * ratio);
    this.#creditedMs = nowMs;
    if (this.#sliceStartMs !== undefined) this.#creditMs -= nowMs - this.#sliceStartMs;
    this.#sliceStartMs = undefined;
  }
}
