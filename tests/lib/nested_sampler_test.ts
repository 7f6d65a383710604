import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import { NestedSampler } from "../../src/lib/nested_sampler.ts";

const WINDOW = 1_000;

/** Takes the next samples, `true` for a request in the sample. */
function take(sampler: NestedSampler, ratio: number, count: number): boolean[] {
  return Array.from({ length: count }, () => sampler.next(ratio));
}

function sample(ratio: number, name: string, count: number): boolean[] {
  return take(new NestedSampler(name), ratio, count);
}

function countIn(sampled: readonly boolean[]): number {
  return sampled.filter(Boolean).length;
}

Deno.test("NestedSampler samples the ratio of any 1,000 consecutive requests, rounded up or down", () => {
  const ratios = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(0, 1e-6, 0.001, 0.07, 0.1, 0.29, 0.3, 1 / 3, 0.9999, 1),
  );
  fc.assert(
    fc.property(ratios, fc.string(), fc.nat(10_000), (ratio, name, from) => {
      const sampler = new NestedSampler(name);
      take(sampler, ratio, from);
      const exact = Math.round(ratio * 1e9) * WINDOW / 1e9;
      const count = countIn(take(sampler, ratio, WINDOW));
      assert(count === Math.floor(exact) || count === Math.ceil(exact), `${count} of ${WINDOW} at ${ratio}`);
    }),
  );
});

Deno.test("NestedSampler is exact in every window of 1,000, also after a change of the ratio", () => {
  const sampler = new NestedSampler("copy");
  take(sampler, 0.77, 123);
  const sampled = take(sampler, 0.1, 5_000);
  for (let from = 0; from + WINDOW <= sampled.length; from++) {
    assertEquals(countIn(sampled.slice(from, from + WINDOW)), 100);
  }
});

Deno.test("NestedSampler also spreads the ratio over short stretches", () => {
  for (const name of ["a", "b", "copy"]) {
    for (const [ratio, stretch] of [[0.1, 10], [0.5, 10], [0.9, 10], [0.25, 100], [0.01, 100]] as const) {
      const sampled = sample(ratio, name, 3 * WINDOW);
      for (let from = 0; from < sampled.length; from += stretch) {
        assertAlmostEquals(countIn(sampled.slice(from, from + stretch)), ratio * stretch, 1e-9);
      }
    }
  }
});

Deno.test("NestedSampler spreads a ratio below one in 1,000 over the thousands", () => {
  const sampled = sample(0.000_25, "copy", 400 * WINDOW);
  assertEquals(countIn(sampled), 100);
  for (let from = 0; from < sampled.length; from += 40 * WINDOW) {
    assertAlmostEquals(countIn(sampled.slice(from, from + 40 * WINDOW)), 10, 2);
  }
});

Deno.test("NestedSampler includes the requests of a smaller ratio", () => {
  const [few, more] = [sample(0.123, "copy", 2 * WINDOW), sample(0.4, "copy", 2 * WINDOW)];
  assert(few.every((sampled, index) => !sampled || more[index]));
});

// A page requests the same resources each time, so every tenth request would always be the same one.
for (const period of [2, 4, 5, 10, 20, 25, 50, 100]) {
  Deno.test(`NestedSampler samples the same ratio of each of ${period} repeated requests`, () => {
    for (const name of ["a", "b", "copy"]) {
      for (const ratio of [0.1, 0.5]) {
        const sampled = sample(ratio, name, WINDOW);
        for (let phase = 0; phase < period; phase++) {
          assertEquals(countIn(sampled.filter((_, index) => index % period === phase)), ratio * WINDOW / period);
        }
      }
    }
  });
}

for (const period of [3, 7, 8, 9, 11, 12]) {
  Deno.test(`NestedSampler leaves out none of ${period} repeated requests`, () => {
    const sampled = sample(0.1, "copy", 12 * WINDOW);
    for (let phase = 0; phase < period; phase++) {
      const own = sampled.filter((_, index) => index % period === phase);
      assertAlmostEquals(countIn(own) / own.length, 0.1, 0.08);
    }
  });
}

Deno.test("NestedSampler samples everything at 1 and nothing at 0", () => {
  for (const name of ["a", "b", "c", "copy"]) {
    assertEquals(countIn(sample(1, name, 2_100)), 2_100);
    assertEquals(countIn(sample(0, name, 2_100)), 0);
  }
});

Deno.test("NestedSampler samples different requests for different names", () => {
  const [one, other] = [sample(0.1, "v2", WINDOW), sample(0.1, "v3", WINDOW)];
  // The expected number is 10.
  assertAlmostEquals(countIn(one.map((sampled, index) => sampled && other[index]!)), 10, 10);
});
