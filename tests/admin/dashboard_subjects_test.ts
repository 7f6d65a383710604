import { assertEquals, assertMatch } from "@std/assert";

import { createConductor } from "../../mod.ts";
import type { StateView } from "../../src/admin/api.ts";
import { judgeRoute, judgeService } from "../../src/admin/dashboard/health.js";
import { headlineOf, problemsOf } from "../../src/admin/dashboard/headline.js";
import { Series, Store } from "../../src/admin/dashboard/store.js";
import { isFound, ORDERS, servicesOf } from "../../src/admin/dashboard/subjects.js";
import { refusingUrl, startBackend } from "../_support/servers.ts";

const NONE = { seconds: 5, total: 0, aborted: 0, succeeded: 0, failures: {}, skips: {}, fallbacks: 0 };

Deno.test("judgeService() is degraded for lost requests, but not for those that the configuration leaves out", () => {
  const table = [
    [{ total: 100, succeeded: 100 }, "healthy", "healthy"],
    [{ total: 100, succeeded: 98, failures: { reset: 2 } }, "degraded", "2 % fail: reset"],
    [{ total: 10, succeeded: 0, failures: { tls: 7, dns: 3 } }, "failing", "100 % fail: tls"],
    [{ total: 20, succeeded: 20, skips: { "max-in-flight": 80 } }, "degraded", "80 % not sent: max-in-flight"],
    [{ total: 20, succeeded: 20, skips: { "rate-limited": 1, "body-lag": 2 } }, "degraded", "13 % not sent: body-lag"],
    [{ skips: { "connection-budget": 5 } }, "degraded", "100 % not sent: connection-budget"],
    [{ total: 20, succeeded: 20, skips: { "not-sampled": 80, "method-excluded": 9 } }, "healthy", "healthy"],
    [{ skips: { "not-sampled": 80 } }, "idle", "no traffic"],
  ] as const;
  for (const [counts, health, reason] of table) {
    const judgement = judgeService({ ...NONE, ...counts }, undefined);
    assertEquals([judgement.health, judgement.reason.replaceAll("\u202f", " ")], [health, reason]);
  }
  const healthy = { ...NONE, total: 9, succeeded: 9 };
  assertEquals(judgeService(healthy, { service: "a", breaker: "open" }).health, "failing");
  assertEquals(judgeService(healthy, { service: "a", health: "unhealthy" }).reason, "unhealthy");
});

Deno.test("judgeRoute() is degraded while clients get responses of a fallback", () => {
  const all = { ...NONE, total: 100, succeeded: 100 };
  assertEquals(judgeRoute({ ...all, fallbacks: 1 }).health, "healthy");
  assertEquals(judgeRoute({ ...all, fallbacks: 100 }), { health: "degraded", reason: "100\u202f% from a fallback" });
  assertEquals(judgeRoute({ ...all, succeeded: 5, failures: { "5xx": 95 }, fallbacks: 5 }).health, "failing");
});

Deno.test("a service with little traffic remains failing until a success, and for a minute without traffic", () => {
  const series = new Series();
  const latency = { p50Ms: null, p95Ms: null, p99Ms: null, maxMs: null };
  const healthAfter = (seconds: number, counts: Partial<typeof NONE>) => {
    series.add({ ...NONE, ...counts, seconds: 10 }, { timeMs: seconds * 1_000, inFlight: 0, latency });
    return judgeService(series.active, undefined).health;
  };
  assertEquals(healthAfter(100, { total: 1, failures: { tls: 1 } }), "failing");
  assertEquals(healthAfter(110, {}), "failing");
  assertEquals(healthAfter(159, {}), "failing");
  assertEquals(healthAfter(161, {}), "idle");
  assertEquals(healthAfter(170, { total: 1, failures: { tls: 1 } }), "failing");
  assertEquals(healthAfter(180, { total: 1, succeeded: 1 }), "healthy");
});

type Subject = Parameters<typeof headlineOf>[0][number];

function subject(name: string, health: Subject["health"], more: Partial<Subject> = {}): Subject {
  const kind = name.startsWith("/") ? "route" : "service";
  const reason = health === "idle" ? "no traffic" : "";
  const about = { kind, name, label: name, aside: "", origin: "", reason, cause: "" } as const;
  const numbers = { series: new Series(), total: NONE, sinceStart: undefined, lastFailure: undefined, members: [] };
  return { ...about, ...numbers, health, ...more };
}

Deno.test("a service whose requests were all aborted is idle, with the reason", () => {
  const aborted = judgeService({ ...NONE, total: 3, aborted: 3 }, undefined);
  assertEquals(aborted, { health: "idle", reason: "all requests aborted" });
  assertEquals(judgeService({ ...NONE, total: 4, aborted: 3, succeeded: 1 }, undefined).health, "healthy");
});

Deno.test("headlineOf() counts the services in trouble, then the routes", () => {
  const healthy = subject("a", "healthy");
  const fallback = subject("/a", "degraded");
  const table = [
    [[healthy], [], "healthy", "1 service healthy", ""],
    [[healthy, subject("b", "idle")], [], "healthy", "All 2 services healthy", "1 service without traffic"],
    [[subject("b", "idle")], [], "idle", "No traffic", "1 service"],
    [
      [healthy, subject("b", "idle", { reason: "no response yet" })],
      [],
      "healthy",
      "All 2 services healthy",
      "1 service without a response",
    ],
    [[healthy], [fallback, subject("/b", "healthy")], "degraded", "2 routes: 1 degraded", ""],
    [
      [healthy, subject("b", "failing"), subject("c", "degraded")],
      [fallback],
      "failing",
      "1 of 3 services failing",
      "1 degraded · 1 route: 1 degraded",
    ],
    [[healthy, subject("c", "degraded")], [], "degraded", "1 of 2 services degraded", ""],
    [
      [subject("c", "degraded")],
      [subject("/c", "failing")],
      "failing",
      "1 of 1 service degraded",
      "1 route: 1 failing",
    ],
  ] as const;
  for (const [services, routes, health, text, note] of table) {
    assertEquals(headlineOf(services, routes), { health, text, note });
  }
});

Deno.test("problemsOf() has the failing ones first, and no route whose service explains it", () => {
  const member = { name: "/shop", label: "/shop", role: "primary", series: new Series() };
  const services = [subject("c", "degraded"), subject("b", "failing", { members: [member] }), subject("a", "healthy")];
  const routes = [subject("/shop", "failing"), subject("/alone", "failing")];
  assertEquals(problemsOf(services, routes).map(({ name }) => name), ["b", "/alone", "c"]);
});

Deno.test("lists are sorted by trouble in the order of the configuration, and searched in names, origins and causes", () => {
  const services = [
    subject("z", "idle"),
    subject("y", "healthy", { origin: "http://10.0.0.7:81" }),
    subject("x", "degraded"),
    subject("w", "failing", { cause: "certificate has expired" }),
  ];
  assertEquals(services.toSorted(ORDERS.trouble?.compare).map(({ name }) => name), ["w", "x", "z", "y"]);
  const found = (text: string) => services.filter((service) => isFound(service, text)).map(({ name }) => name);
  assertEquals([found("expired"), found("10.0.0.7"), found("")], [["w"], ["y"], ["z", "y", "x", "w"]]);
});

Deno.test("an unhealthy service has the cause of its failed check in the state and on the dashboard, without any request", async () => {
  let status = 503;
  await using backend = startBackend(() => new Response("", { status }));
  const health = { path: "/healthz", unhealthyAfter: 1, healthyAfter: 1 };
  await using conductor = createConductor({
    services: [
      { name: "down", url: refusingUrl(), path: "/a", health },
      { name: "failing", url: backend.url, path: "/b", health },
    ],
  });
  const read = async () => {
    const state: StateView = await (await conductor.admin(new Request("http://localhost/api/state"))).json();
    const store = new Store();
    store.addState(state);
    return { state, causes: servicesOf(store, state).map(({ cause }) => cause) };
  };
  assertEquals((await read()).causes, ["", ""]);
  await conductor.check();
  const { state, causes } = await read();
  const [down, failing] = state.metrics.states.map(({ failedCheck }) => failedCheck);
  assertEquals([down?.failure, failing], ["refused", { status: 503 }]);
  assertMatch(down?.cause ?? "", /^connection refused at 127\.0\.0\.1:\d+/);
  assertMatch(causes[0] ?? "", /^health check: connection refused at 127\.0\.0\.1:\d+/);
  assertEquals(causes[1], "health check: response 503");

  status = 200;
  await conductor.check();
  const after = await read();
  assertEquals(after.state.metrics.states[1], { service: "failing", health: "healthy" });
  assertEquals(after.causes[1], "");
});

Deno.test("a page that was opened after a failure has its cause, although no exchange is recorded any more", async () => {
  await using backend = startBackend(() => new Response("", { status: 500 }));
  await using conductor = createConductor({
    services: [
      { name: "broken", url: refusingUrl(), path: "/a", breaker: { failures: 1 } },
      { name: "failing", url: backend.url, path: "/b" },
      { name: "unused", url: backend.url, path: "/c" },
    ],
  });
  for (const path of ["a", "b"]) await (await conductor.fetch(new Request(`http://localhost/${path}`))).body?.cancel();
  const read = async (laterMs = 0) => {
    const state: StateView = await (await conductor.admin(new Request("http://localhost/api/state"))).json();
    const store = new Store();
    store.addState(state);
    const services = servicesOf(store, { ...state, timeMs: state.timeMs + laterMs });
    return services.map(({ reason, cause }) => `${reason}: ${cause}`);
  };
  const [broken, failing, unused] = await read();
  assertMatch(broken ?? "", /^breaker open: connection refused at 127\.0\.0\.1:\d+/);
  assertMatch(failing ?? "", /^no traffic: last failure at \d\d:\d\d:\d\d: response 500$/);
  assertEquals(unused, "no traffic: ");
  const [brokenLater, failingLater] = await read(61_000);
  assertEquals([brokenLater, failingLater], [broken, "no traffic: "]);
});
