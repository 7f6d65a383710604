/** The buckets of all histograms. */

/** The lower bound of the octave's upper half, as Prometheus' native histograms of schema 1 have it. */
const HALF_OCTAVE = 0.7071067811865475;
const FIRST_EXPONENT = -11;
const LAST_EXPONENT = 6;

/**
 * Two for each octave from 0.5 ms to 64 s, in seconds: where Prometheus' native histograms of schema 1 have theirs too, so
 * that these become such without a loss.
 */
export const HISTOGRAM_BOUNDS_SECONDS: readonly number[] = Array
  .from({ length: LAST_EXPONENT - FIRST_EXPONENT }, (_, index) => 2 ** (FIRST_EXPONENT + 1 + index))
  .reduce((bounds: number[], octave) => [...bounds, octave * HALF_OCTAVE, octave], [2 ** FIRST_EXPONENT]);

/** The same in milliseconds. */
export const HISTOGRAM_BOUNDS_MS: readonly number[] = HISTOGRAM_BOUNDS_SECONDS.map((bound) => bound * 1_000);

/** The bounds once more, where looking them up is cheapest. */
const BOUNDS_MS = new Float64Array(HISTOGRAM_BOUNDS_MS);

/**
 * Finds a duration's bucket.
 *
 * @param durationMs The duration, in milliseconds.
 * @returns The index of the first bound that is not below it; the number of bounds where it is longer than all.
 */
export function bucketOf(durationMs: number): number {
  let low = 0;
  let high = BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (durationMs <= BOUNDS_MS[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}
