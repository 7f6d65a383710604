/** How long a service takes to answer: a histogram of fixed size over the last minute. */

/** The shortest time that is told from shorter ones, in milliseconds. */
const MIN_MS = 0.1;
/** From one bucket's upper bound to the next one's: a value in the middle is off by one part in a hundred. */
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);
/** Up to 17 hours. */
const BUCKETS = 1_024;
/** How long a half of the window takes: what is looked at is between one and two of them old. */
const HALF_WINDOW_MS = 30_000;

/**
 * The times of one service's answers. The buckets grow by the same factor, so that every percentile is told within one
 * percent, whatever the times are (as in DDSketch, Masson et al., VLDB 2019); two halves take turns, and the older one is
 * forgotten as a whole. It takes 8 KiB, however much is recorded.
 */
export class LatencySketch {
  readonly #now: () => number;
  #recent = new Uint32Array(BUCKETS);
  #former = new Uint32Array(BUCKETS);
  #recentCount = 0;
  #formerCount = 0;
  #turnMs: number;

  /**
   * Starts empty.
   *
   * @param now The clock, in milliseconds; it must not go backwards.
   */
  constructor(now: () => number) {
    this.#now = now;
    this.#turnMs = now() + HALF_WINDOW_MS;
  }

  /** How many times are in the window. */
  get count(): number {
    this.#turn();
    return this.#recentCount + this.#formerCount;
  }

  /**
   * Takes note of a time.
   *
   * @param durationMs The time, in milliseconds.
   */
  record(durationMs: number): void {
    this.#turn();
    const bucket = durationMs > MIN_MS ? Math.ceil(Math.log(durationMs / MIN_MS) / LOG_GROWTH) : 0;
    this.#recent[Math.min(bucket, BUCKETS - 1)]! += 1;
    this.#recentCount++;
  }

  /**
   * Tells below which time a share of the answers was.
   *
   * @param share The share, 0 to 1: 0.95 for the 95th percentile.
   * @returns The time in milliseconds, within one percent; 0 where nothing is in the window.
   */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#recent[bucket]! + this.#former[bucket]!;
      // The middle in the sense of the least relative error.
      if (seen >= rank) return MIN_MS * GROWTH ** bucket * 2 / (1 + GROWTH);
    }
    return 0;
  }

  #turn(): void {
    const nowMs = this.#now();
    if (nowMs < this.#turnMs) return;
    const isLongAgo = nowMs >= this.#turnMs + HALF_WINDOW_MS;
    [this.#recent, this.#former] = [this.#former, this.#recent];
    this.#formerCount = this.#recentCount;
    this.#recentCount = 0;
    this.#recent.fill(0);
    if (isLongAgo) {
      this.#former.fill(0);
      this.#formerCount = 0;
    }
    this.#turnMs = nowMs + HALF_WINDOW_MS;
  }
}
