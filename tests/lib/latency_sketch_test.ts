import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { percentilesOf } from "../../src/lib/latency_counts.ts";
import { LatencySketch, WindowClock } from "../../src/lib/latency_sketch.ts";
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
    const sketch = new LatencySketch();
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
  const sketch = new LatencySketch();
  for (const time of [0, -1, 1e-9]) sketch.record(time);
  assert(sketch.quantile(1) <= 0.1);
  sketch.record(Number.MAX_VALUE);
  assert(sketch.quantile(1) > 3_600_000);
  assertEquals(sketch.count, 4);
});

/** Removes what is not recent any more. */
function turnAt(nowMs: number, sketch: LatencySketch, clock: WindowClock): void {
  clock.nowMs[0] = nowMs;
  for (let turns = clock.dueTurns(); turns > 0; turns--) sketch.turn();
}

Deno.test("LatencySketch covers one to two halves of its window", () => {
  const sketch = new LatencySketch();
  const clock = new WindowClock(30_000);
  const record = (time: number) => {
    for (let count = 0; count < 100; count++) sketch.record(time);
  };
  turnAt(1_000, sketch, clock);
  record(10);
  turnAt(30_999, sketch, clock);
  assertEquals(sketch.count, 100);
  turnAt(31_000, sketch, clock);
  record(100);
  assertEquals(sketch.count, 200);
  assertAlmostEquals(sketch.quantile(0.5), 10, 0.1);
  assertAlmostEquals(sketch.quantile(0.51), 100, 1);
  turnAt(61_000, sketch, clock);
  assertEquals(sketch.count, 100);
  assertAlmostEquals(sketch.quantile(0.01), 100, 1);
  turnAt(91_000, sketch, clock);
  assertEquals([sketch.count, sketch.quantile(0.5)], [0, 0]);
});

Deno.test("LatencySketch is empty after a long time without latencies", () => {
  const sketch = new LatencySketch();
  const clock = new WindowClock(30_000);
  turnAt(0, sketch, clock);
  sketch.record(10);
  turnAt(60_000, sketch, clock);
  assertEquals([sketch.count, sketch.quantile(0.5)], [0, 0]);
  sketch.record(20);
  assertEquals(sketch.count, 1);
});

Deno.test("LatencySketch.quantile() is never outside of the recorded latencies", () => {
  for (const time of [0.03, 7, 700, 1e9]) {
    const sketch = new LatencySketch();
    sketch.record(time);
    assertEquals([0.5, 0.95, 0.99, 1].map((ratio) => sketch.quantile(ratio)), [time, time, time, time]);
  }
});

Deno.test("LatencySketch.snapshot() keeps all latencies apart from those of the window", () => {
  const sketch = new LatencySketch();
  for (const time of [5, 50, 500]) {
    sketch.turn();
    sketch.record(time);
  }
  const { recent, total } = sketch.snapshot();
  assertEquals([recent.minMs, recent.maxMs, recent.counts], [50, 500, [1, 1]]);
  assertEquals([total.minMs, total.maxMs, total.counts], [5, 500, [1, 1, 1]]);
});

Deno.test("WindowClock starts a half again when the clock is set back", () => {
  const clock = new WindowClock(10);
  const turns = [1_000, 1_009, 0, 9, 10, 19, 45].map((nowMs) => {
    clock.nowMs[0] = nowMs;
    return clock.dueTurns();
  });
  assertEquals(turns, [2, 0, 0, 0, 1, 0, 2]);
});

Deno.test("percentilesOf() returns the percentiles of several threads together, within 1 %", () => {
  const random = seededRandom(11);
  const sketches = [1, 2, 3].map(() => new LatencySketch());
  const times = Array.from({ length: 3_000 }, () => 1 + 999 * random());
  times.forEach((time, index) => sketches[index % 3]!.record(time));
  times.sort((a, b) => a - b);
  const { p50Ms, p95Ms, p99Ms, maxMs } = percentilesOf(...sketches.map((sketch) => sketch.snapshot().recent));
  for (const [ratio, found] of [[0.5, p50Ms], [0.95, p95Ms], [0.99, p99Ms], [1, maxMs]] as const) {
    const exact = times[Math.ceil(ratio * times.length) - 1]!;
    assertLess(Math.abs(found! - exact) / exact, 0.01, `${ratio}`);
  }
  assertEquals(percentilesOf(), { p50Ms: null, p95Ms: null, p99Ms: null, maxMs: null });
});
