import { assertEquals, assertGreater } from "@std/assert";
import fc from "npm:fast-check@4.3.0";
import { Sampler } from "../../src/lib/sampler.ts";
import { seededRandom } from "../_support/seeded_random.ts";

function draw(ratio: number, count: number, seed = 1): boolean[] {
  const sampler = new Sampler(ratio, seededRandom(seed));
  return Array.from({ length: count }, () => sampler.next());
}

Deno.test("Sampler selects the exact ratio of any number of requests", () => {
  fc.assert(fc.property(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 3_000 }),
    fc.integer(),
    (ratio, count, seed) => {
      const sampled = draw(ratio, count, seed).filter((isSampled) => isSampled).length;
      return Math.abs(sampled - ratio * count) <= 2;
    },
  ));
  assertEquals(draw(0, 1_000).includes(true), false);
  assertEquals(draw(1, 1_000).includes(false), false);
});

Deno.test("Sampler selects one of ten in a row at 10 %, at random positions", () => {
  const sampled = draw(0.1, 10_000);
  const counts = Array.from(
    { length: 10 },
    (_, position) => sampled.filter((is, at) => is && at % 10 === position).length,
  );
  for (const count of counts) assertGreater(count, 50);
  assertEquals(sampled.filter((isSampled) => isSampled).length, 1_000);
});
