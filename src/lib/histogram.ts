/** Histograms with fixed buckets: counts that add up over threads and processes, and quantiles estimated from them. */

/** Position of a quantile's estimate within its bucket. */
export type BucketEstimate =
  /** Proportional to the rank, as in `histogram_quantile` of Prometheus. */
  | "linear"
  /** Geometric mean of the two bounds: the least relative error for buckets that grow by a constant factor. */
  | "middle";

/** Upper bounds of the buckets of a histogram. One more bucket counts the values above the last bound. */
export class HistogramBuckets {
  /** Upper bounds, ascending. A value equal to a bound belongs to the bucket below it. */
  readonly bounds: readonly number[];
  /** Number of buckets: one per bound, and one above the last bound. */
  readonly size: number;
  /** Memory of one histogram, in bytes, by estimate. */
  readonly bytes: number;
  readonly #bounds: Float64Array;
  readonly #estimate: BucketEstimate;

  constructor(bounds: readonly number[], estimate: BucketEstimate) {
    this.bounds = bounds;
    this.size = bounds.length + 1;
    this.bytes = this.size * 8 + 128;
    this.#bounds = new Float64Array(bounds);
    this.#estimate = estimate;
  }

  /** Returns the index of the bucket for a value. NaN belongs to the first bucket. */
  indexOf(value: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value > bounds[middle]!) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Estimates a quantile from counts by bucket. Trailing zeros may be absent from the counts.
   *
   * @param counts Counts of one or more histograms with these buckets.
   * @param ratio Quantile, 0 to 1: 0.5 is the median.
   * @returns The estimate, at most the last bound; `undefined` if nothing was counted.
   */
  quantile(counts: readonly number[], ratio: number): number | undefined {
    const rank = ratio * counts.reduce((sum, count) => sum + count, 0);
    let below = 0;
    for (const [index, count] of counts.entries()) {
      if (count > 0 && below + count >= rank) return this.#estimateIn(index, (rank - below) / count);
      below += count;
    }
    return undefined;
  }

  /** Returns the number of values in the buckets above the bucket of a value. */
  countAbove(counts: readonly number[], value: number): number {
    return counts.slice(this.indexOf(value) + 1).reduce((sum, count) => sum + count, 0);
  }

  #estimateIn(index: number, position: number): number {
    const lower = this.bounds[index - 1];
    const upper = this.bounds[index];
    if (upper === undefined) return lower ?? 0;
    if (this.#estimate === "linear") return (lower ?? 0) + (upper - (lower ?? 0)) * position;
    return lower === undefined ? upper : Math.sqrt(lower * upper);
  }
}

/** Counts of values by bucket, and their sum. */
export class Histogram {
  readonly #buckets: HistogramBuckets;
  /** Counts, then the sum. A sum in a field of its own would be allocated again with each value. */
  readonly #cells: Float64Array;

  constructor(buckets: HistogramBuckets) {
    this.#buckets = buckets;
    this.#cells = new Float64Array(buckets.size + 1);
  }

  /** Sum of all values that were recorded. */
  get sum(): number {
    return this.#cells[this.#buckets.size]!;
  }

  /** Counts a value. */
  record(value: number): void {
    this.#cells[this.#buckets.indexOf(value)]! += 1;
    this.#cells[this.#buckets.size]! += value;
  }

  /** Adds the counts of another histogram with the same buckets. The sum does not include them. */
  merge(counts: readonly number[]): void {
    const length = Math.min(counts.length, this.#buckets.size);
    for (let index = 0; index < length; index++) this.#cells[index]! += counts[index]!;
  }

  /** Returns the count of every bucket. */
  counts(): number[] {
    return [...this.#cells.subarray(0, this.#buckets.size)];
  }

  /** Returns the counts without trailing zeros. */
  trimmedCounts(): number[] {
    const counts = this.counts();
    return counts.slice(0, counts.findLastIndex((count) => count > 0) + 1);
  }
}

/** Returns the sums of two lists of counts by bucket. */
export function addCounts(a: readonly number[], b: readonly number[]): number[] {
  const [longer, shorter] = a.length < b.length ? [b, a] : [a, b];
  return longer.map((count, index) => count + (shorter[index] ?? 0));
}

/** Lowest latency that is distinguished from lower ones, in milliseconds. */
const MIN_LATENCY_MS = 0.1;
const MAX_LATENCY_MS = 86_400_000;
const LATENCY_BUCKETS_PER_OCTAVE = 16;

/**
 * Buckets for latencies from 0.1 ms to one day, in milliseconds. Each is 2^(1/16), or 4.4 %, wide, so that an estimated
 * quantile is off by at most 2.2 %.
 */
export const LATENCY_BUCKETS: HistogramBuckets = new HistogramBuckets(
  Array.from(
    { length: Math.ceil(Math.log2(MAX_LATENCY_MS / MIN_LATENCY_MS) * LATENCY_BUCKETS_PER_OCTAVE) },
    (_, index) => MIN_LATENCY_MS * 2 ** (index / LATENCY_BUCKETS_PER_OCTAVE),
  ),
  "middle",
);
