/** How long answers took, in buckets fine enough for quantiles and few enough to keep for good. */

/** Each bucket ends 2^(1/16), or 4.4 %, above its beginning: a quantile is off by 2.2 % at most. */
const BUCKETS_PER_OCTAVE = 16;
/** What is faster is in the first bucket, in milliseconds. */
const FASTEST_MS = 0.1;
/** Up to a day. */
const BUCKETS = Math.ceil(Math.log2(86_400_000 / FASTEST_MS) * BUCKETS_PER_OCTAVE) + 1;

/** Bytes that a histogram takes. */
export const HISTOGRAM_BYTES: number = BUCKETS * 8 + 128;

/** Durations by bucket. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS);

  /**
   * Counts one.
   *
   * @param durationMs How long it took, in milliseconds.
   */
  add(durationMs: number): void {
    const bucket = Math.ceil(Math.log2(durationMs / FASTEST_MS) * BUCKETS_PER_OCTAVE);
    this.#counts[bucket > 0 ? Math.min(bucket, BUCKETS - 1) : 0]! += 1;
  }

  /**
   * Adds what another one has counted.
   *
   * @param counts Its counts.
   */
  merge(counts: readonly number[]): void {
    const length = Math.min(counts.length, BUCKETS);
    for (let bucket = 0; bucket < length; bucket++) this.#counts[bucket]! += counts[bucket]!;
  }

  /**
   * Gives what was counted as plain data.
   *
   * @returns The counts by bucket, up to the last that is not empty.
   */
  counts(): number[] {
    return [...this.#counts.subarray(0, this.#counts.findLastIndex((count) => count > 0) + 1)];
  }
}

/**
 * Reads a quantile.
 *
 * @param counts The counts of a {@linkcode LatencyHistogram}.
 * @param share Which quantile, 0 to 1.
 * @returns The duration in milliseconds, in the middle of its bucket; 0 where nothing was counted.
 */
export function latencyQuantile(counts: readonly number[], share: number): number {
  const rank = Math.max(1, Math.ceil(share * counts.reduce((sum, count) => sum + count, 0)));
  let seen = 0;
  const bucket = counts.findIndex((count) => (seen += count) >= rank);
  return bucket === -1 ? 0 : FASTEST_MS * 2 ** ((bucket - (bucket === 0 ? 0 : 0.5)) / BUCKETS_PER_OCTAVE);
}
