import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import type { ConductorEvent, ConfigInput } from "@zeek/conductor";

import { validateConfig } from "../../src/config/validate.ts";
import { FAILURE_KINDS, type FailureKind, NOT_SENT_KINDS } from "../../src/http/outcome_kinds.ts";
import { NO_LATENCIES, percentilesOf } from "../../src/lib/latency_counts.ts";
import { DURATION_BOUNDS_SECONDS, durationCounts, ROUTE_METRICS } from "../../src/observe/counted_metrics.ts";
import {
  type HistogramSnapshot,
  mergeSnapshots,
  type MetricsSnapshot,
  type RouteSnapshot,
  type ServiceSnapshot,
} from "../../src/observe/metrics_snapshot.ts";
import { MetricCells } from "../../src/observe/metric_cells.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { metricsJson } from "../../src/observe/metrics_json.ts";
import {
  exchangeRaw,
  refusingUrl,
  startBackend,
  startConductor,
  startRawBackend,
  startSlowBackend,
} from "../_support/servers.ts";

const NOTHING: HistogramSnapshot = { recent: NO_LATENCIES, total: NO_LATENCIES, sumMs: 0 };

/** Counts events and returns the snapshot. */
function count(input: ConfigInput, events: readonly ConductorEvent[]): MetricsSnapshot {
  const metrics = counting(input);
  for (const event of events) metrics.observe(event);
  return metrics.snapshot();
}

function counting(input: ConfigInput, now?: () => number): Metrics {
  const metrics = new Metrics(now);
  metrics.reconfigure(validateConfig(input).config);
  return metrics;
}

function routeOf({ routes }: MetricsSnapshot, route: string): RouteSnapshot {
  const found = routes.find((one) => one.route === route);
  assert(found !== undefined, `no route ${route}`);
  return found;
}

function serviceOf({ services }: MetricsSnapshot, name: string): ServiceSnapshot {
  const found = services.find(({ service }) => service === name);
  assert(found !== undefined, `no service ${name}`);
  return found;
}

function countOf({ total: { counts } }: HistogramSnapshot): number {
  return counts.reduce((sum, one) => sum + one, 0);
}

/** Returns the counters that are not zero. */
function some(counts: object): object {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== 0));
}

function isRelayed({ type }: ConductorEvent): boolean {
  return type === "relayed";
}

Deno.test("Metrics counts responses, fallbacks, failures and bytes, by route and by service", async () => {
  await using green = startBackend((_, body) => new Response(`got ${body}`, { status: 201 }));
  await using copy = startBackend(() => new Response("no", { status: 503 }));
  const config: ConfigInput = {
    services: [
      { name: "blue", url: refusingUrl(), pathPrefix: "/api", primary: true },
      { name: "green", url: green.url, pathPrefix: "/api" },
      { name: "copy", url: copy.url, pathPrefix: "/api", shadow: true },
      { name: "web", url: green.url, pathPrefix: "/web", shadow: true, methods: "GET" },
      { name: "page", url: green.url, pathPrefix: "/web" },
    ],
  };
  await using front = startConductor(config);
  const response = await fetch(`${front.url}/api/x`, { method: "POST", body: "hello" });
  assertEquals(await response.text(), "got hello");
  await (await fetch(`${front.url}/web`, { method: "POST" })).text();
  await (await fetch(`${front.url}/none`)).text();
  await front.event((event) => event.type === "settled" && event.service === "copy");
  const snapshot = count(config, front.events);

  const { duration, tunnelDuration, ...api } = routeOf(snapshot, "pathPrefix /api");
  assertEquals({ ...api, responses: some(api.responses), refusals: some(api.refusals) }, {
    route: "pathPrefix /api",
    responses: { "2xx": 1 },
    refusals: {},
    fallbacks: 1,
    localReplies: 0,
    interrupted: 0,
    requestBytes: 5,
    responseBytes: 9,
    tunnels: 0,
    tunnelsOpened: 0,
    tunnelClientBytes: 0,
    tunnelServiceBytes: 0,
    inFlight: 0,
  });
  assertEquals(countOf(tunnelDuration), 0);
  assertEquals(countOf(duration), 1);
  assertGreater(duration.sumMs, 0);
  const unmatched = routeOf(snapshot, "");
  assertEquals([some(unmatched.responses), unmatched.localReplies, unmatched.inFlight], [{ "4xx": 1 }, 1, 0]);

  const blue = serviceOf(snapshot, "blue");
  assertEquals([blue.role, some(blue.responses), some(blue.failures)], ["primary", {}, { refused: 1 }]);
  assertEquals([blue.selected, blue.inFlight, countOf(blue.duration)], [0, 0, 1]);
  const standIn = serviceOf(snapshot, "green");
  assertEquals([standIn.role, some(standIn.responses), standIn.selected], ["secondary", { "2xx": 1 }, 1]);
  assertEquals([standIn.failedResponses, some(standIn.failures), some(standIn.skips)], [0, {}, {}]);
  const shadow = serviceOf(snapshot, "copy");
  assertEquals([shadow.role, some(shadow.responses), shadow.failedResponses], ["shadow", { "5xx": 1 }, 1]);
  const skipped = serviceOf(snapshot, "web");
  assertEquals([some(skipped.skips), some(skipped.responses), skipped.inFlight], [{ "method-excluded": 1 }, {}, 0]);
});

Deno.test("Metrics counts requests and attempts in flight, and none after the responses", async () => {
  await using slow = startSlowBackend();
  const config: ConfigInput = { services: [{ name: "slow", url: slow.url }] };
  await using front = startConductor(config);
  const responses = [fetch(front.url), fetch(front.url)];
  await slow.received(2);
  const during = count(config, front.events);
  assertEquals([routeOf(during, "path /").inFlight, serviceOf(during, "slow").inFlight], [2, 2]);
  assertEquals(some(routeOf(during, "path /").responses), {});
  slow.release();
  for (const response of responses) await (await response).text();
  const after = count(config, front.events);
  assertEquals([routeOf(after, "path /").inFlight, serviceOf(after, "slow").inFlight], [0, 0]);
});

Deno.test("Metrics shows an open breaker as half-open when its open time has passed", () => {
  let nowMs = 1_000;
  const metrics = new Metrics(Date.now, () => nowMs);
  metrics.reconfigure(validateConfig({ services: [{ name: "a", url: "http://a", breaker: true }] }).config);
  const state = () => metrics.snapshot().states[0]!.breaker;
  metrics.observe({ type: "breaker", service: "a", state: "open", openForMs: 500 });
  nowMs += 499;
  assertEquals(state(), "open");
  nowMs++;
  assertEquals(state(), "half-open");
  metrics.observe({ type: "breaker", service: "a", state: "half-open" });
  metrics.observe({ type: "breaker", service: "a", state: "open", openForMs: 1_000 });
  assertEquals(state(), "open");
  metrics.observe({ type: "breaker", service: "a", state: "closed" });
  nowMs += 5_000;
  assertEquals(state(), "closed");
});

Deno.test("Metrics counts 502s as local replies, and attempts that an open breaker rejects as skips alone", async () => {
  const config: ConfigInput = { services: [{ name: "down", url: refusingUrl(), breaker: { failures: 1 } }] };
  await using front = startConductor(config);
  for (let i = 0; i < 3; i++) {
    const response = await fetch(front.url);
    await response.body?.cancel();
    assertEquals(response.status, 502);
  }
  const snapshot = count(config, front.events);
  const { localReplies, responses } = routeOf(snapshot, "path /");
  assertEquals([localReplies, some(responses)], [3, { "5xx": 3 }]);
  const { failures, skips, duration } = serviceOf(snapshot, "down");
  assertEquals([some(failures), some(skips)], [{ "refused": 1 }, { "open-circuit": 2 }]);
  assertEquals(countOf(duration), 1);
  const [{ lastFailure, ...state } = { lastFailure: undefined }] = snapshot.states;
  assertEquals(state, { service: "down", breaker: "open" });
  assertMatch(lastFailure?.cause ?? "", /^connection refused at 127\.0\.0\.1:\d+/);
});

Deno.test("Metrics counts an attempt as a failure only if it was sent", () => {
  const about = { requestId: "r", route: "path /", service: "a", role: "primary" } as const;
  const kinds = Object.keys(FAILURE_KINDS) as FailureKind[];
  const { failures, duration } = serviceOf(
    count({ services: [{ name: "a", url: "http://a" }] }, [
      ...kinds.map((failure) => ({ type: "settled", ...about, success: false, failure, durationMs: 1 }) as const),
    ]),
    "a",
  );
  const counted = kinds.filter((kind) => !NOT_SENT_KINDS.has(kind));
  assertEquals(failures, Object.fromEntries(counted.map((kind) => [kind, 1])));
  assertEquals(countOf(duration), kinds.filter((kind) => kind !== "aborted" && !NOT_SENT_KINDS.has(kind)).length);
});

Deno.test("Metrics counts a shadow request that was dropped or cut off as a skip alone", () => {
  const config: ConfigInput = {
    services: [{ name: "a", url: "http://a", primary: true }, { name: "s", url: "http://s", shadow: true }],
  };
  const about = { requestId: "r", route: "path /", service: "s", role: "shadow" } as const;
  const end = { success: false, durationMs: 3 } as const;
  const { failures, skips, duration, inFlight } = serviceOf(
    count(config, [
      { type: "attempted", ...about, atMs: 0, hedge: false },
      { type: "settled", ...about, ...end, failure: "queue-full" },
      { type: "skipped", ...about, reason: "queue-full" },
      { type: "attempted", ...about, atMs: 0, hedge: false },
      { type: "skipped", ...about, reason: "body-lag" },
      { type: "settled", ...about, ...end, failure: "body-lag" },
      { type: "attempted", ...about, atMs: 0, hedge: false },
      { type: "settled", ...about, ...end, failure: "reset" },
    ]),
    "s",
  );
  assertEquals([some(failures), some(skips)], [{ reset: 1 }, { "queue-full": 1, "body-lag": 1 }]);
  assertEquals([countOf(duration), inFlight], [1, 0]);
});

Deno.test("Metrics counts a primary without a connection as a skip alone", async () => {
  await using slow = startSlowBackend();
  const config: ConfigInput = {
    services: [{ name: "a", url: slow.url, primary: true }],
    limits: { maxConnectionsPerService: 1, maxQueuedPerService: 0 },
  };
  await using front = startConductor(config);
  const first = fetch(front.url);
  await slow.received(1);
  assertEquals((await fetch(front.url)).status, 502);
  slow.release();
  await (await first).text();
  const { failures, skips, duration, responses } = serviceOf(count(config, front.events), "a");
  assertEquals([some(failures), some(skips), countOf(duration)], [{}, { "queue-full": 1 }, 1]);
  assertEquals(some(responses), { "2xx": 1 });
});

Deno.test("Metrics counts a disconnected client as 499, without the duration of its attempts", async () => {
  await using slow = startSlowBackend();
  const config: ConfigInput = { services: [{ name: "slow", url: slow.url }] };
  await using front = startConductor(config);
  const leaving = new AbortController();
  const gone = fetch(front.url, { signal: leaving.signal }).catch(() => {});
  await slow.received(1);
  leaving.abort();
  await gone;
  await front.event(isRelayed);
  const snapshot = count(config, front.events);
  assertEquals(some(routeOf(snapshot, "path /").responses), { "4xx": 1 });
  const { failures, inFlight, duration } = serviceOf(snapshot, "slow");
  assertEquals([some(failures), inFlight, countOf(duration)], [{ aborted: 1 }, 0, 0]);
});

Deno.test("Metrics counts an interrupted response, with the bytes that were relayed", async () => {
  await using broken = startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(1_024));
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
    await connection.write(new TextEncoder().encode(head + "0123456789"));
    connection.close();
  });
  const config: ConfigInput = { services: [{ name: "broken", url: broken.url }] };
  await using front = startConductor(config);
  await exchangeRaw(front.port, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const interrupted = await front.event(({ type }) => type === "interrupted");
  assertEquals(interrupted.type === "interrupted" && interrupted.route, "path /");
  await front.event(isRelayed);
  const route = routeOf(count(config, front.events), "path /");
  assertEquals([route.interrupted, route.responseBytes, some(route.responses)], [1, 10, { "2xx": 1 }]);
});

Deno.test("each admitted request ends with one relayed event, with the bytes of streamed, buffered and empty bodies", async () => {
  const size = 200_000;
  await using backend = startBackend(({ method, url }) =>
    method === "HEAD"
      ? new Response(null, { headers: { "content-length": "5" } })
      : new Response(url.endsWith("/large") ? new Uint8Array(size) : "small")
  );
  await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
  const bytes = async (path: string, init?: RequestInit) => {
    const before = front.events.filter(isRelayed).length;
    await (await fetch(front.url + path, init)).bytes();
    await front.event(() => front.events.filter(isRelayed).length > before);
    const event = front.events.findLast((event) => event.type === "relayed");
    assertEquals([event?.route, event?.service, event?.role], ["path /", "a", "primary"]);
    return [event?.requestBytes, event?.responseBytes];
  };
  assertEquals(await bytes("/"), [0, 5]);
  assertEquals(await bytes("/", { method: "HEAD" }), [0, 0]);
  assertEquals(await bytes("/large"), [0, size]);
  assertEquals(await bytes("/large", { method: "POST", body: new Uint8Array(size) }), [size, size]);
  const upload = new Blob([new Uint8Array(size)]).stream();
  assertEquals(await bytes("/", { method: "POST", body: upload }), [size, 5]);
  assertEquals(front.events.filter(isRelayed).length, 5);
});

Deno.test("Metrics counts hedges that were sent, and hedges that won", () => {
  const config: ConfigInput = {
    services: [{ name: "a", url: "http://a", primary: true }, { name: "b", url: "http://b" }],
  };
  const about = { requestId: "r", route: "path /" };
  const snapshot = count(config, [
    { type: "received", ...about },
    { type: "attempted", atMs: 0, ...about, service: "a", role: "primary", hedge: false },
    { type: "attempted", atMs: 0, ...about, service: "b", role: "secondary", hedge: true },
    {
      type: "settled",
      ...about,
      service: "b",
      role: "secondary",
      success: true,
      status: 200,
      hedge: true,
      durationMs: 3,
    },
    {
      ...{ type: "responded", ...about, method: "GET", path: "/", status: 200, service: "b", role: "secondary" },
      ...{ fallback: true, hedge: true, durationMs: 5 },
    },
  ]);
  assertEquals(snapshot.services.map(({ hedgesSent, hedgesWon }) => [hedgesSent, hedgesWon]), [[0, 0], [1, 1]]);
  assertEquals(snapshot.services.map(({ inFlight }) => inFlight), [1, 0]);
});

Deno.test("Metrics counts no hedge that was due and not sent", () => {
  const about = { requestId: "r", route: "path /", service: "a", role: "primary" } as const;
  const { hedgesSent, skips, failures } = serviceOf(
    count({ services: [{ name: "a", url: "http://a" }] }, [
      { type: "skipped", ...about, reason: "open-circuit" },
      { type: "attempted", ...about, atMs: 20, hedge: true },
      { type: "settled", ...about, success: false, failure: "open-circuit", hedge: true, durationMs: 0 },
    ]),
    "a",
  );
  assertEquals([hedgesSent, some(skips), some(failures)], [0, { "open-circuit": 1 }, {}]);
});

Deno.test("Metrics keeps percentiles of the last 10 to 20 seconds, and of all durations", () => {
  let nowMs = 0;
  const metrics = counting({ services: [{ name: "a", url: "http://a" }] }, () => nowMs);
  const about = { requestId: "r", route: "path /", service: "a", role: "primary" } as const;
  const medians = () => {
    const { recent, total } = serviceOf(metrics.snapshot(), "a").duration;
    return [percentilesOf(recent).p50Ms, percentilesOf(total).p50Ms, percentilesOf(total).maxMs];
  };
  const settle = (durationMs: number) => {
    metrics.observe({ type: "received", ...about });
    metrics.observe({ type: "settled", ...about, success: true, status: 200, durationMs });
  };
  settle(700);
  assertEquals(medians(), [700, 700, 700]);
  nowMs += 15_000;
  for (let nth = 0; nth < 3; nth++) settle(20);
  assertAlmostEquals(medians()[0]!, 20, 0.2);
  nowMs += 30_000;
  const [recent, all, max] = medians();
  assertEquals([recent, max], [null, 700]);
  assertAlmostEquals(all!, 20, 0.2);
});

Deno.test("Metrics ignores routes and services that the configuration does not name", () => {
  const config: ConfigInput = { services: [{ name: "a", url: "http://a" }] };
  const about = { requestId: "r", service: "x", role: "primary" } as const;
  const settled = { success: true, status: 200, durationMs: 1 };
  const events: ConductorEvent[] = [
    { type: "received", requestId: "r", route: "path /x" },
    { type: "responded", ...about, route: "path /x", method: "GET", path: "/", fallback: false, ...settled },
    { type: "interrupted", ...about, route: "path /x", failure: "reset" },
    { type: "relayed", ...about, route: "path /x", requestBytes: 1, responseBytes: 1, durationMs: 1 },
    { type: "breaker", service: "x", state: "open" },
    { type: "health", service: "x", state: "unhealthy" },
    ...["path /", "path /x"].flatMap((route): ConductorEvent[] => [
      { type: "attempted", atMs: 0, hedge: false, ...about, route },
      { type: "skipped", ...about, route, reason: "rate-limited" },
      { type: "settled", ...about, route, ...settled },
    ]),
  ];
  const { lastRequestMs: _, startedMs: __, ...counted } = count(config, events);
  const { lastRequestMs: ___, startedMs: ____, ...untouched } = count(config, []);
  assertEquals(counted, untouched);
});

Deno.test("Metrics.reconfigure() keeps the counts of unchanged routes and services, and drops removed ones and changed roles", () => {
  const service = (name: string, more = {}) => ({ name, url: `http://${name}`, breaker: true, ...more });
  const metrics = counting({ services: [service("a", { primary: true }), service("b"), service("c", { path: "/c" })] });
  const settle = (name: string, route = "path /") =>
    metrics.observe({
      ...{ type: "settled", requestId: "r", route, service: name, role: "primary" },
      ...{ success: true, status: 200, durationMs: 1 },
    });
  for (const name of ["a", "b"]) {
    settle(name);
    metrics.observe({ type: "breaker", service: name, state: "open" });
  }
  settle("c", "path /c");
  metrics.observe({ type: "received", requestId: "r", route: "path /" });
  metrics.observe({ type: "received", requestId: "r" });

  metrics.reconfigure(
    validateConfig({
      services: [
        service("a", { primary: true }),
        service("b", { shadow: true, url: "http://elsewhere" }),
        service("d"),
      ],
    }).config,
  );
  const after = metrics.snapshot();
  assertEquals(after.routes.map(({ route, inFlight }) => [route, inFlight]), [["path /", 1], ["", 1]]);
  assertEquals(after.services.map(({ service, role, responses }) => [service, role, some(responses)]), [
    ["a", "primary", { "2xx": 1 }],
    ["b", "shadow", {}],
    ["d", "secondary", {}],
  ]);
  assertEquals(after.states.map(({ breaker }) => breaker), ["open", "closed", "closed"]);
});

Deno.test("Metrics never counts below 0 in flight, if an exchange began before the counting", () => {
  const config: ConfigInput = { services: [{ name: "a", url: "http://a" }] };
  const about = { requestId: "r", route: "path /", service: "a", role: "primary", durationMs: 1 } as const;
  const snapshot = count(config, [
    { type: "settled", ...about, success: true, status: 200 },
    { type: "responded", ...about, method: "GET", path: "/", status: 200, fallback: false },
  ]);
  assertEquals([snapshot.routes[0]?.inFlight, snapshot.services[0]?.inFlight], [0, 0]);
});

Deno.test("duration histograms have the bounds of Prometheus' native histograms of schema 1", () => {
  assertEquals(DURATION_BOUNDS_SECONDS.length, 35);
  assertEquals([DURATION_BOUNDS_SECONDS[0], DURATION_BOUNDS_SECONDS.at(-1)], [2 ** -11, 64]);
  for (const [index, bound] of DURATION_BOUNDS_SECONDS.entries()) {
    assertAlmostEquals(Math.log2(bound), -11 + index / 2, 1e-12);
  }
});

Deno.test("durationCounts() counts a duration that equals a bound below it, and a longer one above", () => {
  for (const [index, bound] of [...DURATION_BOUNDS_SECONDS.entries(), [35, 1e6] as const]) {
    const cells = new MetricCells(ROUTE_METRICS);
    cells.record(ROUTE_METRICS.duration, 1_000 * bound);
    cells.record(ROUTE_METRICS.duration, 1_000 * bound * 1.000001);
    const counts = durationCounts(cells.snapshot().duration);
    const found = counts.flatMap((count, bucket) => Array.from({ length: count }, () => bucket));
    assertEquals(found, [index, Math.min(35, index + 1)]);
  }
});

Deno.test("mergeSnapshots() adds up the counters of workers, and reports the worst of their states", () => {
  const config: ConfigInput = {
    services: [{ name: "a", url: "http://a", breaker: true, health: { path: "/" } }, { name: "b", url: "http://b" }],
  };
  const about = { requestId: "r", route: "path /", service: "a", role: "primary" } as const;
  const workers = [1_000, 2_000].map((startedMs) => {
    let nowMs = startedMs;
    const metrics = counting(config, () => nowMs);
    nowMs += 100;
    for (let i = 0; i < startedMs / 1_000; i++) {
      metrics.observe({ type: "received", ...about });
      metrics.observe({ type: "attempted", atMs: 0, ...about, hedge: true });
      metrics.observe({ type: "skipped", ...about, service: "b", reason: "rate-limited" });
      metrics.observe({ type: "settled", ...about, success: false, failure: "reset", hedge: true, durationMs: 3 });
      metrics.observe({ type: "relayed", ...about, requestBytes: 2, responseBytes: 3, durationMs: 1 });
    }
    return metrics;
  });
  workers[0]!.observe({ type: "breaker", service: "a", state: "half-open" });
  workers[1]!.observe({ type: "health", service: "a", state: "unhealthy", status: 503 });
  const merged = mergeSnapshots(workers.map((metrics) => metrics.snapshot()));
  assertEquals([merged.startedMs, merged.lastRequestMs], [1_000, 2_100]);
  assertEquals(
    merged.routes.map(({ route, inFlight, requestBytes, responseBytes }) => {
      return [route, inFlight, requestBytes, responseBytes];
    }),
    [["path /", 3, 6, 9], ["", 0, 0, 0]],
  );
  const { hedgesSent, failures, duration } = serviceOf(merged, "a");
  assertEquals([hedgesSent, some(failures), countOf(duration), duration.sumMs], [3, { reset: 3 }, 3, 9]);
  assertEquals(some(serviceOf(merged, "b").skips), { "rate-limited": 3 });
  assertEquals(merged.states, [
    {
      ...{ service: "a", breaker: "half-open", health: "unhealthy", failedCheck: { status: 503 } },
      lastFailure: { timeMs: 2_100, failure: "reset" },
    },
    { service: "b" },
  ]);
  const [one] = workers.map((metrics) => metrics.snapshot());
  assertEquals(mergeSnapshots([one!]), one);
});

Deno.test("metricsJson() has the fields of go-conductor, and figures of each service", () => {
  const config: ConfigInput = {
    services: [{ name: "a", url: "http://a", breaker: true, primary: true }, { name: "b", url: "http://b" }],
  };
  let nowMs = Date.UTC(2026, 0, 1);
  const metrics = counting(config, () => nowMs);
  const start = "2026-01-01T00:00:00.000Z";
  assertEquals(metricsJson({ metrics: metrics.snapshot() }, nowMs + 1_500), {
    ...{ request_count: 0, error_count: 0, success_count: 0, error_rate: 0, avg_request_time_ms: 0 },
    ...{ last_request_time: start, uptime_seconds: 1.5, start_time: start },
    services: ["a", "b"].map((service) => ({
      ...{ service, route: "path /", role: service === "a" ? "primary" : "secondary" },
      ...{ request_count: 0, error_count: 0, success_count: 0, success_rate: null, in_flight: 0, selected_count: 0 },
      ...{ avg_request_time_ms: null, p50_ms: null, p95_ms: null, p99_ms: null, max_ms: null },
      ...{ failures: {}, skips: {} },
      ...(service === "a" && { breaker: "closed" }),
    })),
  } as unknown as ReturnType<typeof metricsJson>);

  nowMs += 2_000;
  const about = { requestId: "r", route: "path /" };
  for (const status of [200, 404, 502, 503]) {
    metrics.observe({ type: "received", ...about });
    const success = status < 500;
    const settled = { role: "primary", service: "a", success, status, durationMs: 8 } as const;
    metrics.observe({ type: "attempted", atMs: 0, hedge: false, ...about, service: "a", role: "primary" });
    metrics.observe({ type: "settled", ...about, ...settled });
    const selected = { method: "GET", path: "/", fallback: false, durationMs: 10 };
    metrics.observe({ type: "responded", ...about, ...settled, ...selected });
  }
  metrics.observe({ type: "skipped", ...about, service: "b", role: "secondary", reason: "unhealthy" });
  const json = metricsJson({ metrics: metrics.snapshot() }, nowMs);
  assertEquals([json.request_count, json.error_count, json.success_count, json.error_rate], [4, 2, 2, 0.5]);
  assertEquals([json.avg_request_time_ms, json.last_request_time], [10, "2026-01-01T00:00:02.000Z"]);
  const [a, b] = json.services;
  assertEquals([a?.request_count, a?.error_count, a?.success_rate, a?.selected_count], [4, 2, 0.5, 4]);
  assertEquals([a?.avg_request_time_ms, b?.skips], [8, { unhealthy: 1 }]);
  assertEquals([a?.p50_ms, a?.p95_ms, a?.p99_ms, a?.max_ms], [8, 8, 8, 8]);
});

Deno.test("Metrics allocates nothing for an event", async () => {
  const program = fileURLToPath(new URL("../_support/count_events.ts", import.meta.url));
  const args = ["run", "--no-check", "--config", fileURLToPath(new URL("../../deno.json", import.meta.url)), program];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
  const bytesPerEvent = Number(new TextDecoder().decode(stdout) || NaN);
  // V8 allocates at least 8 bytes. The cost of the measurement is spread over 30,000 events.
  assertLess(Math.abs(bytesPerEvent), 1);
});

Deno.test("Metrics starts with an empty histogram for each service", () => {
  const { services } = counting({ services: [{ name: "a", url: "http://a" }] }).snapshot();
  assertEquals(services[0]?.duration, NOTHING);
});

Deno.test("Metrics counts tunnels of clients with bytes and duration, and no mirrored ones", () => {
  const config: ConfigInput = { services: [{ name: "a", url: "http://127.0.0.1:1", upgrade: true }] };
  const about = { requestId: "r", route: "path /", service: "a", protocol: "websocket" } as const;
  const opened = { ...about, type: "tunnel-opened" } as const;
  const closed = {
    ...about,
    type: "tunnel-closed",
    cause: "client",
    clientBytes: 3,
    serviceBytes: 5,
    durationMs: 90_000,
  } as const;
  const events: ConductorEvent[] = [
    { ...opened, role: "primary" },
    { ...opened, role: "primary" },
    { ...opened, role: "shadow" },
    { ...about, type: "tunnel-progress", role: "primary", clientBytes: 1, serviceBytes: 5 },
    { ...about, type: "tunnel-progress", role: "primary", clientBytes: 2, serviceBytes: 0 },
    { ...closed, role: "primary" },
    { ...closed, role: "shadow" },
  ];
  const { tunnels, tunnelsOpened, tunnelClientBytes, tunnelServiceBytes, tunnelDuration } = routeOf(
    count(config, events),
    "path /",
  );
  assertEquals([tunnels, tunnelsOpened, tunnelClientBytes, tunnelServiceBytes], [1, 2, 3, 5]);
  assertEquals([countOf(tunnelDuration), tunnelDuration.sumMs], [1, 90_000]);
});
