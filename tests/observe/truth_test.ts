/**
 * Known traffic from outside, through a process of its own: clients and backends count for themselves, and every number
 * that conductor shows must agree with them. A number without a comparison fails the test.
 */

import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import type { DurationView, MetricsView, StateView } from "../../src/admin/api.ts";
import { edgeKey, routeKey, serviceKey, Store, TOTAL } from "../../src/admin/dashboard/store.js";
import { drawTop } from "../../src/cli/top/draw_top.ts";
import type { Report } from "../../src/compare/report.ts";
import { createPaint } from "../../src/lib/paint.ts";
import { ROUTE_METRICS, SERVICE_METRICS } from "../../src/observe/counted_metrics.ts";
import type { HistogramMetric, LabelledMetric, SingleMetric } from "../../src/observe/metric_cells.ts";
import { METRIC_FAMILIES } from "../../src/observe/metric_families.ts";
import type { MetricsJson } from "../../src/observe/metrics_json.ts";
import { startWatched, type WatchedConductor } from "../_support/cli_process.ts";
import { type Backend, exchangeRaw, refusingUrl, startBackend, startRawBackend } from "../_support/servers.ts";

/** Time that a slow backend takes. */
const SLOW_MS = 300;
/** Lower bound of the duration of its responses: timers may fire early. */
const AT_LEAST_MS = SLOW_MS - 2;
const REQUEST_BODY = "b".repeat(1_000);
const CUT_BYTES = 70_000;

interface Send {
  readonly path: string;
  readonly method?: "GET" | "POST";
  readonly count: number;
}

const TRAFFIC: readonly Send[] = [
  { path: "/api", count: 20 },
  { path: "/api", method: "POST", count: 5 },
  { path: "/slow", count: 4 },
  { path: "/down", count: 6 },
  { path: "/broken", count: 3 },
  { path: "/open", count: 9 },
  { path: "/hedged", count: 2 },
  { path: "/cut", count: 2 },
  { path: "/nowhere", count: 7 },
];

interface ClientView {
  readonly status: number;
  readonly bodyBytes: number;
  readonly durationMs: number;
}

/** Results that clients saw, by path. */
type Clients = ReadonlyMap<string, readonly ClientView[]>;

async function sendAll(url: string): Promise<Clients> {
  const port = Number(new URL(url).port);
  const seen = new Map<string, ClientView[]>();
  for (const { path, method = "GET", count } of TRAFFIC) {
    for (let nth = 0; nth < count; nth++) {
      const startedMs = performance.now();
      const length = method === "POST" ? `Content-Length: ${REQUEST_BODY.length}\r\n` : "";
      const body = method === "POST" ? REQUEST_BODY : "";
      // Each request has a connection of its own, so that all workers get some.
      const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${length}\r\n`;
      const response = await exchangeRaw(port, head + body);
      const [, status = "0"] = /^HTTP\/1\.1 (\d+)/.exec(response) ?? [];
      const bodyBytes = response.length - response.indexOf("\r\n\r\n") - 4;
      const client = { status: Number(status), bodyBytes, durationMs: performance.now() - startedMs };
      seen.set(path, [...seen.get(path) ?? [], client]);
    }
  }
  return seen;
}

/** Numbers that conductor must show, by the name and the labels of a sample; all other counters must be 0. */
class Truth {
  readonly samples = new Map<string, number>();
  /** Upper bound of every duration. */
  readonly atMostMs: number;
  /** Number and minimum of the durations of a histogram, by its labels. */
  readonly durations = new Map<string, { readonly count: number; readonly atLeastMs: number }>();

  constructor(clients: Clients) {
    // Shadow requests may take longer than the client's own.
    this.atMostMs = 2 * Math.max(...[...clients.values()].flat().map(({ durationMs }) => durationMs));
  }

  count(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    const key = sampleKey(name, labels);
    this.samples.set(key, (this.samples.get(key) ?? 0) + value);
  }

  time(name: string, labels: Readonly<Record<string, string>>, count: number, atLeastMs = 0): void {
    this.durations.set(sampleKey(name, labels), { count, atLeastMs });
  }

  of(name: string, labels: Readonly<Record<string, string>>): number {
    return this.samples.get(sampleKey(name, labels)) ?? 0;
  }
}

function sampleKey(name: string, labels: Readonly<Record<string, string>>): string {
  return `${name}${JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1))}`;
}

interface Scene extends AsyncDisposable {
  readonly conductor: WatchedConductor;
  readonly backends: Readonly<Record<string, Backend>>;
}

async function startScene(args: readonly string[]): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    return new Response("slow");
  };
  const json = (value: object) => () => Response.json(value);
  const backends = {
    blue: stack.use(startBackend(json({ version: 1 }))),
    green: stack.use(startBackend()),
    canary: stack.use(startBackend(json({ version: 2 }))),
    unsampled: stack.use(startBackend()),
    slow: stack.use(startBackend(slow)),
    backup: stack.use(startBackend()),
    broken: stack.use(startBackend(() => new Response("broken", { status: 500 }))),
    open: stack.use(startBackend(() => new Response("broken", { status: 503 }))),
    late: stack.use(startBackend(slow)),
    hedge: stack.use(startBackend()),
  };
  const cut = stack.use(startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(4_096));
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${2 * CUT_BYTES}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head + "x".repeat(CUT_BYTES)));
  }));
  const services = [
    { name: "blue", url: backends.blue.url, pathPrefix: "/api", primary: true },
    { name: "green", url: backends.green.url, pathPrefix: "/api", compare: false },
    { name: "canary", url: backends.canary.url, pathPrefix: "/api", shadow: true, methods: "GET" },
    { name: "unsampled", url: backends.unsampled.url, pathPrefix: "/api", shadow: true, sample: 0, compare: false },
    { name: "slow", url: backends.slow.url, pathPrefix: "/slow", primary: true },
    { name: "down", url: refusingUrl(), pathPrefix: "/down", primary: true },
    { name: "backup", url: backends.backup.url, pathPrefix: "/down", compare: false },
    { name: "broken", url: backends.broken.url, pathPrefix: "/broken", primary: true },
    { name: "open", url: backends.open.url, pathPrefix: "/open", primary: true, breaker: { failures: 1 } },
    { name: "late", url: backends.late.url, pathPrefix: "/hedged", primary: true },
    {
      name: "hedge",
      url: backends.hedge.url,
      pathPrefix: "/hedged",
      hedge: { after: "20ms", maxExtra: 1 },
      compare: false,
    },
    { name: "cut", url: cut.url, pathPrefix: "/cut", primary: true },
  ];
  const conductor = stack.use(
    await startWatched(
      services,
      { compare: { noise: "replay", noiseSample: "50%" }, logging: { level: "debug" } },
      args,
    ),
  );
  const kept = stack.move();
  return { conductor, backends, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const REQUESTS = "conductor_requests_total";
const RESPONSES = "conductor_service_responses_total";

/** Derives every number from the clients' and the backends' own counts. */
function truthOf(clients: Clients, backends: Scene["backends"]): Truth {
  const truth = new Truth(clients);
  const seen = (name: string) => backends[name]!.seen.length;
  for (const [path, views] of clients) {
    const route = path === "/nowhere" ? "" : `pathPrefix ${path}`;
    for (const { status } of views) truth.count(REQUESTS, { route, code: `${String(status)[0]}xx` }, 1);
    truth.time("conductor_request_duration_seconds", { route }, views.length, path === "/slow" ? AT_LEAST_MS : 0);
    const posts = TRAFFIC.filter((send) => send.path === path && send.method === "POST");
    truth.count("conductor_request_bytes_total", { route }, posts.reduce((sum, { count }) => sum + count, 0) * 1_000);
    // conductor generates the body itself if a breaker rejects the request or no route matches.
    const isRelayed = ({ bodyBytes }: ClientView, nth: number) =>
      path === "/nowhere" || (path === "/open" && nth >= 0 && bodyBytes !== "broken".length) ? 0 : bodyBytes;
    truth.count(
      "conductor_response_bytes_total",
      { route },
      views.reduce((sum, view, nth) => sum + isRelayed(view, nth), 0),
    );
  }
  const service = (route: string, service: string, role: string) => ({ route: `pathPrefix ${route}`, service, role });
  const responded = (labels: Readonly<Record<string, string>>, code: string, count: number, atLeastMs = 0) => {
    truth.count(RESPONSES, { ...labels, code }, count);
    truth.time("conductor_service_attempt_duration_seconds", labels, count, atLeastMs);
  };
  const api = (clients.get("/api") ?? []).length;
  const gets = TRAFFIC[0]!.count;
  const [blue, canary] = [service("/api", "blue", "primary"), service("/api", "canary", "shadow")];
  // Each further request of the primary is a replay, which detects noise.
  responded(blue, "2xx", seen("blue"));
  truth.count("conductor_service_replays_total", blue, seen("blue") - api);
  truth.count("conductor_service_selected_total", blue, api);
  responded(service("/api", "green", "secondary"), "2xx", seen("green"));
  responded(canary, "2xx", seen("canary"));
  truth.count("conductor_service_skips_total", { ...canary, reason: "method-excluded" }, api - gets);
  truth.count(
    "conductor_service_skips_total",
    { ...service("/api", "unsampled", "shadow"), reason: "not-sampled" },
    api,
  );
  const compared = { route: blue.route, service: "canary" };
  truth.count("conductor_comparisons_total", { ...compared, result: "mismatch" }, seen("canary"));
  truth.count(
    "conductor_comparisons_total",
    { route: blue.route, service: "blue", result: "noise" },
    seen("blue") - api,
  );

  const slow = service("/slow", "slow", "primary");
  responded(slow, "2xx", seen("slow"), AT_LEAST_MS);
  truth.count("conductor_service_selected_total", slow, seen("slow"));

  const down = service("/down", "down", "primary");
  const failovers = (clients.get("/down") ?? []).length;
  truth.count("conductor_service_failures_total", { ...down, kind: "refused" }, failovers);
  truth.time("conductor_service_attempt_duration_seconds", down, failovers);
  const backup = service("/down", "backup", "secondary");
  responded(backup, "2xx", seen("backup"));
  truth.count("conductor_service_selected_total", backup, failovers);
  truth.count("conductor_fallbacks_total", { route: down.route }, failovers);

  const broken = service("/broken", "broken", "primary");
  responded(broken, "5xx", seen("broken"));
  truth.count("conductor_service_failed_responses_total", broken, seen("broken"));
  truth.count("conductor_service_selected_total", broken, seen("broken"));

  const open = service("/open", "open", "primary");
  const rejected = (clients.get("/open") ?? []).length - seen("open");
  responded(open, "5xx", seen("open"));
  truth.count("conductor_service_failed_responses_total", open, seen("open"));
  truth.count("conductor_service_selected_total", open, seen("open"));
  truth.count("conductor_service_skips_total", { ...open, reason: "open-circuit" }, rejected);
  truth.count("conductor_local_replies_total", { route: open.route }, rejected);
  truth.count("conductor_breaker_state", { service: "open", state: "open" }, 1);

  const [late, hedge] = [service("/hedged", "late", "primary"), service("/hedged", "hedge", "secondary")];
  responded(late, "2xx", seen("late"), AT_LEAST_MS);
  truth.count("conductor_service_selected_total", late, seen("late"));
  responded(hedge, "2xx", seen("hedge"));
  truth.count("conductor_service_hedges_total", hedge, seen("hedge"));

  const cut = service("/cut", "cut", "primary");
  const cuts = (clients.get("/cut") ?? []).length;
  responded(cut, "2xx", cuts);
  truth.count("conductor_service_selected_total", cut, cuts);
  truth.count("conductor_interrupted_responses_total", { route: cut.route }, cuts);

  truth.count("conductor_local_replies_total", { route: "" }, (clients.get("/nowhere") ?? []).length);
  return truth;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function parse(text: string): Sample[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [, name = "", labels = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [key, text]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

interface Bounds {
  readonly startMs: number;
  readonly endMs: number;
  readonly workers: number;
}

/** Numbers about the process, which only have bounds. */
const PROCESS: Readonly<Record<string, (value: number, bounds: Bounds) => boolean>> = {
  conductor_build_info: (value) => value === 1,
  conductor_start_time_seconds: (value, { startMs, endMs }) => value * 1_000 >= startMs && value * 1_000 <= endMs,
  conductor_last_request_time_seconds: (value, { startMs, endMs }) =>
    value * 1_000 >= startMs - 1 && value * 1_000 <= endMs + 1,
  conductor_workers: (value, { workers }) => value === workers,
  conductor_worker_crashes_total: (value) => value === 0,
  conductor_config_last_reload_successful: (value) => value === 1,
  conductor_config_last_reload_success_timestamp_seconds: (value, { startMs, endMs }) =>
    value * 1_000 >= startMs && value * 1_000 <= endMs,
  conductor_config_reloads_total: (value) => value === 0,
  process_cpu_seconds_total: (value, { startMs, endMs }) => value > 0.1 && value * 1_000 < 8 * (endMs - startMs),
  process_start_time_seconds: (value, { startMs, endMs }) => value * 1_000 > startMs - 1_000 && value * 1_000 < endMs,
  process_resident_memory_bytes: (value) => value > 2 ** 24 && value < 2 ** 31,
  nodejs_heap_size_used_bytes: (value) => value > 2 ** 20 && value < 2 ** 30,
  nodejs_heap_size_total_bytes: (value) => value > 2 ** 20 && value < 2 ** 30,
  nodejs_external_memory_bytes: (value) => value > 0 && value < 2 ** 30,
};

function checkMetrics(text: string, truth: Truth, bounds: Bounds): void {
  const families = new Map(METRIC_FAMILIES.map((family) => [family.name, family]));
  const checked = new Set<string>();
  for (const { name, labels, value } of parse(text)) {
    const histogram = name.replace(/_(?:bucket|sum|count)$/, "");
    if (families.get(histogram)?.type === "histogram") {
      const { le, ...rest } = labels;
      const { count, atLeastMs } = truth.durations.get(sampleKey(histogram, rest)) ?? { count: 0, atLeastMs: 0 };
      const about = `${name} ${JSON.stringify(labels)}`;
      if (name.endsWith("_count")) assertEquals(value, count, about);
      else if (name.endsWith("_sum")) {
        assertGreaterOrEqual(value * 1_000, count * atLeastMs, about);
        assertLessOrEqual(value * 1_000, count * (truth.atMostMs), about);
      } else if (Number(le?.replace("+Inf", "Infinity")) * 1_000 >= truth.atMostMs) {
        assertEquals(value, count, about);
      } else if (Number(le) * 1_000 < atLeastMs) assertEquals(value, 0, about);
      checked.add(histogram);
      continue;
    }
    checked.add(name);
    const check = PROCESS[name];
    if (check !== undefined) assert(check(value, bounds), `${name} ${value}`);
    else {
      assert(families.has(name) && /^conductor_/.test(name), `${name} is compared with nothing`);
      assertEquals(value, truth.of(name, labels), `${name} ${JSON.stringify(labels)}`);
    }
  }
  for (const key of truth.samples.keys()) assert(checked.has(key.slice(0, key.indexOf("["))), `${key} is not shown`);
}

type Metric = SingleMetric | LabelledMetric<string> | HistogramMetric;

/** Fields of a row that are no counters. */
const ROW_LABELS: ReadonlySet<string> = new Set(["route", "service", "role"]);
const PERCENTILES = ["p50Ms", "p95Ms", "p99Ms", "maxMs"] as const;

function checkRow(
  row: MetricsView["routes"][number] | MetricsView["services"][number],
  metrics: typeof ROUTE_METRICS | typeof SERVICE_METRICS,
  truth: Truth,
): void {
  for (const [key, value] of Object.entries(row)) {
    if (ROW_LABELS.has(key) || key === "sinceStart" || (PERCENTILES as readonly string[]).includes(key)) continue;
    const metric = Object.entries<Metric>(metrics).find(([name]) => name === key)?.[1];
    assert(metric !== undefined, `${key} is compared with nothing`);
    const labels = Object.fromEntries(
      metric.labels.flatMap((name) => name in row ? [[name, String(row[name as "route"])]] : []),
    );
    const about = `${metric.name} ${JSON.stringify(labels)}`;
    if (metric.kind === "single") assertEquals(value, truth.of(metric.name, labels), about);
    else if (metric.kind === "labelled") {
      for (const [label, count] of Object.entries(value as Record<string, number>)) {
        assertEquals(count, truth.of(metric.name, { ...labels, [metric.labels.at(-1)!]: label }), `${about} ${label}`);
      }
    } else {
      const { count, atLeastMs } = truth.durations.get(sampleKey(metric.name, labels)) ?? { count: 0, atLeastMs: 0 };
      const duration = value as DurationView;
      assertEquals(duration.count, count, about);
      assertGreaterOrEqual(duration.sumMs, count * atLeastMs);
      if (key !== "duration") continue;
      for (const percentiles of [row, row.sinceStart]) {
        checkPercentiles(percentiles, { count, atLeastMs, atMostMs: truth.atMostMs }, about);
      }
    }
  }
}

function checkPercentiles(
  percentiles: Pick<StateView["total"], typeof PERCENTILES[number]>,
  { count, atLeastMs, atMostMs }: { readonly count: number; readonly atLeastMs: number; readonly atMostMs: number },
  about: string,
): void {
  let previous = 0;
  for (const name of PERCENTILES) {
    const value = percentiles[name];
    assertEquals(value === null, count === 0, `${name} of ${about}`);
    if (value === null) continue;
    assertGreaterOrEqual(value, Math.max(previous, atLeastMs), `${name} of ${about}`);
    assertLessOrEqual(value, atMostMs, `${name} of ${about}`);
    previous = value;
  }
}

function sumOf(truth: Truth, name: string, labels: Readonly<Record<string, string>>): number {
  let sum = 0;
  for (const [key, value] of truth.samples) {
    if (!key.startsWith(`${name}[`)) continue;
    const found = Object.fromEntries(JSON.parse(key.slice(name.length)));
    if (Object.entries(labels).every(([label, text]) => found[label] === text)) sum += value;
  }
  return sum;
}

/** Computes what the page shows, with the functions of the page. */
function checkDashboard(before: StateView, after: StateView, truth: Truth): void {
  const store = new Store();
  store.addState(before);
  store.addState({ ...after, timeMs: before.timeMs + 2_000 });
  const routes = ["", ...after.routes.map(({ route }) => route)];
  for (const route of [undefined, ...routes]) {
    const { latest, recent } = store.series(route === undefined ? TOTAL : routeKey(route));
    const labels = route === undefined ? {} : { route };
    const total = sumOf(truth, REQUESTS, labels);
    const bad = sumOf(truth, REQUESTS, { ...labels, code: "5xx" });
    const interrupted = sumOf(truth, "conductor_interrupted_responses_total", labels);
    assertEquals([latest?.rate, recent.total, recent.succeeded], [total / 2, total, total - bad - interrupted], route);
    assertEquals(recent.fallbacks, sumOf(truth, "conductor_fallbacks_total", labels), route);
    const { "5xx": shownBad = 0, interrupted: shownInterrupted = 0 } = recent.failures;
    assertEquals([shownBad, shownInterrupted], [bad, interrupted], route);
  }
  for (const { route, service } of after.metrics.services) {
    for (
      const [key, labels] of [[edgeKey(route, service), { route, service }], [serviceKey(service), {
        service,
      }]] as const
    ) {
      const { latest, recent } = store.series(key);
      const responses = sumOf(truth, RESPONSES, labels);
      const errors = sumOf(truth, "conductor_service_failed_responses_total", labels);
      const total = responses + sumOf(truth, "conductor_service_failures_total", labels);
      assertEquals([latest?.rate, recent.total, recent.succeeded], [total / 2, total, responses - errors], key);
      const skipped = Object.values(recent.skips).reduce((sum, count) => sum + count, 0);
      assertEquals(skipped, sumOf(truth, "conductor_service_skips_total", labels), key);
      const row = after.metrics.services.find((row) => row.route === route && row.service === service)!;
      assertEquals(
        [latest?.p50, latest?.p95, latest?.p99, latest?.max],
        PERCENTILES.map((name) => row[name] ?? NaN),
        key,
      );
    }
  }
}

function checkTop(before: StateView, after: StateView, truth: Truth): void {
  const views = [before, { ...after, timeMs: before.timeMs + 1_000 }];
  const lines = drawTop(views, { columns: 200, rows: 200, paint: createPaint(false) });
  const pattern =
    /^ *(.+?) +(?:(primary|secondary|shadow) +)?(\d+|[\d.]+) +(\S+%|–) +(.+?) +(.+?) +(.+?) +(\d+) [▁-█]+$/;
  let rows = 0;
  let route = "";
  for (const line of lines.slice(2)) {
    const [, name = "", role, rate = "", , , , , inFlight] = pattern.exec(line) ?? [];
    if (name === "") {
      // The notes of a row, such as the cause of its newest failure. A row that does not match is missing in the count.
      assert(/^ {4}\S/.test(line), `cannot compare: ${line}`);
      continue;
    }
    rows++;
    if (role === undefined) route = name === "no route" ? "" : name;
    const labels = role === undefined ? { route } : { route, service: name };
    const expected = role === undefined
      ? sumOf(truth, REQUESTS, labels)
      : sumOf(truth, RESPONSES, labels) + sumOf(truth, "conductor_service_failures_total", labels);
    assertEquals([name, Number(rate), inFlight], [name, expected, "0"], line);
  }
  assertEquals(rows, after.metrics.routes.length + after.metrics.services.length, lines.join("\n"));
}

function checkJson(json: MetricsJson, truth: Truth): void {
  const [requests, errors] = [sumOf(truth, REQUESTS, {}), sumOf(truth, REQUESTS, { code: "5xx" })];
  assertEquals([json.request_count, json.error_count, json.success_count], [requests, errors, requests - errors]);
  assertEquals(json.error_rate, errors / requests);
  for (const { route, service, ...row } of json.services) {
    const labels = { route, service };
    const responses = sumOf(truth, RESPONSES, labels);
    const failures = sumOf(truth, "conductor_service_failures_total", labels);
    const bad = sumOf(truth, "conductor_service_failed_responses_total", labels);
    assertEquals([row.request_count, row.error_count, row.success_count], [
      responses + failures,
      failures + bad,
      responses - bad,
    ]);
    assertEquals(row.selected_count, sumOf(truth, "conductor_service_selected_total", labels));
    const total = (counts: object) => Object.values(counts).reduce((sum, count) => sum + count, 0);
    assertEquals([total(row.failures), row.in_flight], [failures, 0]);
    assertEquals(total(row.skips), sumOf(truth, "conductor_service_skips_total", labels));
  }
}

function checkReport({ services, compared, notComparable }: Report, truth: Truth): void {
  const expected = sumOf(truth, "conductor_comparisons_total", { service: "canary" });
  assertEquals([compared, notComparable, services.length], [expected, 0, 1]);
  const [{ service, compared: count, matchRate, errorRate, latencyMs } = services[0]!] = services;
  assertEquals([service, count, matchRate.value, errorRate], ["canary", expected, 0, { primary: 0, service: 0 }]);
  for (const { p50, p95, p99, max } of Object.values(latencyMs)) {
    checkPercentiles({ p50Ms: p50, p95Ms: p95, p99Ms: p99, maxMs: max }, {
      count,
      atLeastMs: 0,
      atMostMs: truth.atMostMs,
    }, "the report");
  }
}

/** Counts the lines of one message, those that were left out included. */
function linesOf(log: string, message: string): number {
  const lines = log.trimEnd().split("\n").map((line) => JSON.parse(line));
  return lines
    .filter((line) => line.message === message)
    .reduce((sum, { suppressed = 0, leftOut = 0 }) => sum + 1 + suppressed + leftOut, 0);
}

function checkLog(log: string, truth: Truth): void {
  assertEquals(linesOf(log, "request completed"), sumOf(truth, REQUESTS, {}));
  const failed = sumOf(truth, "conductor_service_failures_total", {}) +
    sumOf(truth, "conductor_service_failed_responses_total", {});
  assertEquals(linesOf(log, "attempt failed"), failed);
  assertEquals(linesOf(log, "response interrupted"), sumOf(truth, "conductor_interrupted_responses_total", {}));
  assertEquals(linesOf(log, "attempt skipped"), sumOf(truth, "conductor_service_skips_total", {}));
  const noise = sumOf(truth, "conductor_comparisons_total", { result: "noise" });
  assertEquals(linesOf(log, "primary compared with itself"), noise);
  assertEquals(linesOf(log, "responses differ"), sumOf(truth, "conductor_comparisons_total", {}) - noise);
}

for (const workers of [1, 2]) {
  Deno.test(
    `every number agrees with what clients and backends counted, with ${workers} ${
      workers === 1 ? "thread" : "workers"
    }`,
    { ignore: workers > 1 && Deno.build.os !== "linux" },
    async () => {
      const startMs = Date.now();
      await using scene = await startScene(workers === 1 ? [] : ["--workers", String(workers)]);
      const { conductor, backends } = scene;
      const read = async <T>(path: string, accept = "*/*"): Promise<T> =>
        (await fetch(conductor.adminUrl + path, { headers: { accept } })).json();
      const before = await read<StateView>("api/state");
      const clients = await sendAll(conductor.url);
      // Comparisons and attempts that no client waits for are still in progress.
      let after = await read<StateView>("api/state");
      const isDone = ({ metrics }: StateView) => {
        const canary = metrics.services.find(({ service }) => service === "canary");
        return metrics.services.every(({ inFlight }) => inFlight === 0) && canary?.comparisons["mismatch"] === 20;
      };
      for (const end = Date.now() + 10_000; !isDone(after) && Date.now() < end;) after = await read("api/state");
      const truth = truthOf(clients, backends);

      const text = await (await fetch(`${conductor.adminUrl}metrics`, { headers: { accept: "text/plain" } })).text();
      checkMetrics(text, truth, { startMs, endMs: Date.now(), workers });
      for (const row of after.metrics.routes) checkRow(row, ROUTE_METRICS, truth);
      for (const row of after.metrics.services) checkRow(row, SERVICE_METRICS, truth);
      checkDashboard(before, after, truth);
      checkTop(before, after, truth);
      checkJson(await read("metrics", "application/json"), truth);
      checkReport(await read("api/report", "application/json"), truth);
      conductor.process.kill("SIGTERM");
      assertEquals(await conductor.process.exited, 0);
      checkLog(conductor.process.stdout.text + conductor.process.stderr.text, truth);
    },
  );
}
