import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { LatencySketch } from "../../src/lib/latency_sketch.ts";
import { seededRandom } from "../_support/seeded_random.ts";

const RATIOS = [0.5, 0.9, 0.95, 0.99, 0.999];

/** Very different distributions of latencies, in milliseconds. */
const SHAPES: readonly (readonly [name: string, draw: (random: () => number) => number])[] = [
  ["even", (random) => 1 + 99 * random()],
  ["exponential", (random) => -20 * Math.log(1 - random())],
  ["heavy-tailed", (random) => 5 / (1 - random()) ** (1 / 1.2)],
  ["of two kinds", (random) => random() < 0.97 ? 3 + random() : 2_000 + 500 * random()],
  ["of less than a millisecond", (random) => 0.2 + 0.3 * random()],
  ["of minutes", (random) => 60_000 * (1 + 9 * random())],
];

for (const [name, draw] of SHAPES) {
  Deno.test(`LatencySketch.quantile() is exact within 1 % for a distribution that is ${name}`, () => {
    const random = seededRandom(7);
    const sketch = new LatencySketch(() => 0);
    const times = Array.from({ length: 20_000 }, () => draw(random));
    times.forEach((time) => sketch.record(time));
    times.sort((a, b) => a - b);
    for (const ratio of RATIOS) {
      const exact = times[Math.ceil(ratio * times.length) - 1]!;
      const error = Math.abs(sketch.quantile(ratio) - exact) / exact;
      assertLess(error, 0.01, `p${ratio * 100}: ${sketch.quantile(ratio)} for ${exact}`);
    }
  });
}

Deno.test("LatencySketch counts latencies outside its buckets in the nearest one", () => {
  const sketch = new LatencySketch(() => 0);
  for (const time of [0, -1, 1e-9]) sketch.record(time);
  assert(sketch.quantile(1) <= 0.1);
  sketch.record(Number.MAX_VALUE);
  assert(sketch.quantile(1) > 3_600_000);
  assertEquals(sketch.count, 4);
});

Deno.test("LatencySketch covers the last 30 to 60 seconds", () => {
  let nowMs = 1_000;
  const sketch = new LatencySketch(() => nowMs);
  const record = (time: number) => {
    for (let count = 0; count < 100; count++) sketch.record(time);
  };
  record(10);
  nowMs += 29_999;
  assertEquals(sketch.count, 100);
  nowMs += 1;
  record(100);
  assertEquals(sketch.count, 200);
  assertAlmostEquals(sketch.quantile(0.5), 10, 0.1);
  assertAlmostEquals(sketch.quantile(0.51), 100, 1);
  nowMs += 30_000;
  assertEquals(sketch.count, 100);
  assertAlmostEquals(sketch.quantile(0.01), 100, 1);
  nowMs += 30_000;
  assertEquals([sketch.count, sketch.quantile(0.5)], [0, 0]);
});

Deno.test("LatencySketch is empty after a long time without latencies", () => {
  let nowMs = 0;
  const sketch = new LatencySketch(() => nowMs);
  sketch.record(10);
  nowMs += 60_000;
  assertEquals([sketch.count, sketch.quantile(0.5)], [0, 0]);
  sketch.record(20);
  assertEquals(sketch.count, 1);
});
