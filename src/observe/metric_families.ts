/** All metrics, and their text for Prometheus: text format 0.0.4, and OpenMetrics 1.0. */

import { VERSION } from "../lib/version.ts";
import {
  DURATION_BUCKETS,
  type DurationBuckets,
  durationCounts,
  ROUTE_METRICS,
  SERVICE_METRICS,
  SERVICE_STATES,
  type StateMetric,
  TUNNEL_BUCKETS,
} from "./counted_metrics.ts";
import type { HistogramSnapshot, MetricFamily } from "./metric_cells.ts";
import type { MetricsReading, MetricsSnapshot } from "./metrics_snapshot.ts";

/** Media type of the text. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Media type of OpenMetrics. */
export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Value with the values of its labels, in the order of the family's labels. */
export type Sample = readonly [labels: readonly string[], value: number | HistogramSnapshot];

/** Metric with the function that reads its samples. */
export interface ReadableFamily extends MetricFamily {
  /** Returns the samples; none if the metric does not apply. */
  readonly read: (reading: MetricsReading) => readonly Sample[];
}

/** All metrics, in the order of the text and of the reference. */
export const METRIC_FAMILIES: readonly ReadableFamily[] = [
  ...countedFamilies(ROUTE_METRICS, ({ routes }) => routes),
  ...countedFamilies(SERVICE_METRICS, ({ services }) => services),
  ...Object.entries(SERVICE_STATES).map(([key, metric]) => stateFamily(key as keyof typeof SERVICE_STATES, metric)),
  {
    name: "conductor_build_info",
    type: "gauge",
    labels: ["version"],
    help: "1 for the running version.",
    read: () => [[[VERSION], 1]],
  },
  gauge("conductor_start_time_seconds", "Start of counting, in seconds since 1970.", ({ metrics }) => {
    return metrics.startedMs / 1_000;
  }),
  gauge("conductor_last_request_time_seconds", "Arrival of the last request, in seconds since 1970.", ({ metrics }) => {
    return metrics.lastRequestMs === 0 ? undefined : metrics.lastRequestMs / 1_000;
  }),
  gauge("conductor_workers", "Worker threads that serve.", ({ workers }) => workers?.count),
  {
    ...gauge("conductor_worker_crashes_total", "Worker threads lost since the start.", ({ workers }) => {
      return workers?.crashes;
    }),
    type: "counter",
  },
  gauge(
    "conductor_config_last_reload_successful",
    "1 if the last reload of the configuration was applied, otherwise 0.",
    ({ reloads }) => {
      return reloads && Number(reloads.isSuccessful);
    },
  ),
  gauge(
    "conductor_config_last_reload_success_timestamp_seconds",
    "Time at which the configuration in force was applied, in seconds since 1970.",
    ({ reloads }) => reloads && reloads.lastSuccessMs / 1_000,
  ),
  gauge(
    "conductor_config_last_reload_refusal_timestamp_seconds",
    "Time of the last refused reload, in seconds since 1970; absent if there was none.",
    ({ reloads }) => reloads?.lastRefusal && reloads.lastRefusal.timeMs / 1_000,
  ),
  {
    name: "conductor_config_reloads_total",
    type: "counter",
    labels: ["result"],
    help: "Reloads of the configuration, by result: success or failure; the start is not counted.",
    read: ({ reloads }) =>
      reloads === undefined ? [] : [[["success"], reloads.succeeded], [["failure"], reloads.refused]],
  },
  {
    ...gauge("process_cpu_seconds_total", "CPU time of all threads, in seconds.", ({ process }) => {
      return inSeconds(process?.cpuMs);
    }),
    type: "counter",
  },
  gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.", ({ process }) => {
    return inSeconds(process?.startedMs);
  }),
  gauge("process_resident_memory_bytes", "Resident memory, in bytes.", ({ process }) => process?.residentBytes),
  gauge("process_virtual_memory_bytes", "Virtual memory, in bytes; requires read access to /proc.", ({ process }) => {
    return process?.virtualBytes;
  }),
  gauge("process_open_fds", "Open file descriptors; requires read access to /proc.", ({ process }) => {
    return process?.descriptors;
  }),
  gauge("process_max_fds", "Limit of open file descriptors; requires read access to /proc.", ({ process }) => {
    return process?.maxDescriptors;
  }),
  gauge("nodejs_heap_size_used_bytes", "Used heap of the main thread, in bytes.", ({ process }) => process?.heapBytes),
  gauge("nodejs_heap_size_total_bytes", "Heap of the main thread, in bytes.", ({ process }) => process?.heapTotalBytes),
  gauge(
    "nodejs_external_memory_bytes",
    "Memory outside the heap that objects of the main thread own, in bytes.",
    ({ process }) => process?.externalBytes,
  ),
];

/**
 * Returns a reading in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). Metrics
 * without a sample are absent.
 */
export function formatPrometheus(reading: MetricsReading): string {
  const lines: string[] = [];
  for (const family of METRIC_FAMILIES) {
    const samples = family.read(reading);
    if (samples.length === 0) continue;
    lines.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`);
    for (const sample of samples) writeSample(family, sample, { lines, hasFractions: false });
  }
  return lines.join("\n") + "\n";
}

/**
 * Returns a reading in OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/): names of counters end
 * with `_total` only in samples, units are declared, bounds are floating-point numbers, and counters have a start.
 */
export function formatOpenMetrics(reading: MetricsReading): string {
  const lines: string[] = [];
  for (const family of METRIC_FAMILIES) {
    const samples = family.read(reading);
    if (samples.length === 0) continue;
    const name = baseName(family);
    const [, unit] = UNIT.exec(name) ?? [];
    lines.push(`# TYPE ${name} ${family.type}`);
    if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# HELP ${name} ${family.help}`);
    const isProcess = family.name.startsWith("process_");
    const createdMs = isProcess ? reading.process?.startedMs : reading.metrics.startedMs;
    for (const sample of samples) {
      writeSample(family, sample, { lines, hasFractions: true });
      if (family.type === "gauge" || createdMs === undefined) continue;
      lines.push(`${name}_created${labelsOf(family, sample)} ${createdMs / 1_000}`);
    }
  }
  return [...lines, "# EOF"].join("\n") + "\n";
}

/** Returns the name of a metric without the suffix of counters. */
export function baseName({ name }: Pick<MetricFamily, "name">): string {
  return name.replace(/_total$/, "");
}

const UNIT = /_(seconds|bytes)$/;

type Row = Readonly<Record<string, unknown>>;

function countedFamilies(
  metrics: Readonly<Record<string, MetricFamily>>,
  rowsOf: (snapshot: MetricsSnapshot) => readonly object[],
): ReadableFamily[] {
  return Object.entries(metrics).map(([key, { name, type, labels, help }]) => ({
    ...{ name, type, labels, help },
    read: ({ metrics }) => (rowsOf(metrics) as readonly Row[]).flatMap((row) => samplesOf(row, key, labels)),
  }));
}

/** Returns the samples of a family. A label that is not part of the row has one value per counter. */
function samplesOf(row: Row, key: string, labels: readonly string[]): Sample[] {
  const rowValues = labels.flatMap((label) => label in row ? [String(row[label])] : []);
  const value = row[key] as number | HistogramSnapshot | Readonly<Record<string, number>>;
  if (rowValues.length === labels.length) return [[rowValues, value as number | HistogramSnapshot]];
  return Object.entries(value).map(([label, count]) => [[...rowValues, label], count]);
}

function stateFamily(key: keyof typeof SERVICE_STATES, { name, help, states }: StateMetric<string>): ReadableFamily {
  return {
    ...{ name, help, labels: ["service", "state"], type: "gauge" },
    read: ({ metrics }) =>
      metrics.states
        .filter((row) => row[key] !== undefined)
        .flatMap((row) => states.map((state) => [[row.service, state], row[key] === state ? 1 : 0] as const)),
  };
}

function gauge(name: string, help: string, read: (reading: MetricsReading) => number | undefined): ReadableFamily {
  return {
    ...{ name, help, labels: [], type: "gauge" },
    read: (reading) => {
      const value = read(reading);
      return value === undefined ? [] : [[[], value]];
    },
  };
}

/** Output of samples: the lines, and whether bounds that are integers have a fraction. */
interface SampleOutput {
  readonly lines: string[];
  readonly hasFractions: boolean;
}

function writeSample(family: MetricFamily, sample: Sample, { lines, hasFractions }: SampleOutput): void {
  const { name } = family;
  const [, value] = sample;
  const braces = labelsOf(family, sample);
  if (typeof value === "number") {
    lines.push(`${name}${braces} ${value}`);
    return;
  }
  const buckets = bucketsOf(family);
  const counts = durationCounts(value, buckets);
  const labels = braces.slice(1, -1);
  let count = 0;
  for (const [index, bound] of [...buckets.bounds, Infinity].entries()) {
    count += counts[index]!;
    lines.push(`${name}_bucket{${labels},le="${boundText(bound, hasFractions)}"} ${count}`);
  }
  lines.push(`${name}_sum${braces} ${value.sumMs / 1_000}`, `${name}_count${braces} ${count}`);
}

function bucketsOf({ name }: MetricFamily): DurationBuckets {
  return name === ROUTE_METRICS.tunnelDuration.name ? TUNNEL_BUCKETS : DURATION_BUCKETS;
}

function boundText(bound: number, hasFractions: boolean): string {
  if (bound === Infinity) return "+Inf";
  return hasFractions && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function labelsOf({ labels: names }: MetricFamily, [values]: Sample): string {
  const labels = names.map((label, index) => `${label}="${escapeLabel(values[index] ?? "")}"`).join(",");
  return labels === "" ? "" : `{${labels}}`;
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
