/** Counting comparisons in bounded memory: exact where it can be, bounded always. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Comparison } from "../../src/compare/comparison.ts";
import { ComparisonStats, mergeTallies, type TallyContext } from "../../src/compare/comparison_stats.ts";
import { countDiffering } from "../../src/compare/difference_sets.ts";
import { MAX_PATHS } from "../../src/compare/endpoint_counts.ts";
import type { EndpointServiceTally, EndpointTally, TallySnapshot } from "../../src/compare/tally_snapshot.ts";
import { answer, comparison } from "../_support/comparisons.ts";
import { seededRandom } from "../_support/seeded_random.ts";

const CONTEXT: TallyContext = { endpoint: "GET /users/{id}", samples: "values" };

function tallyOf(comparisons: readonly Comparison[], maxBytes?: number): ComparisonStats {
  const tally = new ComparisonStats({ random: seededRandom(1), ...(maxBytes !== undefined && { maxBytes }) });
  for (const each of comparisons) tally.add(each, CONTEXT);
  return tally;
}

function endpointOf({ endpoints }: TallySnapshot, name = CONTEXT.endpoint): EndpointTally {
  return endpoints.find(({ endpoint }) => endpoint === name)!;
}

function v2Of(snapshot: TallySnapshot): EndpointServiceTally {
  return endpointOf(snapshot).services.find(({ service }) => service === "v2")!;
}

/** Comparisons that differ in some of the fields, each by its own rate. */
function randomComparisons(count: number, fields: number, random: () => number): Comparison[] {
  const names = Array.from({ length: fields }, (_, index) => `$.field${index}`);
  return Array.from({ length: count }, (_, id) => {
    const paths = names.filter((_, index) => random() < 1 / (index + 2));
    return comparison(paths, { requestId: `id-${id}`, isNoise: random() < 0.1 });
  });
}

function bruteForce(comparisons: readonly Comparison[], meant: ReadonlySet<string>): number {
  return comparisons.filter(({ isNoise, differences }) => !isNoise && differences.some(({ path }) => meant.has(path)))
    .length;
}

Deno.test("a tally counts exactly what one that keeps everything counts, whichever fields turn out to matter", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 30; round++) {
    const comparisons = randomComparisons(200, 5, random);
    const counted = v2Of(tallyOf(comparisons).snapshot());
    assertEquals(counted.others.count, 0);
    for (let choice = 0; choice < 32; choice++) {
      const meant = new Set([0, 1, 2, 3, 4].filter((bit) => choice & (1 << bit)).map((bit) => `$.field${bit}`));
      const expected = bruteForce(comparisons, meant);
      assertEquals(countDiffering(counted, (path) => meant.has(path)), { least: expected, most: expected });
    }
  }
});

Deno.test("a tally with too many combinations has the exact count between its bounds, and field counts exact", () => {
  const random = seededRandom(4);
  let inexact = 0;
  for (let round = 0; round < 20; round++) {
    const comparisons = randomComparisons(1_000, 14, random);
    const counted = v2Of(tallyOf(comparisons).snapshot());
    assert(counted.others.count > 0);
    for (let choice = 0; choice < 20; choice++) {
      const meant = new Set(Array.from({ length: 14 }, (_, bit) => `$.field${bit}`).filter(() => random() < 0.3));
      const { least, most } = countDiffering(counted, (path) => meant.has(path));
      const expected = bruteForce(comparisons, meant);
      assert(least <= expected && expected <= most, `${least} ${expected} ${most}`);
      if (least < most) inexact++;
    }
    for (const { path, differing } of counted.fields) assertEquals(differing, bruteForce(comparisons, new Set([path])));
  }
  assert(inexact > 0);
});

Deno.test("tallies of workers add up to what one tally would have counted", () => {
  const random = seededRandom(5);
  const comparisons = randomComparisons(900, 5, random);
  const parts = [0, 1, 2].map((part) => tallyOf(comparisons.filter((_, index) => index % 3 === part)).snapshot());
  const merged = mergeTallies(structuredClone(parts), { random: seededRandom(6) });
  const [whole, sum] = [tallyOf(comparisons).snapshot(), merged].map((snapshot) => {
    const { noise } = endpointOf(snapshot);
    const { compared, fields, sets, others } = v2Of(snapshot);
    return {
      noise: { compared: noise.compared, fields: new Map(noise.fields) },
      compared,
      others,
      fields: new Map(fields.map(({ path, differing }) => [path, differing])),
      sets: new Map(sets.map(({ paths, count }) => [paths.toSorted().join(), count])),
      services: snapshot.services,
    };
  });
  assertEquals(sum, whole);
});

Deno.test("tallies add up with too many combinations, too: the exact count stays between the bounds", () => {
  const random = seededRandom(7);
  const comparisons = randomComparisons(3_000, 12, random);
  const parts = [0, 1, 2].map((part) => tallyOf(comparisons.filter((_, index) => index % 3 === part)).snapshot());
  const counted = v2Of(mergeTallies(parts));
  assertEquals(counted.compared, comparisons.filter(({ isNoise }) => !isNoise).length);
  for (const { path, differing } of counted.fields) assertEquals(differing, bruteForce(comparisons, new Set([path])));
  const meant = new Set(["$.field3", "$.field7"]);
  const { least, most } = countDiffering(counted, (path) => meant.has(path));
  const expected = bruteForce(comparisons, meant);
  assert(least <= expected && expected <= most);
});

Deno.test("a tally counts latencies and errors of both sides, noise aside", () => {
  const snapshot = tallyOf([
    comparison([], { expected: answer(200, 10), actual: answer(503, 20) }),
    comparison(["outcome"], { actual: { ok: false, kind: "timeout", durationMs: 5_000 } }),
    comparison(["status"], { isNoise: true, actual: answer(500) }),
  ]).snapshot();
  const { compared, primary, answers } = snapshot.services[0]!;
  assertEquals([compared, primary.errors, answers.errors], [2, 0, 2]);
  assertEquals(primary.latency.reduce((sum, count) => sum + count, 0), 2);
  assertEquals(answers.latency.reduce((sum, count) => sum + count, 0), 1);
  assertEquals(endpointOf(snapshot).noise, { compared: 1, fields: [["status", 1]] });
});

Deno.test("a service without comparisons is in the snapshot where it is expected", () => {
  const tally = new ComparisonStats({ expected: [{ route: "pathPrefix /", service: "v2" }] });
  assertEquals(tally.snapshot().services.map(({ service, compared }) => [service, compared]), [["v2", 0]]);
});

Deno.test("the samples of a field are its first two, and an even choice of the others", () => {
  const kept = new Array<number>(100).fill(0);
  for (let seed = 0; seed < 600; seed++) {
    const tally = new ComparisonStats({ random: seededRandom(seed) });
    for (let id = 0; id < 100; id++) tally.add(comparison(["$.a"], { requestId: String(id) }), CONTEXT);
    const { samples } = v2Of(tally.snapshot()).fields[0]!;
    assertEquals(samples.length, 5);
    for (const { requestId } of samples) kept[Number(requestId)]!++;
  }
  assertEquals(kept.slice(0, 2), [600, 600]);
  // 600 · 3 / 98 = 18.4 of each: the first half and the second half of the others have 900 each, ± 4 · 21.
  const half = kept.slice(2, 51).reduce((sum, count) => sum + count, 0);
  assert(Math.abs(half - 900) < 84, `${half}`);
});

Deno.test("the samples of two workers become five, an even choice of both by how often the field differed", () => {
  let [fromLarge, fromSmall] = [0, 0];
  for (let seed = 0; seed < 400; seed++) {
    const parts = [["large", 300], ["small", 100]] as const;
    const snapshots = parts.map(([name, count], index) => {
      const tally = new ComparisonStats({ random: seededRandom(2 * seed + index) });
      for (let id = 0; id < count; id++) tally.add(comparison(["$.a"], { requestId: name }), CONTEXT);
      return tally.snapshot();
    });
    const { samples } = v2Of(mergeTallies(snapshots, { random: seededRandom(seed) })).fields[0]!;
    assertEquals(samples.slice(0, 2).map(({ requestId }) => requestId), ["large", "large"]);
    for (const { requestId } of samples.slice(2)) requestId === "large" ? fromLarge++ : fromSmall++;
  }
  // A quarter of 1,200, ± 4 · 15.
  assert(Math.abs(fromSmall - 300) < 60, `${fromSmall} and ${fromLarge}`);
});

Deno.test("samples hold values, bodies or nothing, as configured, and cut what is long", () => {
  const long = "x".repeat(10_000);
  const differing = comparison([], {
    path: `/${long}`,
    requestId: long,
    differences: [{ path: "$.a", kind: "removed", expected: long }],
  });
  const sampleWith = (context: Partial<TallyContext>) => {
    const tally = new ComparisonStats();
    tally.add(differing, { ...CONTEXT, ...context });
    return v2Of(tally.snapshot()).fields[0]!.samples;
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

Deno.test("a backend that invents a field in every answer fills 256 paths, and the rest is counted as one", () => {
  const comparisons = Array.from(
    { length: 5_000 },
    (_, id) => comparison([`$.new${id}`, `header:x-${id}`, `form:f${id}`, "status"]),
  );
  const tally = tallyOf(comparisons);
  const counted = v2Of(tally.snapshot());
  assert(counted.fields.length <= MAX_PATHS + 4, `${counted.fields.length}`);
  const differing = new Map(counted.fields.map((field) => [field.path, field.differing]));
  assertEquals(differing.get("status"), 5_000);
  for (const other of ["$.…", "header:…", "form:…"]) assert(differing.get(other)! >= 4_900, other);
  const other = counted.fields.find(({ path }) => path === "$.…")!;
  assertEquals(other.samples[0]!.expected!.replace(/\d+/, "N"), "$.newN: 1");
  assertEquals(countDiffering(counted, (path) => path === "status"), { least: 5_000, most: 5_000 });
});

Deno.test("a path that is no well-formed text is one path, and takes memory once", () => {
  const tally = tallyOf([comparison(["form:\ud800", "$.a"])]);
  const { bytes } = tally;
  tally.add(comparison(["form:\ud800", "$.a"]), { endpoint: CONTEXT.endpoint, samples: "none" });
  assertEquals(tally.bytes, bytes);
  assertEquals(v2Of(tally.snapshot()).fields.map(({ path, differing }) => [path, differing]), [
    ["form:\ufffd", 2],
    ["$.a", 2],
  ]);
});

Deno.test("whatever backends and clients invent, a tally stays within its bytes, and goes on counting", () => {
  const random = seededRandom(11);
  const text = (length: number) => Array.from({ length }, () => random().toString(36).slice(2)).join("");
  for (const maxBytes of [200_000, 1_000_000]) {
    const tally = new ComparisonStats({ maxBytes, random });
    let mismatches = 0;
    for (let id = 0; id < 4_000; id++) {
      const paths = ["$.price", ...Array.from({ length: 5 }, () => `$.${text(1 + 4 * random())}`)];
      const differences = paths.map((path) => ({ path, kind: "added" as const, actual: text(20) }));
      const isNoise = random() < 0.2;
      if (!isNoise) mismatches++;
      const endpoint = `GET /${text(1)}`;
      tally.add(comparison([], { requestId: text(3), differences, isNoise }), { endpoint, samples: "values" });
      assert(tally.bytes <= maxBytes);
    }
    const snapshot = tally.snapshot();
    assert(snapshot.dropped > 0);
    const counted = snapshot.endpoints.flatMap(({ services }) => services);
    assertEquals(counted.reduce((sum, { compared }) => sum + compared, 0), mismatches);
    assertEquals(snapshot.services[0]!.compared, mismatches);
    // The estimate is no wishful thinking: what is kept has no more bytes as text than it says.
    const sizeOfText = JSON.stringify(snapshot.endpoints).length;
    assert(sizeOfText < maxBytes, `${sizeOfText}`);
    const merged = mergeTallies([snapshot, snapshot, snapshot], { maxBytes });
    assertEquals(merged.services[0]!.compared, 3 * mismatches);
  }
});

Deno.test("samples make room for counts: a late endpoint is counted where early ones had filled the memory", () => {
  const maxBytes = 64_000;
  const tally = new ComparisonStats({ maxBytes });
  for (let id = 0; id < 15; id++) {
    tally.add(
      comparison([], { differences: [{ path: `$.f${id}`, kind: "changed", expected: "x".repeat(200), actual: "y" }] }),
      CONTEXT,
    );
  }
  const before = tally.snapshot();
  assertNotEquals(v2Of(before).fields[0]!.samples, []);
  for (let id = 0; tally.snapshot().dropped === before.dropped; id++) {
    tally.add(comparison(["$.late"]), { endpoint: `GET /late/${id}`, samples: "none" });
  }
  const after = tally.snapshot();
  assertEquals(v2Of(after).fields[0]!.samples, []);
  assertEquals(v2Of(after).fields[0]!.differing, v2Of(before).fields[0]!.differing);
  assert(tally.bytes <= maxBytes);
});

Deno.test("a tally without any room counts what it could not count", () => {
  const tally = tallyOf([comparison(["$.a"]), comparison()], 100);
  const { endpoints, services, dropped } = tally.snapshot();
  assertEquals([endpoints, services, dropped >= 2, tally.bytes], [[], [], true, 0]);
});
