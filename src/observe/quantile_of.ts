/** Quantiles, as far as buckets tell. */

import { HISTOGRAM_BOUNDS_MS } from "./histogram_bounds.ts";
import type { HistogramSnapshot } from "./metrics_snapshot.ts";

/**
 * Estimates a quantile, evenly within its bucket, as Prometheus' `histogram_quantile` does.
 *
 * @param histogram The histogram.
 * @param quantile From 0 to 1: 0.5 is the median.
 * @returns The duration in milliseconds that this share took no longer than, the highest bound where it is above that;
 * `undefined` where nothing has been counted.
 */
export function quantileOf({ counts }: Pick<HistogramSnapshot, "counts">, quantile: number): number | undefined {
  const rank = quantile * counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = HISTOGRAM_BOUNDS_MS[index - 1] ?? 0;
      const to = HISTOGRAM_BOUNDS_MS[index] ?? from;
      return from + (to - from) * (rank - below) / count;
    }
    below += count;
  }
  return undefined;
}
