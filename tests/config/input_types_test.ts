/** The public input types refuse what the validator refuses, as far as TypeScript can. `deno check` is the test. */

import { assertEquals, assertThrows } from "@std/assert";

import {
  conductor,
  ConfigError,
  type ConfigInput,
  createConductor,
  defineConfig,
  type ServiceInput,
} from "../../mod.ts";

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

const name = "b";
const url = "http://b";

function refuses(service: ServiceInput, field: string): void {
  assertThrows(() => conductor({ services: [...services, service] }), ConfigError, `services[1].${field}`);
}

Deno.test("roles that exclude each other are errors of the types and of the validator", () => {
  // @ts-expect-error: clients never get the response of a shadow.
  refuses({ name, url, primary: true, shadow: true }, "shadow");
  // @ts-expect-error: a control is compared with the primary.
  refuses({ name, url, primary: true, control: true }, "control");
  // @ts-expect-error: other services are compared with the primary.
  refuses({ name, url, primary: true, compare: true }, "compare");
  // @ts-expect-error: `false` is not the same as absence.
  refuses({ name, url, primary: true, compare: false }, "compare");
  // @ts-expect-error: other services are compared with the primary.
  refuses({ name, url, primary: true, compare: { arrays: "unordered" } }, "compare");
  // @ts-expect-error: clients never wait for a shadow.
  refuses({ name, url, shadow: true, hedge: true }, "hedge");
  // @ts-expect-error: clients never wait for a shadow.
  refuses({ name, url, shadow: true, sample: 0.5, hedge: {} }, "hedge");
});

Deno.test("fields of shadows in other services are errors of the types and of the validator", () => {
  // @ts-expect-error: not a shadow.
  refuses({ name, url, sample: "10%" }, "sample");
  // @ts-expect-error: not a shadow.
  refuses({ name, url, ramp: { over: "1h" } }, "ramp");
  // @ts-expect-error: not a shadow.
  refuses({ name, url, methods: "GET" }, "methods");
  // @ts-expect-error: not a shadow.
  refuses({ name, url, maxInFlight: 5 }, "maxInFlight");
  // @ts-expect-error: not a shadow.
  refuses({ name, url, primary: true, maxRate: 5 }, "maxRate");
  // @ts-expect-error: not a shadow.
  refuses({ name, url, primary: false, maxBodySize: "1MiB" }, "maxBodySize");
  // @ts-expect-error: not a shadow.
  refuses({ name, url, shadow: false, sample: "10%" }, "sample");
  // @ts-expect-error: not a shadow.
  refuses({ name, url, shadow: false, body: false }, "body");
  // @ts-expect-error: not a shadow.
  refuses({ name, url, shadow: false, credentials: true }, "credentials");
});

Deno.test("each field of a role is valid in a service of this role", () => {
  const valid: readonly ServiceInput[] = [
    { name: "p", url, primary: true, shadow: false, control: false, hedge: true },
    { name: "s", url, primary: false, shadow: false, control: true, compare: {}, hedge: { after: "50ms" } },
    { name: "t", url, compare: false, hedge: false },
    { name: "u", url, shadow: true, primary: false, hedge: false, compare: true, control: true },
    { name: "v", url, shadow: true, sample: "10%", ramp: { over: "1h" }, methods: "GET", maxInFlight: 5, maxRate: 5 },
    { name: "w", url, shadow: true, maxBodySize: "1MiB", credentials: false, compare: false },
    { name: "x", url, shadow: true, body: false },
  ];
  for (const service of valid) conductor({ services: [...services, service] });
});

Deno.test("services in variables without a type are valid, although TypeScript infers boolean for their roles", () => {
  const main = { name: "a", url, primary: true };
  const mirror = { name: "b", url, shadow: true, compare: true };
  const list = [main, { name: "c", url, hedge: true }, { name: "b", url, shadow: true }];
  conductor({ services: [main, mirror] });
  conductor({ services: list });
  conductor({ services: ["a", "b"].map((name, index) => ({ name, url, primary: index === 0 })) });
  conductor({ services: ["a", "b"].map((name, index) => ({ name, url, shadow: index === 1 })) });
  const sampled = { name: "b", url, shadow: true, sample: "10%" } satisfies ServiceInput;
  conductor({ services: [main, sampled, { ...sampled, name: "c", maxRate: 5 }] });
});

Deno.test("defineConfig() refuses unknown fields, as conductor() does", () => {
  // @ts-expect-error: no such field.
  const timeout = defineConfig({ timout: "1s", services });
  assertThrows(() => conductor(timeout), ConfigError, "timout");
  // @ts-expect-error: no such field.
  const role = defineConfig({ services: [{ name, url, primry: true }] });
  assertThrows(() => conductor(role), ConfigError, "primry");
});
