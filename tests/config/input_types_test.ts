/** The public input types refuse what the validator refuses, as far as TypeScript can. `deno check` is the test. */

import { assertEquals, assertThrows } from "@std/assert";

import { conductor, ConfigError, type ConfigInput, createConductor } from "../../mod.ts";

const services: ConfigInput["services"] = [{ name: "a", url: "http://localhost:8081" }];

Deno.test("times, sizes, ratios and choices of the wrong form are errors of the types and of the validator", () => {
  // @ts-expect-error: the unit is unknown.
  assertThrows(() => conductor({ timeout: "30 seconds", services }), ConfigError, "timeout");
  // @ts-expect-error: the unit is unknown.
  assertThrows(() => conductor({ timeout: "1d", services }), ConfigError, "timeout");
  // @ts-expect-error: the unit is unknown.
  assertThrows(() => conductor({ maxBodySize: "10 MBytes", services }), ConfigError, "maxBodySize");
  // @ts-expect-error: a ratio is a number or a percentage.
  assertThrows(() => conductor({ compare: { sample: "half" }, services }), ConfigError, "compare.sample");
  // @ts-expect-error: no such choice.
  assertThrows(() => conductor({ wait: "none", services }), ConfigError, "wait");
  // @ts-expect-error: no such field.
  assertThrows(() => conductor({ timout: "1s", services }), ConfigError, "timout");
  // @ts-expect-error: a percentile begins with p.
  const hedge = () => conductor({ services: [...services, { name: "b", url: "http://b", hedge: { after: "q95" } }] });
  assertThrows(hedge, ConfigError, "hedge.after");
});

Deno.test("times, sizes, ratios and URLs of every form are valid", async () => {
  const forms: readonly ConfigInput[] = [
    { timeout: 2, services },
    { timeout: "2", services },
    { timeout: "1.5 s", services },
    { timeout: "50ms", maxBodySize: "10MiB", bodyWindow: "64 KiB", services },
    { compare: { sample: "10%", noiseSample: 0.5 }, services },
    { services: [...services, { name: "b", url: new URL("http://b/base/"), hedge: { after: "p99.9" } }] },
  ];
  for (const form of forms) conductor(form);
  await using embedded = createConductor({ services: [{ name: "b", url: new URL("http://b/base/") }] });
  assertEquals(embedded.report(), undefined);
});
