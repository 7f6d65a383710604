/** Metrics of a peer, and their summary over all slices. */

/** One metric over all slices. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Median of the ratios to the baseline in the same round; missing if one of both was not measured. */
  readonly ratio?: number;
}

/** All figures of one peer under one load. */
export type Figures = Readonly<Partial<Record<Metric, Figure>>>;

/**
 * Summarizes the samples of a peer. Ratios are taken within each round, because the speed of the machine varies between
 * rounds. `baseline` is empty if it was not measured.
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

/** Display of a metric. */
export interface MetricForm {
  /** Column heading. */
  readonly title: string;
  /** Decimal places. */
  readonly digits: number;
}

/** All metrics, in the order of their columns. */
export const METRICS = {
  requestsPerSecond: { title: "requests/s", digits: 0 },
  p50Ms: { title: "p50 ms", digits: 2 },
  p99Ms: { title: "p99 ms", digits: 2 },
  cpuSecondsPer10k: { title: "CPU s / 10,000", digits: 2 },
  rssMib: { title: "memory MiB", digits: 0 },
} as const satisfies Record<string, MetricForm>;

/** Name of a metric. */
export type Metric = keyof typeof METRICS;

export const METRIC_NAMES = Object.keys(METRICS) as readonly Metric[];

/** Measurements of one slice. Unavailable metrics are missing. */
export type Sample = Readonly<Partial<Record<Metric, number>>>;

/** Returns the median of at least one number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Returns the value below which a ratio of the sorted numbers lies; `Infinity` for an empty list. */
export function percentile(sorted: ArrayLike<number>, rank: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * rank))] ?? Infinity;
}
