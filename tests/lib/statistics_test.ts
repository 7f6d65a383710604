/** Inference on proportions, against slow definitions and against published figures. */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { falseDiscoveryThreshold, fisherTest, type Proportion, wilsonInterval } from "../../src/lib/statistics.ts";
import { seededRandom } from "../_support/seeded_random.ts";

/** Calculates the p-value by its definition, in integers. */
function exactFisher(observed: Proportion, noise: Proportion): number {
  const [n, m] = [observed.total, noise.total];
  const all = observed.count + noise.count;
  let ways = 0n;
  for (let x = observed.count; x <= Math.min(n, all); x++) ways += choose(n, x) * choose(m, all - x);
  return Number(ways * 10n ** 30n / choose(n + m, all)) / 1e30;
}

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let result = 1n;
  for (let i = 1; i <= k; i++) result = result * BigInt(n - k + i) / BigInt(i);
  return result;
}

Deno.test("fisherTest() returns the exact probability for any counts", () => {
  const random = seededRandom(1);
  const upTo = (max: number) => Math.floor(random() * (max + 1));
  let tested = 0;
  for (let round = 0; round < 2_000; round++) {
    const size = round % 2 === 0 ? 12 : 150;
    const [n, m] = [1 + upTo(size), 1 + upTo(size)];
    const [observed, noise] = [{ count: upTo(n), total: n }, { count: upTo(m), total: m }];
    const isAbove = observed.count * m > noise.count * n;
    const expected = isAbove ? exactFisher(observed, noise) : 1;
    const found = fisherTest(observed, noise);
    assertAlmostEquals(found, expected, 1e-9 * expected + 1e-29, JSON.stringify({ observed, noise }));
    if (isAbove) tested++;
  }
  assert(tested > 500);
});

Deno.test("fisherTest() returns 1/70 for the lady tasting tea: 4 of 4 against 0 of 4", () => {
  assertAlmostEquals(fisherTest({ count: 4, total: 4 }, { count: 0, total: 4 }), 1 / 70, 1e-12);
});

Deno.test("fisherTest() returns a probability for millions of cases, and for none", () => {
  const million = 1_000_000;
  const chance = fisherTest({ count: 500_300, total: million }, { count: 500_000, total: million });
  // The normal approximation is accurate here: z = 300 / sqrt(2 · 10⁶ / 4) = 0.424, p = 0.336.
  assertAlmostEquals(chance, 0.336, 0.001);
  const certain = fisherTest({ count: million, total: million }, { count: 0, total: million });
  assertEquals(certain, 0);
  assertEquals(fisherTest({ count: 7, total: 7 }, { count: 0, total: 0 }), 1);
  assertEquals(fisherTest({ count: 0, total: 0 }, { count: 3, total: 7 }), 1);
  assertEquals(fisherTest({ count: 5, total: 10 }, { count: 50, total: 100 }), 1);
});

Deno.test("falseDiscoveryThreshold() accepts the same tests as the example of Benjamini and Hochberg", () => {
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
  const threshold = falseDiscoveryThreshold(pValues.toReversed(), 0.05);
  assertEquals(pValues.filter((p) => p <= threshold).length, 4);
  assertEquals(falseDiscoveryThreshold([0.5, 0.9], 0.05), 0);
  assertEquals(falseDiscoveryThreshold([], 0.05), 0);
});

Deno.test("wilsonInterval() returns the published bounds, and stays within 0 and 1", () => {
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
