import { assertEquals, assertGreater } from "@std/assert";

import type { StateView } from "../../src/admin/api.ts";
import { serviceKey, Store, TOTAL } from "../../src/admin/dashboard/store.js";
import { Metrics } from "../../src/observe/metrics.ts";
import type { ExchangeRecord } from "../../src/observe/exchange_record.ts";
import { refusingUrl, startBackend } from "../_support/servers.ts";
import { startSlowBackend } from "../_support/servers.ts";
import { startWatched } from "../_support/cli_process.ts";

const ROUTE = "path /";

function stateAt(second: number, { responses = 0, startedMs = 1 } = {}): StateView {
  const empty = new Metrics().snapshot();
  const percentiles = { p50Ms: 5, p95Ms: 8, p99Ms: 9, maxMs: 10 };
  const latency = { ...percentiles, sinceStart: percentiles };
  const durations = { duration: { count: responses, sumMs: responses }, tunnelDuration: { count: 0, sumMs: 0 } };
  const route = { ...empty.routes[0]!, ...latency, ...durations };
  return {
    version: "0.1.0",
    timeMs: second * 1_000,
    draining: false,
    workers: { count: 1, crashes: 0 },
    process: {},
    total: latency,
    services: [],
    comparing: false,
    routes: [{ route: ROUTE, members: [{ service: "a", role: "primary" }, { service: "b", role: "secondary" }] }],
    metrics: {
      ...empty,
      startedMs,
      routes: [{ ...route, route: ROUTE, responses: { "2xx": responses } }],
      services: [],
      states: [],
    },
  };
}

function exchange(id: number, timeMs: number): ExchangeRecord {
  const attempts = (["b", "a"] as const).map((service) => {
    return { service, role: "primary", hedge: false, selected: false } as const;
  });
  const request = { requestId: String(id), method: "GET", path: "/", route: ROUTE, headers: [] };
  return { id, timeMs, ...request, status: 200, fallback: false, durationMs: 1, attempts };
}

Deno.test("Store computes rates from the differences of states, and shows the percentiles of the state", () => {
  const store = new Store();
  for (let second = 1; second <= 10; second++) store.addState(stateAt(second, { responses: 1_000 + second * 20 }));
  const { latest, points } = store.series(TOTAL);
  assertEquals([latest?.rate, latest?.success], [20, 1]);
  assertEquals([latest?.p50, latest?.p95, latest?.p99, latest?.max], [5, 8, 9, 10]);
  assertEquals(points.length, 9);
});

Deno.test("Store keeps five minutes", () => {
  const store = new Store();
  for (let second = 1; second <= 400; second++) store.addState(stateAt(second));
  assertEquals(store.series(TOTAL).points.length, 301);
});

Deno.test("Store clears its data after a restart of conductor, but not after the loss of a worker", () => {
  const store = new Store();
  for (let second = 1; second <= 5; second++) store.addState(stateAt(second, { responses: second * 20 }));
  store.addState(stateAt(6, { responses: 50 }));
  assertEquals(store.series(TOTAL).points.length, 5);
  store.addExchanges({ last: 1, exchanges: [exchange(1, 6_000)] });
  store.addState(stateAt(7, { startedMs: 6_500 }));
  assertEquals(store.series(TOTAL).points, []);
  assertEquals(store.exchanges, []);
});

Deno.test("Store keeps each exchange once, the newest first, with its attempts in the order of the configuration", () => {
  const store = new Store();
  store.addExchanges({ last: 1, exchanges: [exchange(1, 1_000)] });
  store.addState(stateAt(1));
  store.addExchanges({ last: 2, exchanges: [exchange(1, 1_000), exchange(2, 2_000)] });
  assertEquals(store.exchanges.map(({ id }) => id), [2, 1]);
  assertEquals(store.exchanges[1]?.attempts.map(({ service }) => service), ["a", "b"]);
});

Deno.test("Store.sampling() distinguishes a sample from exchanges that are published late", () => {
  for (const [perSecond, isSample] of [[20, false], [5, true]] as const) {
    const store = new Store();
    let id = 0;
    for (let second = 1; second <= 30; second++) {
      store.addState(stateAt(second, { responses: second * 20 }));
      const listed = Array.from({ length: perSecond }, (_, index) => exchange(++id, (second - 5) * 1_000 + index));
      store.addExchanges({ last: id, exchanges: listed });
    }
    const sampling = store.sampling();
    assertEquals(sampling !== undefined, isSample);
    if (sampling !== undefined) assertGreater(sampling.totalPerSecond, sampling.recordedPerSecond);
  }
});

Deno.test("Store.sampling() reports no sample in the first seconds of a page, whose window is shorter", () => {
  const store = new Store();
  let id = 0;
  for (let second = 1; second <= 10; second++) {
    store.addState(stateAt(second, { responses: second * 20 }));
    const exchanges = Array.from({ length: 20 }, (_, index) => exchange(++id, (second - 1) * 1_000 + 50 * (index + 1)));
    store.addExchanges({ last: id, exchanges });
    assertEquals(store.sampling(), undefined, `after ${second} s`);
  }
});

Deno.test("Store shows what clients and backends saw: each request once, as an attempt or as a skip", async () => {
  const requests = 20;
  await using up = startBackend();
  await using sampled = startBackend();
  await using slowShadow = startSlowBackend();
  await using slowPrimary = startSlowBackend();
  await using conductor = await startWatched([
    { name: "down", url: refusingUrl(), pathPrefix: "/api", primary: true, breaker: { failures: 1 } },
    { name: "up", url: up.url, pathPrefix: "/api" },
    { name: "sampled", url: sampled.url, pathPrefix: "/api", shadow: true, sample: 0.5 },
    { name: "slow-shadow", url: slowShadow.url, pathPrefix: "/api", shadow: true },
    { name: "slow-primary", url: slowPrimary.url, pathPrefix: "/slow", primary: true },
  ], { limits: { maxConnectionsPerService: 1 } });
  const readState = async (): Promise<StateView> => (await fetch(`${conductor.adminUrl}api/state`)).json();
  const before = await readState();

  const statuses: number[] = [];
  const send = async (path: string) => {
    const response = await fetch(conductor.url + path);
    await response.text();
    statuses.push(response.status);
  };
  for (let count = 0; count < requests; count++) await send("/api");
  const slow = send("/slow");
  await slowPrimary.received(1);
  await send("/slow");
  slowPrimary.release();
  slowShadow.release();
  await slow;
  let after = await readState();
  while (after.metrics.services.some(({ inFlight }) => inFlight > 0)) after = await readState();

  const store = new Store();
  store.addState(before);
  store.addState({ ...after, timeMs: before.timeMs + 1_000 });
  const all = store.series(TOTAL).recent;
  const succeeded = statuses.filter((status) => status === 200).length;
  assertEquals([all.total, all.succeeded, all.fallbacks], [requests + 2, succeeded, succeeded - 1]);
  const seen: Readonly<Record<string, number>> = {
    "down": 1,
    "up": up.seen.length,
    "sampled": sampled.seen.length,
    "slow-shadow": 1,
    "slow-primary": 1,
  };
  for (const [name, attempts] of Object.entries(seen)) {
    const { total, skips } = store.series(serviceKey(name)).recent;
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    const received = name === "slow-primary" ? 2 : requests;
    assertEquals([name, total], [name, attempts]);
    assertEquals([name, total + sum(Object.values(skips))], [name, received]);
  }
  const down = store.series(serviceKey("down")).recent;
  assertEquals([down.failures["refused"], down.failures["open-circuit"]], [1, undefined]);
  assertEquals(down.skips["open-circuit"], requests - 1);
  assertEquals(store.series(serviceKey("slow-primary")).recent.skips["queue-full"], 1);
  assertEquals(store.series(serviceKey("slow-shadow")).recent.skips["queue-full"], requests - 1);
});
