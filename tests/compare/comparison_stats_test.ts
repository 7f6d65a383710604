/** Counts of comparisons in bounded memory: exact if possible, always within bounds. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Comparison } from "../../src/compare/comparison.ts";
import { ComparisonStats, type CountOptions, mergeSnapshots } from "../../src/compare/comparison_stats.ts";
import {
  countDiffering,
  type EndpointServiceStats,
  type EndpointStats,
  type StatsSnapshot,
} from "../../src/compare/stats_snapshot.ts";
import { MAX_PATHS } from "../../src/compare/endpoint_counts.ts";
import { capturedStatus, comparison } from "../_support/comparisons.ts";
import { seededRandom } from "../_support/seeded_random.ts";

const OPTIONS: CountOptions = { endpoint: "GET /users/{id}", samples: "values" };

function statsOf(comparisons: readonly Comparison[], maxBytes?: number): ComparisonStats {
  const stats = new ComparisonStats({ random: seededRandom(1), ...(maxBytes !== undefined && { maxBytes }) });
  for (const each of comparisons) stats.add(each, OPTIONS);
  return stats;
}

function endpointOf({ endpoints }: StatsSnapshot, name = OPTIONS.endpoint): EndpointStats {
  return endpoints.find(({ endpoint }) => endpoint === name)!;
}

function v2Of(snapshot: StatsSnapshot): EndpointServiceStats {
  return endpointOf(snapshot).services.find(({ service }) => service === "v2")!;
}

/** Returns comparisons that differ in random fields, each with its own rate. */
function randomComparisons(count: number, fields: number, random: () => number): Comparison[] {
  const names = Array.from({ length: fields }, (_, index) => `$.field${index}`);
  return Array.from({ length: count }, (_, id) => {
    const paths = names.filter((_, index) => random() < 1 / (index + 2));
    return comparison(paths, { requestId: `id-${id}`, isNoise: random() < 0.1 });
  });
}

function bruteForce(comparisons: readonly Comparison[], fields: ReadonlySet<string>): number {
  return comparisons.filter(({ isNoise, differences }) => !isNoise && differences.some(({ path }) => fields.has(path)))
    .length;
}

Deno.test("countDiffering() is exact for any choice of fields", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 30; round++) {
    const comparisons = randomComparisons(200, 5, random);
    const counted = v2Of(statsOf(comparisons).snapshot());
    assertEquals(counted.overflow.count, 0);
    for (let choice = 0; choice < 32; choice++) {
      const fields = new Set([0, 1, 2, 3, 4].filter((bit) => choice & (1 << bit)).map((bit) => `$.field${bit}`));
      const expected = bruteForce(comparisons, fields);
      assertEquals(countDiffering(counted, (path) => fields.has(path)), { least: expected, most: expected });
    }
  }
});

Deno.test("countDiffering() has bounds around the exact count above 64 combinations, and fields are counted exactly", () => {
  const random = seededRandom(4);
  let inexact = 0;
  for (let round = 0; round < 20; round++) {
    const comparisons = randomComparisons(1_000, 14, random);
    const counted = v2Of(statsOf(comparisons).snapshot());
    assert(counted.overflow.count > 0);
    for (let choice = 0; choice < 20; choice++) {
      const fields = new Set(Array.from({ length: 14 }, (_, bit) => `$.field${bit}`).filter(() => random() < 0.3));
      const { least, most } = countDiffering(counted, (path) => fields.has(path));
      const expected = bruteForce(comparisons, fields);
      assert(least <= expected && expected <= most, `${least} ${expected} ${most}`);
      if (least < most) inexact++;
    }
    for (const { path, differing } of counted.fields) assertEquals(differing, bruteForce(comparisons, new Set([path])));
  }
  assert(inexact > 0);
});

Deno.test("mergeSnapshots() adds up to the counts of all comparisons together", () => {
  const random = seededRandom(5);
  const comparisons = randomComparisons(900, 5, random);
  const parts = [0, 1, 2].map((part) => statsOf(comparisons.filter((_, index) => index % 3 === part)).snapshot());
  const merged = mergeSnapshots(structuredClone(parts), { random: seededRandom(6) });
  const [whole, sum] = [statsOf(comparisons).snapshot(), merged].map((snapshot) => {
    const { noise } = endpointOf(snapshot);
    const { compared, fields, sets, overflow } = v2Of(snapshot);
    return {
      noise: { compared: noise.compared, fields: new Map(noise.fields) },
      compared,
      overflow,
      fields: new Map(fields.map(({ path, differing }) => [path, differing])),
      sets: new Map(sets.map(({ paths, count }) => [paths.toSorted().join(), count])),
      services: snapshot.services.map(({ sinceMs: _, ...totals }) => totals),
    };
  });
  assertEquals(sum, whole);
});

Deno.test("mergeSnapshots() keeps bounds around the exact count above 64 combinations", () => {
  const random = seededRandom(7);
  const comparisons = randomComparisons(3_000, 12, random);
  const parts = [0, 1, 2].map((part) => statsOf(comparisons.filter((_, index) => index % 3 === part)).snapshot());
  const counted = v2Of(mergeSnapshots(parts));
  assertEquals(counted.compared, comparisons.filter(({ isNoise }) => !isNoise).length);
  for (const { path, differing } of counted.fields) assertEquals(differing, bruteForce(comparisons, new Set([path])));
  const fields = new Set(["$.field3", "$.field7"]);
  const { least, most } = countDiffering(counted, (path) => fields.has(path));
  const expected = bruteForce(comparisons, fields);
  assert(least <= expected && expected <= most);
});

Deno.test("ComparisonStats counts latencies and errors of both sides, without noise measurements", () => {
  const snapshot = statsOf([
    comparison([], { expected: capturedStatus(200, 10), actual: capturedStatus(503, 20) }),
    comparison(["outcome"], { actual: { ok: false, kind: "timeout", durationMs: 5_000 } }),
    comparison(["status"], { isNoise: true, actual: capturedStatus(500) }),
  ]).snapshot();
  const { compared, primary, responses } = snapshot.services[0]!;
  assertEquals([compared, primary.errors, responses.errors], [2, 0, 2]);
  assertEquals([primary.latency.counts, primary.latency.minMs], [[2], 10]);
  assertEquals([responses.latency.counts, responses.latency.maxMs], [[1], 20]);
  assertEquals(endpointOf(snapshot).noise, { compared: 1, fields: [["status", 1]] });
});

Deno.test("ComparisonStats has an entry for an expected service without comparisons", () => {
  const stats = new ComparisonStats({ expected: [{ route: "pathPrefix /", service: "v2" }] });
  assertEquals(stats.snapshot().services.map(({ service, compared }) => [service, compared]), [["v2", 0]]);
});

Deno.test("ComparisonStats samples the first two differences of a field, and an unbiased selection of the others", () => {
  const kept = new Array<number>(100).fill(0);
  for (let seed = 0; seed < 600; seed++) {
    const stats = new ComparisonStats({ random: seededRandom(seed) });
    for (let id = 0; id < 100; id++) stats.add(comparison(["$.a"], { requestId: String(id) }), OPTIONS);
    const { samples } = v2Of(stats.snapshot()).fields[0]!;
    assertEquals(samples.length, 5);
    for (const { requestId } of samples) kept[Number(requestId)]!++;
  }
  assertEquals(kept.slice(0, 2), [600, 600]);
  // Each of the others is kept 600 · 3 / 98 = 18.4 times, so each half of them 900 times, ± 4 · 21.
  const half = kept.slice(2, 51).reduce((sum, count) => sum + count, 0);
  assert(Math.abs(half - 900) < 84, `${half}`);
});

Deno.test("mergeSnapshots() samples two workers in proportion to their differences", () => {
  let [fromLarge, fromSmall] = [0, 0];
  for (let seed = 0; seed < 400; seed++) {
    const parts = [["large", 300], ["small", 100]] as const;
    const snapshots = parts.map(([name, count], index) => {
      const stats = new ComparisonStats({ random: seededRandom(2 * seed + index) });
      for (let id = 0; id < count; id++) stats.add(comparison(["$.a"], { requestId: name }), OPTIONS);
      return stats.snapshot();
    });
    const { samples } = v2Of(mergeSnapshots(snapshots, { random: seededRandom(seed) })).fields[0]!;
    assertEquals(samples.slice(0, 2).map(({ requestId }) => requestId), ["large", "large"]);
    for (const { requestId } of samples.slice(2)) requestId === "large" ? fromLarge++ : fromSmall++;
  }
  // A quarter of 1,200, ± 4 · 15.
  assert(Math.abs(fromSmall - 300) < 60, `${fromSmall} and ${fromLarge}`);
});

Deno.test("ComparisonStats samples values, bodies or nothing, as configured, and limits their length", () => {
  const long = "x".repeat(10_000);
  const differing = comparison([], {
    path: `/${long}`,
    requestId: long,
    differences: [{ path: "$.a", kind: "removed", expected: long }],
  });
  const sampleWith = (context: Partial<CountOptions>) => {
    const stats = new ComparisonStats();
    stats.add(differing, { ...OPTIONS, ...context });
    return v2Of(stats.snapshot()).fields[0]!.samples;
  };
  const bodies = () => ({ expected: long, actual: "{}" });
  assertEquals(sampleWith({ samples: "none", bodies }), []);
  const [values] = sampleWith({ samples: "values", bodies });
  assertEquals(values, {
    requestId: `${"x".repeat(128)}…`,
    method: "GET",
    path: `/${"x".repeat(255)}…`,
    expected: `${"x".repeat(200)}…`,
    rank: -1,
  });
  const [whole] = sampleWith({ samples: "bodies", bodies });
  assertEquals([whole?.expectedBody?.length, whole?.actualBody], [2_049, "{}"]);
});

Deno.test("ComparisonStats counts at most 256 paths of an endpoint, and the others together", () => {
  const comparisons = Array.from(
    { length: 5_000 },
    (_, id) => comparison([`$.new${id}`, `header:x-${id}`, `form:f${id}`, "status"]),
  );
  const stats = statsOf(comparisons);
  const counted = v2Of(stats.snapshot());
  assert(counted.fields.length <= MAX_PATHS + 4, `${counted.fields.length}`);
  const differing = new Map(counted.fields.map((field) => [field.path, field.differing]));
  assertEquals(differing.get("status"), 5_000);
  for (const other of ["$.…", "header:…", "form:…"]) assert(differing.get(other)! >= 4_900, other);
  const collective = counted.fields.find(({ path }) => path === "$.…")!;
  assertEquals(collective.samples[0]!.expected!.replace(/\d+/, "N"), "$.newN: 1");
  assertEquals(countDiffering(counted, (path) => path === "status"), { least: 5_000, most: 5_000 });
});

Deno.test("ComparisonStats counts a path with lone surrogates as one path, and reserves memory for it once", () => {
  const stats = statsOf([comparison(["form:\ud800", "$.a"])]);
  const { usedBytes } = stats;
  stats.add(comparison(["form:\ud800", "$.a"]), { endpoint: OPTIONS.endpoint, samples: "none" });
  assertEquals(stats.usedBytes, usedBytes);
  assertEquals(v2Of(stats.snapshot()).fields.map(({ path, differing }) => [path, differing]), [
    ["form:\ufffd", 2],
    ["$.a", 2],
  ]);
});

Deno.test("ComparisonStats stays within its memory for any input, and continues to count", () => {
  const random = seededRandom(11);
  const text = (length: number) => Array.from({ length }, () => random().toString(36).slice(2)).join("");
  for (const maxBytes of [200_000, 1_000_000]) {
    const stats = new ComparisonStats({ maxBytes, random });
    let mismatches = 0;
    for (let id = 0; id < 4_000; id++) {
      const paths = ["$.price", ...Array.from({ length: 5 }, () => `$.${text(1 + 4 * random())}`)];
      const differences = paths.map((path) => ({ path, kind: "added" as const, actual: text(20) }));
      const isNoise = random() < 0.2;
      if (!isNoise) mismatches++;
      const endpoint = `GET /${text(1)}`;
      stats.add(comparison([], { requestId: text(3), differences, isNoise }), { endpoint, samples: "values" });
      assert(stats.usedBytes <= maxBytes);
    }
    const snapshot = stats.snapshot();
    assert(snapshot.dropped > 0);
    const counted = snapshot.endpoints.flatMap(({ services }) => services);
    assertEquals(counted.reduce((sum, { compared }) => sum + compared, 0), mismatches);
    assertEquals(snapshot.services[0]!.compared, mismatches);
    // The estimate is realistic: the snapshot as text is not larger.
    const sizeOfText = JSON.stringify(snapshot.endpoints).length;
    assert(sizeOfText < maxBytes, `${sizeOfText}`);
    const merged = mergeSnapshots([snapshot, snapshot, snapshot], { maxBytes });
    assertEquals(merged.services[0]!.compared, 3 * mismatches);
  }
});

Deno.test("ComparisonStats drops samples to count a new endpoint if memory is full", () => {
  const maxBytes = 96_000;
  const stats = new ComparisonStats({ maxBytes });
  for (let id = 0; id < 15; id++) {
    stats.add(
      comparison([], { differences: [{ path: `$.f${id}`, kind: "changed", expected: "x".repeat(200), actual: "y" }] }),
      OPTIONS,
    );
  }
  const before = stats.snapshot();
  assertNotEquals(v2Of(before).fields[0]!.samples, []);
  for (let id = 0; stats.snapshot().dropped === before.dropped; id++) {
    stats.add(comparison(["$.late"]), { endpoint: `GET /late/${id}`, samples: "none" });
  }
  const after = stats.snapshot();
  assertEquals(v2Of(after).fields[0]!.samples, []);
  assertEquals(v2Of(after).fields[0]!.differing, v2Of(before).fields[0]!.differing);
  assert(stats.usedBytes <= maxBytes);
});

Deno.test("ComparisonStats without memory counts what it drops", () => {
  const stats = statsOf([comparison(["$.a"]), comparison()], 100);
  const { endpoints, services, dropped } = stats.snapshot();
  assertEquals([endpoints, services, dropped >= 2, stats.usedBytes], [[], [], true, 0]);
});
