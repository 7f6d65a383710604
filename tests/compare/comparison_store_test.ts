/** Comparison results across reloads of the configuration. */

import { assert, assertEquals } from "@std/assert";
import type { Comparison } from "../../src/compare/comparison.ts";
import { makeReport } from "../../src/compare/make_report.ts";
import { comparison } from "../_support/comparisons.ts";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { createHandler, type Handler } from "../../src/proxy/fetch_handler.ts";
import type { ConfigInput } from "../../src/config/input.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { Observer } from "../../src/observe/events.ts";
import { type Backend, startBackend } from "../_support/servers.ts";

const COMPARE = { compare: { noise: "off" } } as const;

/** Applies a configuration to the store, and returns its handler. */
function reconfigure(
  comparisons: ComparisonStore,
  [v1, v2]: readonly [Backend, Backend],
  { observe, ...top }: Partial<ConfigInput> & { observe?: Observer } = {},
): Handler {
  const services = [{ name: "v1", url: v1.url, primary: true }, { name: "v2", url: v2.url, shadow: true }];
  const { config } = validateConfig({ ...top, services });
  return createHandler(config, { comparisons, ...(observe !== undefined && { observe }) });
}

async function request(handle: Handler): Promise<void> {
  await (await handle(new Request("http://conductor/"))).body?.cancel();
}

Deno.test("responses to requests from before a reload with different rules are not counted", async () => {
  const { promise: late, resolve: respond } = Promise.withResolvers<void>();
  await using v1 = startBackend(() => Response.json(1));
  await using slow = startBackend(() => late.then(() => Response.json(2)));
  await using fixed = startBackend(() => Response.json(1));
  const comparisons = new ComparisonStore();
  const { promise: compared, resolve: observed } = Promise.withResolvers<void>();
  const before = reconfigure(comparisons, [v1, slow], {
    ...COMPARE,
    observe: ({ type }) => void (type === "compared" && observed()),
  });
  await request(before);
  reconfigure(comparisons, [v1, fixed], COMPARE);
  respond();
  await compared;
  const { stats, mismatches } = comparisons.read(0);
  assertEquals([stats?.services.map(({ compared }) => compared), mismatches], [[0], []]);
});

Deno.test("a reload without `compare` drops the counts, and a further reload with it starts again", async () => {
  await using v1 = startBackend(() => Response.json(1));
  await using v2 = startBackend(() => Response.json(1));
  const comparisons = new ComparisonStore();
  const { promise: compared, resolve: observed } = Promise.withResolvers<void>();
  const before = reconfigure(comparisons, [v1, v2], {
    ...COMPARE,
    observe: ({ type }) => void (type === "compared" && observed()),
  });
  await request(before);
  await compared;
  assertEquals(comparisons.read(0).stats?.services[0]?.compared, 1);
  reconfigure(comparisons, [v1, v2]);
  assertEquals(comparisons.read(0).stats, undefined);
  reconfigure(comparisons, [v1, v2], COMPARE);
  assertEquals(comparisons.read(0).stats?.services[0]?.compared, 0);
});

/** Store with a clock, and a function that counts comparisons. */
function startStore(): { store: ComparisonStore; time: { ms: number }; add(overrides?: Partial<Comparison>): void } {
  const time = { ms: 1_000_000 };
  const store = new ComparisonStore({ now: () => time.ms });
  const services = [
    { name: "v1", url: "http://localhost:1", primary: true },
    { name: "v2", url: "http://localhost:2", shadow: true },
  ];
  const counter = store.reconfigure(validateConfig({ ...COMPARE, services }).config);
  const add = (overrides: Partial<Comparison> = {}) =>
    counter.add(comparison([], { route: "path /", ...overrides }), { endpoint: "GET /", samples: "values" });
  return { store, time, add };
}

const comparedIn = (store: ComparisonStore, sinceMs?: number) =>
  store.read(Infinity, sinceMs).stats!.services.reduce((sum, { compared }) => sum + compared, 0);

Deno.test("ComparisonStore counts by minute, keeps all counts, and reports those since a time", () => {
  const { store, time, add } = startStore();
  const startMs = time.ms;
  for (let minute = 0; minute < 100; minute++) {
    add();
    time.ms += 60_000;
  }
  assertEquals(comparedIn(store), 100);
  assertEquals(store.read(Infinity).stats!.sinceMs, startMs);
  assertEquals(comparedIn(store, time.ms - 120_000), 2);
  const half = store.read(Infinity, time.ms - 50 * 60_000).stats!;
  // Older periods are longer, and never begin before the time that was asked for.
  assert(half.sinceMs >= time.ms - 50 * 60_000);
  assert(comparedIn(store, time.ms - 50 * 60_000) >= 25);
  assertEquals(comparedIn(store, time.ms + 1), 0);
});

Deno.test("ComparisonStore.reset() starts counting again", () => {
  const { store, time, add } = startStore();
  add();
  time.ms += 90_000;
  add({ build: "1" });
  assertEquals(comparedIn(store), 2);
  store.reset();
  assertEquals([comparedIn(store), store.read(Infinity).stats!.sinceMs], [0, time.ms]);
  add();
  assertEquals(comparedIn(store), 1);
});

Deno.test("ComparisonStore counts failures for the latest build, and bounds the number of builds", () => {
  const { store, time, add } = startStore();
  for (let build = 0; build < 100; build++) {
    add({ build: `b${build}` });
    time.ms += 1_000;
  }
  add({ actual: { ok: false, kind: "refused", durationMs: 1 } });
  // A version that changes within a second is not a new build.
  add({ build: "x1" });
  add({ build: "x2" });
  const builds = store.read(Infinity).stats!.services.filter(({ compared }) => compared > 0);
  assertEquals(builds.length, 32);
  const report = makeReport(store.read(Infinity).stats!);
  assertEquals([report.services.length, report.services[0]!.build, report.services[0]!.compared], [1, "x1", 2]);
  assertEquals(report.services[0]!.otherBuilds[0], {
    build: "b99",
    sinceMs: time.ms - 1_000,
    compared: 2,
    verdict: "not-enough-traffic",
  });
});

Deno.test("a token that is constant in the candidate is a mismatch at an endpoint with one request per minute", () => {
  let nowMs = 1_000_000;
  const store = new ComparisonStore({ now: () => nowMs });
  const { config } = validateConfig({
    compare: true,
    services: [
      { name: "v1", url: "http://localhost:1", primary: true },
      { name: "v2", url: "http://localhost:2", shadow: true },
    ],
  });
  const counter = store.reconfigure(config);
  const path = "$.token";
  const add = (hashes: readonly [number, number], overrides: Partial<Comparison> = {}) =>
    counter.add(
      comparison([path], {
        route: "path /",
        traits: new Map([[path, "same-form" as const]]),
        values: new Map([[path, { hashes, isRepeated: false }]]),
        ...overrides,
      }),
      { endpoint: "GET /", samples: "none" },
    );
  for (let minute = 0; minute < 60; minute++, nowMs += 61_000) {
    add([2 * minute, -1]);
    add([2 * minute, 2 * minute + 1], { service: "v1", isNoise: true });
  }
  const { mismatches } = makeReport(store.read(Infinity).stats!);
  assertEquals(mismatches.map((found) => found.path), ["$.token (repeated values)"]);
});
