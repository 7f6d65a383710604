/** A random sample that shrinks when there is more to sample than time to process it. */

/** Options of {@linkcode LoadSampler}. */
export interface LoadSamplerOptions {
  /** Maximum average ratio of the time for processing, 0 to 1. */
  readonly ratio: number;
  /** Number of waiting items above which a sample is taken. Up to it, all items are selected. */
  readonly maxWaiting: number;
  /** Number of waiting items that the sample aims at, until there is time for all items again. */
  readonly aimedWaiting: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /**
   * Returns numbers from 0 up to 1, which select the sample.
   *
   * @default Math.random
   */
  readonly random?: () => number;
}

/** Minimum duration of a period, in milliseconds. The ratio is adapted at its end. */
const PERIOD_MS = 50;
/** Weight of the latest period in the averages, 0 to 1. */
const WEIGHT = 0.3;

/**
 * Selects items at random, before anything is known about them. The ratio follows from the number of items, the
 * time that one takes, and the number of waiting items. An item is never more likely to be selected than another
 * one of the same period, so that the sample is unbiased.
 */
export class LoadSampler {
  readonly #options: LoadSamplerOptions;
  /** Ratio of the items that are selected, from above 0 to 1. */
  #ratio = 1;
  #startMs: number;
  #offered = 0;
  #processed = 0;
  #usedMs = 0;
  #offeredPerMs = 0;
  #itemMs = 0;

  /** Starts with a ratio of 1. */
  constructor(options: LoadSamplerOptions) {
    this.#options = options;
    this.#startMs = options.now();
  }

  /** Ratio of the items that are selected at present. */
  get ratio(): number {
    return this.#ratio;
  }

  /** Reports whether the next item is selected. `waiting`: selected items that have not been processed yet. */
  next(waiting: number): boolean {
    this.#offered++;
    const elapsedMs = this.#options.now() - this.#startMs;
    if (elapsedMs >= PERIOD_MS) this.#adapt(elapsedMs, waiting);
    return this.#ratio === 1 || (this.#options.random ?? Math.random)() < this.#ratio;
  }

  /** Records the time that processing took, and the number of items that are finished. */
  used(durationMs: number, items: number): void {
    this.#usedMs += durationMs;
    this.#processed += items;
  }

  #adapt(elapsedMs: number, waiting: number): void {
    const { ratio, maxWaiting, aimedWaiting } = this.#options;
    this.#offeredPerMs += WEIGHT * (this.#offered / elapsedMs - this.#offeredPerMs);
    if (this.#processed > 0) {
      const itemMs = this.#usedMs / this.#processed;
      this.#itemMs += (this.#itemMs === 0 ? 1 : WEIGHT) * (itemMs - this.#itemMs);
    }
    if (waiting > maxWaiting || this.#ratio < 1) {
      const neededRatio = this.#offeredPerMs * this.#itemMs;
      // The time of an item is an estimate, so the number of waiting items corrects the sample.
      const correction = waiting > aimedWaiting ? aimedWaiting / waiting : 1 + (1 - waiting / aimedWaiting) / 4;
      this.#ratio = neededRatio <= ratio && waiting <= aimedWaiting
        ? 1
        : Math.min(1, ratio / Math.max(neededRatio, ratio) * correction);
    }
    this.#startMs += elapsedMs;
    this.#offered = this.#processed = this.#usedMs = 0;
  }
}
