/** Compares every number of `/metrics`, in both formats, and of `/api/state` with the truth about known traffic. */

import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import type { DurationView, MetricsView, StateView } from "../../src/admin/api.ts";
import type { Percentiles } from "../../src/lib/latency_counts.ts";
import { ROUTE_METRICS, SERVICE_METRICS } from "../../src/observe/counted_metrics.ts";
import type { HistogramMetric, LabelledMetric, SingleMetric } from "../../src/observe/metric_cells.ts";
import { METRIC_FAMILIES } from "../../src/observe/metric_families.ts";
import type { MetricsJson } from "../../src/observe/metrics_json.ts";
import { type DurationBounds, type RouteTruth, type ServiceTruth, sum, type Truth } from "./known_traffic.ts";

type Metric = SingleMetric | LabelledMetric<string> | HistogramMetric;

/** Facts about the process that were measured outside. */
export interface ProcessBounds {
  readonly startMs: number;
  readonly endMs: number;
  readonly lastRequestMs: number;
  readonly workers: number;
  readonly truth: Truth;
}

/** Numbers about the process. Its memory and CPU time have no truth outside, so only their size is checked. */
const PROCESS: Readonly<Record<string, (value: number, bounds: ProcessBounds) => boolean>> = {
  conductor_build_info: (value) => value === 1,
  conductor_start_time_seconds: (value, { startMs, endMs }) => value * 1_000 >= startMs && value * 1_000 <= endMs,
  conductor_last_request_time_seconds: (value, { lastRequestMs }) =>
    value * 1_000 >= lastRequestMs - 1 && value * 1_000 <= lastRequestMs + 1_000,
  conductor_workers: (value, { workers }) => value === workers,
  conductor_worker_crashes_total: (value) => value === 0,
  conductor_config_last_reload_successful: (value) => value === 0,
  conductor_config_last_reload_success_timestamp_seconds: (value, { startMs, endMs }) =>
    value * 1_000 >= startMs && value * 1_000 <= endMs,
  conductor_config_last_reload_refusal_timestamp_seconds: (value, { startMs, endMs }) =>
    value * 1_000 > startMs && value * 1_000 <= endMs,
  process_cpu_seconds_total: (value, { startMs, endMs }) => value > 0.1 && value * 1_000 < 8 * (endMs - startMs),
  process_start_time_seconds: (value, { startMs, endMs }) => value * 1_000 > startMs - 1_000 && value * 1_000 < endMs,
  process_resident_memory_bytes: (value) => value > 2 ** 24 && value < 2 ** 31,
  nodejs_heap_size_used_bytes: (value) => value > 2 ** 20 && value < 2 ** 30,
  nodejs_heap_size_total_bytes: (value) => value > 2 ** 20 && value < 2 ** 30,
  nodejs_external_memory_bytes: (value) => value > 0 && value < 2 ** 30,
};

/** Compares the text for Prometheus. A sample without a truth fails. */
export function checkMetrics(text: string, bounds: ProcessBounds): void {
  const { truth } = bounds;
  const { counts, durations } = samplesOf(truth);
  const families = new Set(METRIC_FAMILIES.map(({ name }) => name));
  const histograms = new Set(METRIC_FAMILIES.filter(({ type }) => type === "histogram").map(({ name }) => name));
  const shown = new Set<string>();
  for (const { name, labels, value } of parse(text)) {
    const about = `${name} ${JSON.stringify(labels)}`;
    const family = name.replace(/_(?:bucket|sum|count)$/, "");
    if (histograms.has(family)) {
      const { le = "", ...rest } = labels;
      checkHistogram({ part: name.slice(family.length), le, value }, durations.get(sampleKey(family, rest)), about);
      shown.add(sampleKey(family, rest));
      continue;
    }
    const check = PROCESS[name];
    if (check !== undefined) {
      assert(check(value, bounds), `${about} ${value}`);
      continue;
    }
    assert(families.has(name), `${about} is compared with nothing`);
    const key = sampleKey(name, labels);
    assertEquals(value, counts.get(key) ?? 0, about);
    shown.add(key);
  }
  for (const key of [...counts.keys(), ...durations.keys()]) assert(shown.has(key), `${key} is not shown`);
}

function checkHistogram(
  { part, le, value }: { readonly part: string; readonly le: string; readonly value: number },
  { atLeastMs, atMostMs }: DurationBounds = { atLeastMs: [], atMostMs: [] },
  about: string,
): void {
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  if (part === "_count") return assertEquals(value, atLeastMs.length, about);
  if (part === "_sum") {
    assertGreaterOrEqual(value * 1_000, total(atLeastMs) - 1, about);
    return assertLessOrEqual(value * 1_000, total(atMostMs) + 1, about);
  }
  // The pairs of sorted bounds also bound the number of durations below each limit.
  const limitMs = le === "+Inf" ? Infinity : Number(le) * 1_000;
  assertGreaterOrEqual(value, atMostMs.filter((ms) => ms <= limitMs).length, about);
  assertLessOrEqual(value, atLeastMs.filter((ms) => ms <= limitMs + 1).length, about);
}

/** Names all samples of the truth, zeros left out. */
function samplesOf({ routes, services, reloads }: Truth): {
  readonly counts: Map<string, number>;
  readonly durations: Map<string, DurationBounds>;
} {
  const counts = new Map<string, number>();
  const durations = new Map<string, DurationBounds>();
  const add = (row: RouteTruth | ServiceTruth, key: string, metric: Metric) => {
    const labels = labelsOf(row, metric);
    const value = row[key as keyof typeof row] as unknown;
    assert(value !== undefined, `${metric.name} has no truth`);
    if (metric.kind === "single") counts.set(sampleKey(metric.name, labels), value as number);
    else if (metric.kind === "labelled") {
      const name = metric.labels.at(-1)!;
      for (const [label, count] of Object.entries(value as Record<string, number>)) {
        counts.set(sampleKey(metric.name, { ...labels, [name]: label }), count);
      }
    } else durations.set(sampleKey(metric.name, labels), value as DurationBounds);
  };
  for (const row of routes) for (const [key, metric] of Object.entries(ROUTE_METRICS)) add(row, key, metric);
  for (const row of services) for (const [key, metric] of Object.entries(SERVICE_METRICS)) add(row, key, metric);
  for (const { service, breaker, health } of services) {
    if (breaker !== undefined) counts.set(sampleKey("conductor_breaker_state", { service, state: breaker }), 1);
    if (health !== undefined) counts.set(sampleKey("conductor_health_state", { service, state: health }), 1);
  }
  counts.set(sampleKey("conductor_config_reloads_total", { result: "success" }), reloads.succeeded);
  counts.set(sampleKey("conductor_config_reloads_total", { result: "failure" }), reloads.refused);
  return { counts, durations };
}

function labelsOf(row: object, { labels }: Metric): Record<string, string> {
  return Object.fromEntries(
    labels.flatMap((name) => name in row ? [[name, String(row[name as keyof typeof row])]] : []),
  );
}

function sampleKey(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name}${JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1))}`;
}

function parse(text: string) {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [key, text]);
    return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
  });
}

const PERCENTILES = [["p50Ms", 0.5], ["p95Ms", 0.95], ["p99Ms", 0.99], ["maxMs", 1]] as const;

/** Compares percentiles with those of the bounds. The sketch may be wrong by 1 %. */
export function checkPercentiles(percentiles: Percentiles, bounds: DurationBounds, about: string): void {
  for (const [name, ratio] of PERCENTILES) checkPercentile(percentiles[name], { ratio, bounds }, `${name} of ${about}`);
}

/** Compares one percentile, whose text may be rounded. */
export function checkPercentile(
  value: number | null,
  { ratio, bounds: { atLeastMs, atMostMs }, roundedMs = 0 }: {
    readonly ratio: number;
    readonly bounds: DurationBounds;
    readonly roundedMs?: number;
  },
  about: string,
): void {
  const count = atLeastMs.length;
  assertEquals(value === null, count === 0, about);
  if (value === null) return;
  const rank = Math.max(1, Math.ceil(ratio * count)) - 1;
  assertGreaterOrEqual(value, atLeastMs[rank]! * 0.99 - 1 - roundedMs, about);
  assertLessOrEqual(value, atMostMs[rank]! * 1.01 + 1 + roundedMs, about);
}

/** Fields of a row that are no counters. */
const ROW_LABELS: ReadonlySet<string> = new Set(["route", "service", "role"]);

/** Compares every field of the state, and fails if one is unknown. */
export function checkState(state: StateView, bounds: ProcessBounds & { readonly isRecent: boolean }): void {
  const { truth, startMs, endMs, lastRequestMs, workers, isRecent } = bounds;
  const { version, timeMs, draining, reloads, process, url, services, routes, comparing, total, metrics, ...others } =
    state;
  assertEquals(others, { workers: { count: workers, crashes: 0 } });
  assert(/^\d+\.\d+\.\d+/.test(version) && url !== undefined && comparing && !draining);
  assert(timeMs >= startMs && timeMs <= endMs);
  const { file: _file, lastSuccessMs, lastAttemptMs, problems, changes, lastRefusal, ...counted } = reloads!;
  assertEquals(counted, { isSuccessful: false, ...truth.reloads });
  assert(startMs < lastSuccessMs && lastSuccessMs < lastAttemptMs && lastAttemptMs <= endMs);
  assertEquals([changes, problems.length], [["shutdownTimeout"], 1]);
  assertEquals(lastRefusal, { timeMs: lastAttemptMs, problems });
  for (const [name, value] of Object.entries(process)) assert(value > 0, name);

  const percentiles = (view: StateView["total"], durations: readonly DurationBounds[], about: string) => {
    const merged = mergeBounds(durations);
    checkPercentiles(view.sinceStart, merged, about);
    // On a slow machine, the first durations are no longer recent.
    if (isRecent) checkPercentiles(view, merged, about);
  };
  percentiles(total, truth.routes.map(({ duration }) => duration), "all requests");
  assertEquals(services.map(({ name }) => name), truth.services.map(({ service }) => service));
  for (const { name, ...latency } of services) {
    const own = truth.services.filter(({ service }) => service === name);
    percentiles(latency, own.map(({ duration }) => duration), name);
  }
  assertEquals(
    routes.map(({ route, members }) => [route, ...members.map(({ service, role }) => `${service} ${role}`)]),
    truth.routes.filter(({ route }) => route !== "").map(({ route }) => [
      route,
      ...truth.services.filter((service) => service.route === route).map(({ service, role }) => `${service} ${role}`),
    ]),
  );
  assert(metrics.startedMs >= startMs && metrics.lastRequestMs >= lastRequestMs - 1);
  assertEquals(metrics.routes.length, truth.routes.length);
  assertEquals(metrics.services.length, truth.services.length);
  for (const row of metrics.routes) checkRow(row, ROUTE_METRICS, truth.routes.find(({ route }) => route === row.route));
  for (const row of metrics.services) {
    const known = truth.services.find(({ route, service }) => route === row.route && service === row.service);
    checkRow(row, SERVICE_METRICS, known);
  }
  for (const { service, breaker, health, failedCheck, lastFailure } of metrics.states) {
    const own = truth.services.find((known) => known.service === service)!;
    assertEquals([breaker, health], [own.breaker, own.health], service);
    const { cause, error, status, failure } = failedCheck ?? lastFailure ?? {};
    const words = cause ?? error ?? failure ?? (status === undefined ? undefined : String(status));
    assertEquals(words === undefined, own.cause === undefined, service);
    if (words !== undefined) assert(own.cause!.test(words), words);
  }
}

/** Returns the bounds of several groups of durations together. */
export function mergeBounds(bounds: readonly DurationBounds[]): DurationBounds {
  const sorted = (values: number[]) => values.sort((a, b) => a - b);
  return {
    atLeastMs: sorted(bounds.flatMap(({ atLeastMs }) => atLeastMs)),
    atMostMs: sorted(bounds.flatMap(({ atMostMs }) => atMostMs)),
  };
}

function checkRow(
  row: MetricsView["routes"][number] | MetricsView["services"][number],
  metrics: typeof ROUTE_METRICS | typeof SERVICE_METRICS,
  truth: RouteTruth | ServiceTruth | undefined,
): void {
  assert(truth !== undefined, `${JSON.stringify(row)} has no truth`);
  for (const [key, value] of Object.entries(row)) {
    if (ROW_LABELS.has(key) || key === "sinceStart" || PERCENTILES.some(([name]) => name === key)) continue;
    const metric = Object.entries<Metric>(metrics).find(([name]) => name === key)?.[1];
    assert(metric !== undefined, `${key} is compared with nothing`);
    const about = `${key} of ${truth.route} ${"service" in truth ? truth.service : ""}`;
    const expected = truth[key as keyof typeof truth] as unknown;
    if (metric.kind === "single") assertEquals(value, expected, about);
    else if (metric.kind === "labelled") {
      assertEquals(
        withoutZeros(value as Record<string, number>),
        withoutZeros(expected as Record<string, number>),
        about,
      );
    } else {
      const { count, sumMs } = value as DurationView;
      const { atLeastMs, atMostMs } = expected as DurationBounds;
      assertEquals(count, atLeastMs.length, about);
      assertGreaterOrEqual(sumMs, atLeastMs.reduce((total, ms) => total + ms, 0) - 1, about);
      assertLessOrEqual(sumMs, atMostMs.reduce((total, ms) => total + ms, 0) + 1, about);
    }
  }
  const { sinceStart } = row;
  checkPercentiles(sinceStart, truth.duration, `${truth.route} ${"service" in truth ? truth.service : ""}`);
}

/** Returns the entries above 0. */
export function withoutZeros(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

/** Compares the metrics as JSON. */
export function checkJson(json: MetricsJson, bounds: ProcessBounds): void {
  const { truth: { routes, services }, startMs, endMs, lastRequestMs } = bounds;
  const requests = routes.reduce((total, { responses }) => total + sum(responses), 0);
  const errors = routes.reduce((total, { responses }) => total + (responses["5xx"] ?? 0), 0);
  const { services: rows, avg_request_time_ms: mean, uptime_seconds: uptime, ...others } = json;
  const { start_time, last_request_time, config_last_reload_success_time, ...counted } = others;
  assertEquals(counted, {
    request_count: requests,
    error_count: errors,
    success_count: requests - errors,
    error_rate: errors / requests,
    config_last_reload_successful: false,
  });
  assert(uptime > 0 && uptime * 1_000 <= endMs - startMs);
  assert(Date.parse(start_time) >= startMs && Date.parse(config_last_reload_success_time!) > Date.parse(start_time));
  assert(Date.parse(last_request_time) >= lastRequestMs - 1);
  checkMean(mean, mergeBounds(routes.map(({ duration }) => duration)), "all requests");
  assertEquals(rows.length, services.length);
  for (const row of rows) {
    const truth = services.find(({ route, service }) => route === row.route && service === row.service)!;
    const failures = sum(truth.failures);
    const settled = sum(truth.responses) + failures;
    const bad = failures + truth.failedResponses;
    const { avg_request_time_ms, p50_ms, p95_ms, p99_ms, max_ms, ...counted } = row;
    assertEquals(withoutCauses(counted), {
      service: truth.service,
      route: truth.route,
      role: truth.role,
      request_count: settled,
      error_count: bad,
      success_count: settled - bad,
      success_rate: settled === 0 ? null : (settled - bad) / settled,
      in_flight: truth.inFlight,
      selected_count: truth.selected,
      failures: withoutZeros(truth.failures),
      skips: withoutZeros(truth.skips),
      ...(truth.breaker !== undefined && { breaker: truth.breaker }),
      ...(truth.health !== undefined && { health: truth.health }),
    });
    checkPercentiles({ p50Ms: p50_ms, p95Ms: p95_ms, p99Ms: p99_ms, maxMs: max_ms }, truth.duration, truth.service);
    if (avg_request_time_ms !== null) checkMean(avg_request_time_ms, truth.duration, truth.service);
  }
}

/** Causes are compared in the state. */
function withoutCauses(row: object): object {
  const { failedCheck: _check, lastFailure: _failure, ...others } = row as Record<string, unknown>;
  return others;
}

function checkMean(mean: number, { atLeastMs, atMostMs }: DurationBounds, about: string): void {
  const meanOf = (values: readonly number[]) => values.reduce((total, ms) => total + ms, 0) / values.length;
  assertGreaterOrEqual(mean, meanOf(atLeastMs) - 1, about);
  assertLessOrEqual(mean, meanOf(atMostMs) + 1, about);
}
