/** Exports the metrics through the meter of the runtime, next to the spans. */

import {
  DURATION_BUCKETS,
  type DurationBuckets,
  hasDuration,
  ROUTE_METRICS,
  SERVICE_METRICS,
  TUNNEL_BUCKETS,
} from "./counted_metrics.ts";
import type { HistogramMetric } from "./metric_cells.ts";
import type { ConductorEvent, Observer } from "./events.ts";
import { METRIC_FAMILIES, type ReadableFamily } from "./metric_families.ts";
import type { MetricsReading } from "./metrics_snapshot.ts";
import { findMeters, type Instrument, type Meters, type ObservableResult } from "./telemetry.ts";

const METER = "conductor";
/** Deno exports metrics of the process. */
const EXPORTED = /^conductor_/;

/**
 * Exports counters and gauges, which the runtime reads at its own interval. Does nothing without a meter. Durations come
 * from {@linkcode observeDurations}, because OpenTelemetry reads no histograms.
 */
export function exportMetrics(
  read: () => Promise<MetricsReading>,
  meters: Meters | undefined = findMeters(),
): void {
  if (meters === undefined) return;
  const meter = meters.getMeter(METER);
  const observed = METRIC_FAMILIES
    .filter(({ name, type }) => type !== "histogram" && EXPORTED.test(name))
    .map((family) => {
      const { name, unit } = instrumentOf(family);
      const options = { description: family.help, ...(unit !== undefined && { unit }) };
      const instrument = family.type === "counter"
        ? meter.createObservableCounter(name, options)
        : meter.createObservableGauge(name, options);
      return { family, instrument };
    });
  meter.addBatchObservableCallback(async (result) => {
    const reading = await read();
    for (const { family, instrument } of observed) observeFamily(family, { instrument, reading, result });
  }, observed.map(({ instrument }) => instrument));
}

interface Observation {
  readonly instrument: Instrument;
  readonly reading: MetricsReading;
  readonly result: ObservableResult;
}

function observeFamily(family: ReadableFamily, { instrument, reading, result }: Observation): void {
  for (const [values, value] of family.read(reading)) {
    if (typeof value !== "number") continue;
    result.observe(instrument, value, Object.fromEntries(family.labels.map((label, index) => [label, values[index]!])));
  }
}

/** Returns an observer that records durations; `undefined` without a meter. */
export function observeDurations(meters: Meters | undefined = findMeters()): Observer | undefined {
  if (meters === undefined) return undefined;
  const meter = meters.getMeter(METER);
  const histogramOf = (metric: HistogramMetric, { bounds }: DurationBuckets) => {
    const { name, unit } = instrumentOf(metric);
    return meter.createHistogram(name, {
      description: metric.help,
      unit: unit!,
      advice: { explicitBucketBoundaries: [...bounds] },
    });
  };
  const requests = histogramOf(ROUTE_METRICS.duration, DURATION_BUCKETS);
  const tunnels = histogramOf(ROUTE_METRICS.tunnelDuration, TUNNEL_BUCKETS);
  const attempts = histogramOf(SERVICE_METRICS.duration, DURATION_BUCKETS);
  return (event: ConductorEvent) => {
    if (event.type === "responded") requests.record(event.durationMs / 1_000, { route: event.route ?? "" });
    else if (event.type === "tunnel-closed" && event.role !== "shadow") {
      tunnels.record(event.durationMs / 1_000, { route: event.route });
    } else if (event.type === "settled" && hasDuration(event.failure)) {
      const { route, service, role } = event;
      attempts.record(event.durationMs / 1_000, { route, service, role });
    }
  };
}

/**
 * Returns the name and the unit of an instrument: `conductor.request_duration` in `s` for
 * `conductor_request_duration_seconds`. From them, exporters for Prometheus derive the name again.
 */
function instrumentOf({ name }: Pick<ReadableFamily, "name">): { readonly name: string; readonly unit?: "s" | "By" } {
  const base = name.replace(/_total$/, "").replace(/^conductor_/, "conductor.");
  if (base.endsWith("_seconds")) return { name: base.replace(/_seconds$/, ""), unit: "s" };
  return base.endsWith("_bytes") ? { name: base, unit: "By" } : { name: base };
}
