import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { LatencySketch } from "../../src/lib/latency_sketch.ts";
import { seededRandom } from "../_support/seeded_random.ts";

const SHARES = [0.5, 0.9, 0.95, 0.99, 0.999];

/** Times of very different shapes, in milliseconds. */
const SHAPES: readonly (readonly [name: string, draw: (random: () => number) => number])[] = [
  ["even", (random) => 1 + 99 * random()],
  ["exponential", (random) => -20 * Math.log(1 - random())],
  ["heavy-tailed", (random) => 5 / (1 - random()) ** (1 / 1.2)],
  ["of two kinds", (random) => random() < 0.97 ? 3 + random() : 2_000 + 500 * random()],
  ["of less than a millisecond", (random) => 0.2 + 0.3 * random()],
  ["of minutes", (random) => 60_000 * (1 + 9 * random())],
];

for (const [name, draw] of SHAPES) {
  Deno.test(`a sketch tells percentiles of times that are ${name} within one percent`, () => {
    const random = seededRandom(7);
    const sketch = new LatencySketch(() => 0);
    const times = Array.from({ length: 20_000 }, () => draw(random));
    times.forEach((time) => sketch.record(time));
    times.sort((a, b) => a - b);
    for (const share of SHARES) {
      const exact = times[Math.ceil(share * times.length) - 1]!;
      const error = Math.abs(sketch.quantile(share) - exact) / exact;
      assertLess(error, 0.01, `p${share * 100}: ${sketch.quantile(share)} for ${exact}`);
    }
  });
}

Deno.test("a sketch takes what is beyond its buckets for the nearest of them", () => {
  const sketch = new LatencySketch(() => 0);
  for (const time of [0, -1, 1e-9]) sketch.record(time);
  assert(sketch.quantile(1) <= 0.1);
  sketch.record(Number.MAX_VALUE);
  assert(sketch.quantile(1) > 3_600_000);
  assertEquals(sketch.count, 4);
});

Deno.test("a sketch looks back thirty seconds to a minute", () => {
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

Deno.test("a sketch has forgotten everything after a long time without answers", () => {
  let nowMs = 0;
  const sketch = new LatencySketch(() => nowMs);
  sketch.record(10);
  nowMs += 60_000;
  assertEquals([sketch.count, sketch.quantile(0.5)], [0, 0]);
  sketch.record(20);
  assertEquals(sketch.count, 1);
});
