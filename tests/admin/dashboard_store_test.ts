import { assertEquals, assertGreater } from "@std/assert";

import type { StateView } from "../../src/admin/api.ts";
import { Store, TOTAL } from "../../src/admin/dashboard/store.js";
import { Metrics } from "../../src/observe/metrics.ts";
import type { ExchangeRecord } from "../../src/observe/exchange_record.ts";

const ROUTE = "path /";

function stateAt(second: number, { responses = 0, startedMs = 1 } = {}): StateView {
  const empty = new Metrics().snapshot();
  const duration = { counts: [responses, 0, 0], sumMs: responses };
  const route = { ...empty.routes[0]!, duration };
  return {
    version: "0.1.0",
    timeMs: second * 1_000,
    draining: false,
    workers: { count: 1, crashes: 0 },
    process: {},
    histogramBoundsMs: [10, 100],
    services: [],
    comparing: false,
    routes: [{ route: ROUTE, members: [{ service: "a", role: "primary" }, { service: "b", role: "secondary" }] }],
    metrics: { ...empty, startedMs, routes: [{ ...route, route: ROUTE, responses: { "2xx": responses } }], states: [] },
  };
}

function exchange(id: number, timeMs: number): ExchangeRecord {
  const attempts = (["b", "a"] as const).map((service) => {
    return { service, role: "primary", hedge: false, selected: false } as const;
  });
  const request = { requestId: String(id), method: "GET", path: "/", route: ROUTE, headers: [] };
  return { id, timeMs, ...request, status: 200, fallback: false, durationMs: 1, attempts };
}

Deno.test("Store computes rates and percentiles from the differences of states", () => {
  const store = new Store();
  for (let second = 1; second <= 10; second++) store.addState(stateAt(second, { responses: 1_000 + second * 20 }));
  const { latest, points } = store.series(TOTAL);
  assertEquals([latest?.rate, latest?.success, latest?.p50], [20, 1, 5]);
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
