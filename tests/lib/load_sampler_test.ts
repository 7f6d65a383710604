import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { LoadSampler } from "../../src/lib/load_sampler.ts";

const SECOND_MS = 1_000;

/** Offers items at a constant rate to a queue that has a tenth of the time, and `itemMs` of it for each item. */
class Simulation {
  timeMs = 0;
  waiting = 0;
  mostWaiting = 0;
  #creditMs = 0;
  readonly sampler = new LoadSampler({ ratio: 0.1, maxWaiting: 500, aimedWaiting: 50, now: () => this.timeMs });

  /** Returns the ratio of items that were selected, and the ratio of the time that was used. */
  run(seconds: number, { perSecond, itemMs }: { readonly perSecond: number; readonly itemMs: number }) {
    let [offered, selected, usedMs, due] = [0, 0, 0, 0];
    for (let ms = 0; ms < seconds * SECOND_MS; ms++, this.timeMs++) {
      for (due += perSecond / SECOND_MS; due >= 1; due--) {
        offered++;
        if (!this.sampler.next(this.waiting)) continue;
        selected++;
        this.waiting++;
      }
      this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
      for (this.#creditMs += 0.1; this.#creditMs > 0 && this.waiting > 0; this.#creditMs -= itemMs) {
        this.waiting--;
        usedMs += itemMs;
        this.sampler.used(itemMs, 1);
      }
      this.#creditMs = Math.min(this.#creditMs, 5);
    }
    return { selected: selected / offered, used: usedMs / (seconds * SECOND_MS) };
  }
}

Deno.test("LoadSampler selects all items while there is time for all", () => {
  const simulation = new Simulation();
  const { selected } = simulation.run(10, { perSecond: 900, itemMs: 0.1 });
  assertEquals(selected, 1);
  assertLess(simulation.mostWaiting, 50);
});

for (const perSecond of [2_000, 10_000]) {
  Deno.test(`LoadSampler uses all the time, and no more, for ${perSecond} items per second`, () => {
    const simulation = new Simulation();
    simulation.run(3, { perSecond, itemMs: 0.1 });
    assertLess(simulation.mostWaiting, 1_000);
    simulation.mostWaiting = 0;
    const { selected, used } = simulation.run(20, { perSecond, itemMs: 0.1 });
    assertAlmostEquals(selected, 1_000 / perSecond, 0.1 * 1_000 / perSecond);
    assertGreater(used, 0.09);
    assertLess(simulation.mostWaiting, 500);
  });
}

Deno.test("LoadSampler selects all items of a burst that fits into the queue", () => {
  const simulation = new Simulation();
  simulation.run(1, { perSecond: 1, itemMs: 5 });
  const { selected } = simulation.run(0.1, { perSecond: 5_000, itemMs: 5 });
  assertEquals(selected, 1);
});

Deno.test("LoadSampler selects all items again after the load has ended", () => {
  const simulation = new Simulation();
  simulation.run(5, { perSecond: 10_000, itemMs: 0.1 });
  assertLess(simulation.sampler.ratio, 0.2);
  simulation.run(5, { perSecond: 500, itemMs: 0.1 });
  assertEquals(simulation.sampler.ratio, 1);
});

Deno.test("LoadSampler selects items with equal probability, whatever they cost", () => {
  const simulation = new Simulation();
  simulation.run(5, { perSecond: 10_000, itemMs: 0.1 });
  // Expensive items at every tenth position: the same as in traffic that repeats itself.
  const counts = [0, 0];
  for (let item = 0; item < 50_000; item++) {
    if (simulation.sampler.next(50)) counts[item % 10 === 0 ? 1 : 0]!++;
  }
  const [plain, expensive] = counts as [number, number];
  assert(plain > 0 && expensive > 0);
  assertAlmostEquals(expensive / plain, 1 / 9, 0.02);
});
