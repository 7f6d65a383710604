import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { quantileOf, raceErrors, raceTimeOf, simulateTail, tailTable, timeOf } from "./simulate_tail.ts";

Deno.test("timeOf() has the documented median and tail", () => {
  assertAlmostEquals(timeOf(0.5), 20, 1e-6);
  // 90th percentile of the normal distribution: 1.2815515655446. The tail begins at the 95th.
  assertAlmostEquals(timeOf(0.9), 20 * Math.exp(0.5 * 1.2815515655446), 1e-6);
  assertAlmostEquals(timeOf(0.95), timeOf(0.949_999_999), 1e-5);
  assertAlmostEquals(timeOf(0.995) / timeOf(0.95), 10 ** (1 / 1.2), 1e-6);
  assertAlmostEquals(raceTimeOf(0.99), timeOf(0.9), 1e-9);
});

Deno.test("the simulated race fits its formula, and hedges cut the tail at the expected extra load", async () => {
  const results = await simulateTail(20_000, 7);
  const [one, race, p95, p99] = results as [typeof results[0], typeof results[0], typeof results[0], typeof results[0]];
  assertEquals(raceErrors(results), []);
  assertEquals([one.extraLoad, race.extraLoad], [0, 1]);
  assertGreater(p95.extraLoad, 0.03);
  assertLess(p95.extraLoad, 0.07);
  assertGreater(p99.extraLoad, 0.005);
  assertLess(p99.extraLoad, 0.02);
  assertLess(quantileOf(p95, 0.99), quantileOf(one, 0.99) / 2);
  assertLess(quantileOf(p99, 0.999), quantileOf(one, 0.999) / 2);
  assertAlmostEquals(quantileOf(p95, 0.5), quantileOf(one, 0.5), 0.5);
});

Deno.test("raceErrors() reports deviations from the formula", async () => {
  const [one, race] = await simulateTail(2_000, 7);
  const errors = raceErrors([{ ...one!, name: race!.name }]);
  assertGreater(errors.length, 2);
  assertStringIncludes(errors[0]!, "by the formula");
});

Deno.test("docs/explanation/tail-latency.md contains the table of the simulation", async () => {
  const page = await Deno.readTextFile("docs/explanation/tail-latency.md");
  const [, part = ""] = /<!-- tail:start -->([^]*?)<!-- tail:end -->/.exec(page) ?? [];
  const names = (table: string) =>
    table.trim().split("\n").map((line) => line.split("|")[1]?.replaceAll("-", "").trim());
  assertEquals(names(part), names(tailTable(await simulateTail(100, 1))));
  assert(page.includes("deno task simulate"));
});
