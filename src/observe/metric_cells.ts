/**
 * Kinds of metrics, and the cells that count them: storage, snapshots and merging for all metrics that are declared.
 */

import { mergeLatencies } from "../lib/latency_counts.ts";
import { LatencySketch, type LatencySketchSnapshot } from "../lib/latency_sketch.ts";

/** One metric as Prometheus describes it. */
export interface MetricFamily {
  /** Name of the metric. */
  readonly name: string;
  /** Type: counters only rise, gauges also fall, histograms have buckets. */
  readonly type: "counter" | "gauge" | "histogram";
  /** Names of the labels. */
  readonly labels: readonly string[];
  /** Help text, one sentence. */
  readonly help: string;
}

/** Declaration of a metric of a row, for example of a route. */
export interface MetricDeclaration {
  /** Name. The suffix `_total` makes it a counter; without `_total` and `isDuration` it is a gauge. */
  readonly name: string;
  /** Help text, one sentence. */
  readonly help: string;
  /** Label in addition to those of the row, with one counter for each of its `values`. */
  readonly label?: string;
  /** Values of `label`. */
  readonly values?: readonly string[];
  /** True if the metric is a histogram of durations. */
  readonly isDuration?: true;
  /** Labels of the row, if the metric does not have all of them. */
  readonly rowLabels?: readonly string[];
}

/** One number per row. */
export interface SingleMetric extends MetricFamily {
  readonly kind: "single";
  /** Index of the number among the cells of a row. */
  readonly cell: number;
}

/** One number per row and value of a label. */
export interface LabelledMetric<V extends string> extends MetricFamily {
  readonly kind: "labelled";
  /** Indexes of the numbers among the cells of a row, by the value of the label. */
  readonly cells: Readonly<Record<V, number>>;
}

/** One histogram per row. */
export interface HistogramMetric extends MetricFamily {
  readonly kind: "histogram";
  /** Index among the histograms of a row. */
  readonly cell: number;
}

type Metric = SingleMetric | LabelledMetric<string> | HistogramMetric;
type Metrics = Readonly<Record<string, Metric>>;

/** Kinds of the metrics, by the keys of their declarations. */
export type DeclaredMetrics<D extends Readonly<Record<string, MetricDeclaration>>> = {
  readonly [K in keyof D]: D[K] extends { readonly values: readonly (infer V extends string)[] } ? LabelledMetric<V>
    : D[K] extends { readonly isDuration: true } ? HistogramMetric
    : SingleMetric;
};

/** Durations within 1 %, for percentiles and for the buckets of Prometheus. */
export interface HistogramSnapshot extends LatencySketchSnapshot {
  /** Sum of the durations since the start, in milliseconds. */
  readonly sumMs: number;
}

type ValueOf<M> = M extends LabelledMetric<infer V> ? Readonly<Partial<Record<V, number>>>
  : M extends HistogramMetric ? HistogramSnapshot
  : number;

/** Values of all metrics of a row, as plain data. */
export type SnapshotOf<M> = { readonly [K in keyof M]: ValueOf<M[K]> };

/** Assigns cells to the metrics of a row. */
export function declareMetrics<const D extends Readonly<Record<string, MetricDeclaration>>>(
  rowLabels: readonly string[],
  declarations: D,
): DeclaredMetrics<D> {
  let numbers = 0;
  let histograms = 0;
  const metricOf = (declaration: MetricDeclaration): Metric => {
    const { name, help, label, values, isDuration } = declaration;
    const labels = [...declaration.rowLabels ?? rowLabels, ...label === undefined ? [] : [label]];
    if (isDuration) return { kind: "histogram", name, type: "histogram", labels, help, cell: histograms++ };
    const type = name.endsWith("_total") ? "counter" : "gauge";
    if (values === undefined) return { kind: "single", name, type, labels, help, cell: numbers++ };
    const cells = Object.fromEntries(values.map((value) => [value, numbers++]));
    return { kind: "labelled", name, type, labels, help, cells };
  };
  const metrics = Object.entries(declarations).map(([key, declaration]) => [key, metricOf(declaration)]);
  return Object.fromEntries(metrics) as DeclaredMetrics<D>;
}

/**
 * Values of the metrics of one row. Numbers are in a typed array: a field would be allocated again with each change.
 */
export class MetricCells<M extends Metrics> {
  readonly #metrics: M;
  readonly #numbers: Float64Array;
  /** Sums of the durations. They only grow: Prometheus takes a lower one for a restart. */
  readonly #sumsMs: Float64Array;
  readonly #sketches: readonly LatencySketch[];

  constructor(metrics: M) {
    const all = Object.values(metrics);
    this.#metrics = metrics;
    this.#numbers = new Float64Array(all.reduce((sum, metric) => sum + numbersOf(metric), 0));
    const durations = all.filter(({ kind }) => kind === "histogram");
    this.#sumsMs = new Float64Array(durations.length);
    this.#sketches = durations.map(() => new LatencySketch());
  }

  /** Adds to a metric. */
  add({ cell }: SingleMetric, amount = 1): void {
    this.#numbers[cell]! += amount;
  }

  /** Lowers a gauge by 1, but not below 0: the counted item may be older than the row. */
  subtract({ cell }: SingleMetric): void {
    if (this.#numbers[cell]! > 0) this.#numbers[cell]! -= 1;
  }

  /** Adds 1 to the counter of a label's value. */
  addFor<V extends string>({ cells }: LabelledMetric<V>, value: V): void {
    this.#numbers[cells[value]]! += 1;
  }

  /** Records a duration. */
  record({ cell }: HistogramMetric, durationMs: number): void {
    this.#sumsMs[cell]! += durationMs;
    this.#sketches[cell]!.record(durationMs);
  }

  /** Removes the older half of the recent durations. */
  turn(): void {
    for (const sketch of this.#sketches) sketch.turn();
  }

  /** Returns the values of all metrics. */
  snapshot(): SnapshotOf<M> {
    const entries = Object.entries<Metric>(this.#metrics).map(([key, metric]) => [key, this.#valueOf(metric)]);
    return Object.fromEntries(entries) as SnapshotOf<M>;
  }

  #valueOf(metric: Metric): ValueOf<Metric> {
    switch (metric.kind) {
      case "single":
        return this.#numbers[metric.cell]!;
      case "labelled":
        return Object.fromEntries(Object.entries(metric.cells).map(([value, cell]) => [value, this.#numbers[cell]!]));
      case "histogram":
        return { ...this.#sketches[metric.cell]!.snapshot(), sumMs: this.#sumsMs[metric.cell]! };
    }
  }
}

/** Returns the sums of two rows. Labels of the row are those of the first. */
export function addRows<T extends object>(metrics: Metrics, a: T, b: T): T {
  const sum = { ...a } as Record<string, unknown>;
  const other = b as Readonly<Record<string, unknown>>;
  for (const [key, { kind }] of Object.entries(metrics)) sum[key] = addValues(kind, sum[key], other[key]);
  return sum as T;
}

function addValues(kind: Metric["kind"], a: unknown, b: unknown): unknown {
  if (kind === "single") return (a as number) + (b as number);
  if (kind === "labelled") {
    const sum = { ...a as Record<string, number> };
    for (const [value, count] of Object.entries(b as Record<string, number>)) sum[value] = (sum[value] ?? 0) + count;
    return sum;
  }
  const [one, other] = [a as HistogramSnapshot, b as HistogramSnapshot];
  return {
    recent: mergeLatencies([one.recent, other.recent]),
    total: mergeLatencies([one.total, other.total]),
    sumMs: one.sumMs + other.sumMs,
  };
}

function numbersOf(metric: Metric): number {
  if (metric.kind === "labelled") return Object.keys(metric.cells).length;
  return metric.kind === "single" ? 1 : 0;
}
