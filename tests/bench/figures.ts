/** From the samples of a load to the figures that are told of it. */

import { median } from "./median.ts";
import { type Metric, METRIC_NAMES, type Sample } from "./metrics.ts";

/** One metric over all slices. */
export interface Figure {
  /** The median. */
  readonly median: number;
  /** The smallest. */
  readonly min: number;
  /** The largest. */
  readonly max: number;
  /** The median of its ratios to the baseline in the same round; missing where one of both was not measured. */
  readonly ratio?: number;
}

/** All that is told of one peer under one load. */
export type Figures = Readonly<Partial<Record<Metric, Figure>>>;

/**
 * Sums samples up. Ratios are taken within each round first, as a machine's mood changes from one round to the next.
 *
 * @param samples A peer's samples, by round.
 * @param baseline The samples of the peer that it is compared with, by round; empty where that was not measured.
 * @returns The figures.
 */
export function summarize(samples: readonly Sample[], baseline: readonly Sample[]): Figures {
  const figures: Partial<Record<Metric, Figure>> = {};
  for (const metric of METRIC_NAMES) {
    const values = samples.map((sample) => sample[metric]).filter((value) => value !== undefined);
    if (values.length === 0) continue;
    const ratios = samples.map((sample, round) => (sample[metric] ?? NaN) / (baseline[round]?.[metric] ?? NaN))
      .filter(Number.isFinite);
    figures[metric] = {
      median: median(values),
      min: Math.min(...values),
      max: Math.max(...values),
      ...(ratios.length > 0 && { ratio: median(ratios) }),
    };
  }
  return figures;
}
