/** A histogram of fixed size over the latencies of the last minute. */

/** Upper bound of the first bucket in milliseconds. */
const MIN_MS = 0.1;
/** Ratio of the bounds of two adjacent buckets. The middle of a bucket differs from its bounds by 1 %. */
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);
/** Covers latencies up to 17 hours. */
const BUCKETS = 1_024;
/** Length of one half of the window in milliseconds. The window covers one to two halves. */
const HALF_WINDOW_MS = 30_000;

/**
 * Latencies of one service, in 8 KiB. The buckets grow by a constant factor, so every quantile is exact within 1 % (as
 * in DDSketch, Masson et al., VLDB 2019). Two halves take turns, and the older one is dropped as a whole.
 */
export class LatencySketch {
  readonly #now: () => number;
  #recent = new Uint32Array(BUCKETS);
  #former = new Uint32Array(BUCKETS);
  #recentCount = 0;
  #formerCount = 0;
  #turnMs: number;

  /** Starts empty. The clock is in milliseconds, and must be monotonic. */
  constructor(now: () => number) {
    this.#now = now;
    this.#turnMs = now() + HALF_WINDOW_MS;
  }

  /** Number of latencies in the window. */
  get count(): number {
    this.#turn();
    return this.#recentCount + this.#formerCount;
  }

  record(durationMs: number): void {
    this.#turn();
    const bucket = durationMs > MIN_MS ? Math.ceil(Math.log(durationMs / MIN_MS) / LOG_GROWTH) : 0;
    this.#recent[Math.min(bucket, BUCKETS - 1)]! += 1;
    this.#recentCount++;
  }

  /** Returns the latency in milliseconds at a ratio, such as 0.95 for the 95th percentile; 0 for an empty window. */
  quantile(ratio: number): number {
    const rank = Math.max(1, Math.ceil(ratio * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#recent[bucket]! + this.#former[bucket]!;
      // The value with the least relative error within the bucket.
      if (seen >= rank) return MIN_MS * GROWTH ** bucket * 2 / (1 + GROWTH);
    }
    return 0;
  }

  #turn(): void {
    const nowMs = this.#now();
    if (nowMs < this.#turnMs) return;
    const hasMissedTurn = nowMs >= this.#turnMs + HALF_WINDOW_MS;
    [this.#recent, this.#former] = [this.#former, this.#recent];
    this.#formerCount = this.#recentCount;
    this.#recentCount = 0;
    this.#recent.fill(0);
    if (hasMissedTurn) {
      this.#former.fill(0);
      this.#formerCount = 0;
    }
    this.#turnMs = nowMs + HALF_WINDOW_MS;
  }
}
