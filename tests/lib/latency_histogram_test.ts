import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { LatencyHistogram, latencyQuantile } from "../../src/lib/latency_histogram.ts";
import { seededRandom } from "../_support/seeded_random.ts";

Deno.test("latencyQuantile() is within 2.3 % of the exact quantile, from 0.1 ms to hours", () => {
  const random = seededRandom(2);
  const histogram = new LatencyHistogram();
  const durations = Array.from({ length: 5_000 }, () => 0.11 * 10 ** (random() * 7.8));
  for (const duration of durations) histogram.add(duration);
  durations.sort((a, b) => a - b);
  for (const ratio of [0.01, 0.5, 0.95, 0.99, 1]) {
    const exact = durations[Math.ceil(ratio * durations.length) - 1]!;
    assertAlmostEquals(latencyQuantile(histogram.counts(), ratio) / exact, 1, 0.023);
  }
});

Deno.test("latencyQuantile() is 0.1 ms for the shortest and 0 for no durations, and accepts invalid ones", () => {
  const histogram = new LatencyHistogram();
  assertEquals(latencyQuantile(histogram.counts(), 0.5), 0);
  for (const odd of [0, -1, NaN, 1e-9]) histogram.add(odd);
  assertAlmostEquals(latencyQuantile(histogram.counts(), 0.5), 0.1, 1e-9);
  histogram.add(Infinity);
  assert(latencyQuantile(histogram.counts(), 1) > 80_000_000);
});
