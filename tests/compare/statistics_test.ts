/** The statistics behind the verdict, against definitions that take their time and against published figures. */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { significantBelow } from "../../src/lib/false_discoveries.ts";
import { type Count, fisherTest } from "../../src/lib/fisher_test.ts";
import { Histogram, LATENCY_BUCKETS } from "../../src/lib/histogram.ts";
import { wilsonInterval } from "../../src/lib/wilson_interval.ts";
import { seededRandom } from "../_support/seeded_random.ts";

/** The definition, in whole numbers. */
function exactFisher(observed: Count, noise: Count): number {
  const [n, m] = [observed.compared, noise.compared];
  const all = observed.differing + noise.differing;
  let ways = 0n;
  for (let x = observed.differing; x <= Math.min(n, all); x++) ways += choose(n, x) * choose(m, all - x);
  return Number(ways * 10n ** 30n / choose(n + m, all)) / 1e30;
}

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let result = 1n;
  for (let i = 1; i <= k; i++) result = result * BigInt(n - k + i) / BigInt(i);
  return result;
}

Deno.test("fisherTest() is the exact probability, for any counts", () => {
  const random = seededRandom(1);
  const upTo = (max: number) => Math.floor(random() * (max + 1));
  let tested = 0;
  for (let round = 0; round < 2_000; round++) {
    const size = round % 2 === 0 ? 12 : 150;
    const [n, m] = [1 + upTo(size), 1 + upTo(size)];
    const [observed, noise] = [{ differing: upTo(n), compared: n }, { differing: upTo(m), compared: m }];
    const isAbove = observed.differing * m > noise.differing * n;
    const expected = isAbove ? exactFisher(observed, noise) : 1;
    const found = fisherTest(observed, noise);
    assertAlmostEquals(found, expected, 1e-9 * expected + 1e-29, JSON.stringify({ observed, noise }));
    if (isAbove) tested++;
  }
  assert(tested > 500);
});

Deno.test("fisherTest() finds the lady who tastes tea: 4 of 4 against 0 of 4 is 1 in 70", () => {
  assertAlmostEquals(fisherTest({ differing: 4, compared: 4 }, { differing: 0, compared: 4 }), 1 / 70, 1e-12);
});

Deno.test("fisherTest() stays a probability with millions of comparisons, and with none", () => {
  const million = 1_000_000;
  const chance = fisherTest({ differing: 500_300, compared: million }, { differing: 500_000, compared: million });
  // The normal approximation is good here: z = 300 / sqrt(2 · 10⁶ / 4) = 0.424, p = 0.336.
  assertAlmostEquals(chance, 0.336, 0.001);
  const certain = fisherTest({ differing: million, compared: million }, { differing: 0, compared: million });
  assertEquals(certain, 0);
  assertEquals(fisherTest({ differing: 7, compared: 7 }, { differing: 0, compared: 0 }), 1);
  assertEquals(fisherTest({ differing: 0, compared: 0 }, { differing: 3, compared: 7 }), 1);
  assertEquals(fisherTest({ differing: 5, compared: 10 }, { differing: 50, compared: 100 }), 1);
});

Deno.test("significantBelow() takes the same tests as the example of Benjamini and Hochberg's article", () => {
  const pValues = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.324,
    0.4262,
    0.5719,
    0.6528,
    0.759,
    1,
  ];
  const threshold = significantBelow(pValues.toReversed(), 0.05);
  assertEquals(pValues.filter((p) => p <= threshold).length, 4);
  assertEquals(significantBelow([0.5, 0.9], 0.05), 0);
  assertEquals(significantBelow([], 0.05), 0);
});

Deno.test("wilsonInterval() has the published bounds, and holds at 0 and 1", () => {
  // Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  const published = [[81, 263, 0.2553, 0.3662], [15, 148, 0.0624, 0.1605], [0, 20, 0, 0.1611], [1, 29, 0.0061, 0.1718]];
  for (const [count = 0, of = 0, low = 0, high = 0] of published) {
    const estimate = wilsonInterval(count, of);
    assertAlmostEquals(estimate.low, low, 6e-5);
    assertAlmostEquals(estimate.high, high, 6e-5);
    assertEquals(estimate.value, count / of);
  }
  assertEquals(wilsonInterval(20, 20).high, 1);
  assertEquals(wilsonInterval(0, 0), { value: 0, low: 0, high: 1 });
});

Deno.test("LATENCY_BUCKETS.quantile() is within 2.3 % of the exact quantile, from a tenth of a millisecond to hours", () => {
  const random = seededRandom(2);
  const histogram = new Histogram(LATENCY_BUCKETS);
  const durations = Array.from({ length: 5_000 }, () => 0.11 * 10 ** (random() * 7.8));
  for (const duration of durations) histogram.record(duration);
  durations.sort((a, b) => a - b);
  for (const share of [0.01, 0.5, 0.95, 0.99, 1]) {
    const exact = durations[Math.ceil(share * durations.length) - 1]!;
    assertAlmostEquals(LATENCY_BUCKETS.quantile(histogram.counts(), share)! / exact, 1, 0.023);
  }
});

Deno.test("LATENCY_BUCKETS.quantile() is absent without responses, and takes durations of any kind", () => {
  const histogram = new Histogram(LATENCY_BUCKETS);
  assertEquals(LATENCY_BUCKETS.quantile(histogram.counts(), 0.5), undefined);
  for (const odd of [0, -1, NaN, 1e-9]) histogram.record(odd);
  assertAlmostEquals(LATENCY_BUCKETS.quantile(histogram.counts(), 0.5)!, 0.1, 1e-9);
  histogram.record(Infinity);
  assert(LATENCY_BUCKETS.quantile(histogram.counts(), 1)! > 80_000_000);
});
