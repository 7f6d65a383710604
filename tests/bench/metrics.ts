/** What is measured of a peer in each slice, as a table. */

/** How a metric is shown. */
export interface MetricForm {
  /** The heading of its column. */
  readonly title: string;
  /** How many digits it has after the point. */
  readonly digits: number;
}

/** The metrics, in the order of their columns. */
export const METRICS = {
  requestsPerSecond: { title: "requests/s", digits: 0 },
  p50Ms: { title: "p50 ms", digits: 2 },
  p99Ms: { title: "p99 ms", digits: 2 },
  cpuSecondsPer10k: { title: "CPU s / 10,000", digits: 2 },
  rssMib: { title: "memory MiB", digits: 0 },
} as const satisfies Record<string, MetricForm>;

/** The name of a metric. */
export type Metric = keyof typeof METRICS;

/** The metrics' names. */
export const METRIC_NAMES = Object.keys(METRICS) as readonly Metric[];

/** What one slice has brought; a metric is missing where it could not be had. */
export type Sample = Readonly<Partial<Record<Metric, number>>>;
