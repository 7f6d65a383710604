/** Judgement of fields, by hand and on synthetic data. */

import { assert, assertEquals } from "@std/assert";
import { type FieldCounts, judgeFields } from "../../src/compare/judge_fields.ts";
import { simulate } from "../_support/noise_simulation.ts";

/** Parses "3/10 1/5": 3 of 10 comparisons with the service differ, and 1 of 5 of the primary with itself. */
function field(text: string, hasNoise = true): FieldCounts {
  const [service, noise] = text.split(" ").map((ratio) => {
    const [differing = 0, compared = 0] = ratio.split("/").map(Number);
    return { differing, compared };
  });
  return { service: service!, noise: noise!, hasNoise, isSameForm: false, isRepetition: false, isCollective: false };
}

const TIMESTAMP = "1000/1000 100/100";

const CASES: readonly (readonly [counts: string, judgement: string, why: string])[] = [
  ["5/5 0/5", "mismatch", "always differs, never by noise: five are enough"],
  ["4/4 0/4", "undecided", "four are not enough"],
  ["1000/1000 0/1", "mismatch", "one noise measurement is enough if all comparisons differ"],
  ["10/1000 0/1", "undecided", "one noise measurement is not enough if few comparisons differ"],
  ["1000/1000 1/1", "noise", "a timestamp, seen once"],
  [TIMESTAMP, "noise", "a timestamp"],
  ["100/1000 10/100", "noise", "the same rate"],
  ["50/1000 10/100", "noise", "a lower rate than the noise"],
  ["0/1000 10/100", "noise", "differs only by noise"],
  ["51000/100000 50000/100000", "noise", "significant, but within a fifth: Diffy's relative threshold"],
  ["80000/100000 50000/100000", "mismatch", "significant, and far above"],
  ["290/1000000 0/1000000", "undecided", "significant, but below 0.03 %: Diffy's absolute threshold"],
  ["310/1000000 0/1000000", "mismatch", "significant, and above it"],
];

for (const [counts, judgement, why] of CASES) {
  Deno.test(`judgeFields() judges ${counts} as ${judgement}: ${why}`, () => {
    assertEquals(judgeFields([field(counts)]), [judgement]);
  });
}

Deno.test("judgeFields() judges every difference as a mismatch without noise measurements", () => {
  assertEquals(judgeFields([field("1/1000 0/0", false), field(TIMESTAMP)]), ["mismatch", "noise"]);
});

Deno.test("judgeFields() does not excuse a field by noise if it stands for several fields", () => {
  assertEquals(judgeFields([{ ...field(TIMESTAMP), isCollective: true }]), ["undecided"]);
  assertEquals(judgeFields([{ ...field("5/5 0/5"), isCollective: true }]), ["mismatch"]);
});

Deno.test("judgeFields() requires more comparisons for more fields", () => {
  const timestamps = Array.from({ length: 20 }, () => field(TIMESTAMP));
  assertEquals(judgeFields([field("5/5 0/5"), ...timestamps])[0], "undecided");
  assertEquals(judgeFields([field("7/7 0/7"), ...timestamps])[0], "mismatch");
});

Deno.test("judgeFields() returns nothing for no fields", () => {
  assertEquals(judgeFields([]), []);
});

Deno.test("judgeFields() has false alarms in at most 1.5 % of the runs with 20 noisy fields, and none for timestamps", () => {
  for (const sizes of [[10, 10], [200, 20], [300, 300]] as const) {
    for (const noiseRate of [0.01, 0.1, 0.5]) {
      const { falseAlarms } = simulate({ noiseRate, sizes, seed: 7, runs: 400 });
      assert(falseAlarms <= 0.015, `${falseAlarms} at ${noiseRate}, ${sizes}`);
    }
    assertEquals(simulate({ noiseRate: 1, sizes, seed: 7, runs: 50 }).falseAlarms, 0);
  }
});

Deno.test("judgeFields() finds a regression that always differs with 10 comparisons among 20 noisy fields", () => {
  const { misses } = simulate({ noiseRate: 0.5, sizes: [10, 10], planted: [0, 1], seed: 8, runs: 400 });
  assertEquals(misses, 0);
});

Deno.test("judgeFields() misses a regression of 20 % in at most 2 % of the runs with 100 comparisons", () => {
  const { misses } = simulate({ noiseRate: 0.5, sizes: [100, 100], planted: [0, 0.2], seed: 9, runs: 400 });
  assert(misses <= 0.02, `${misses}`);
});
