/** The public input types refuse what the validator refuses, as far as TypeScript can. `deno check` is the test. */

import { assertEquals, assertThrows } from "@std/assert";

import { conductor, ConfigError, type ConfigInput, createConductor, type ServiceInput } from "../../mod.ts";

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

Deno.test("roles that exclude each other, and fields of other roles, are errors of the types and of the validator", () => {
  const url = "http://b";
  // @ts-expect-error: clients never get the response of a shadow.
  assertThrows(() => conductor({ services: [{ name: "b", url, primary: true, shadow: true }] }), ConfigError, "shadow");
  // @ts-expect-error: clients never wait for a shadow.
  const hedged: ServiceInput = { name: "b", url, shadow: true, hedge: true };
  assertThrows(() => conductor({ services: [...services, hedged] }), ConfigError, "hedge");
  // @ts-expect-error: only shadows are sampled.
  const sampled: ServiceInput = { name: "b", url, sample: "10%" };
  assertThrows(() => conductor({ services: [...services, sampled] }), ConfigError, "sample");
  // @ts-expect-error: only shadows have a maximum rate.
  const limited: ServiceInput = { name: "b", url, primary: true, maxRate: 5 };
  assertThrows(() => conductor({ services: [...services, limited] }), ConfigError, "maxRate");
});

Deno.test("services in variables without a type are valid, although TypeScript infers boolean for their roles", () => {
  const url = "http://b";
  const main = { name: "a", url, primary: true };
  const mirror = { name: "b", url, shadow: true, maxRate: 5 };
  const list = [main, { name: "c", url, hedge: true }, { name: "b", url, shadow: true }];
  conductor({ services: [main, mirror] });
  conductor({ services: list });
  conductor({ services: ["a", "b"].map((name, index) => ({ name, url, primary: index === 0 })) });
  conductor({ services: ["a", "b"].map((name, index) => ({ name, url, shadow: index === 1 })) });
  conductor({ services: [{ name: "a", url, primary: true, shadow: false }, { name: "b", url, primary: false }] });
});
