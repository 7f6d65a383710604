/** Validation of `hedge`, and its explanation. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { runCommandLine } from "../../src/cli/main.ts";
import type { HedgeSettings } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { tempConfig } from "../_support/cli_process.ts";
import { createTestIo } from "../_support/test_io.ts";

const A = { name: "a", url: "http://localhost:8081", primary: true };
const B = { name: "b", url: "http://localhost:8082", primary: true };
const C = { name: "c", url: "http://localhost:8083" };

function hedgeOf(hedge: unknown): HedgeSettings | undefined {
  return validateConfig({ services: [A, { ...B, hedge }] }).config.services[1]!.hedge;
}

function problemsOf(...services: readonly unknown[]): string[] {
  return assertThrows(() => validateConfig({ services }), ConfigError).problems.map(({ path, message }) =>
    `${path}: ${message}`
  );
}

const P95: HedgeSettings = { after: { kind: "percentile", quantile: 0.95 }, maxExtra: 0.1, unsafe: false };

// Columns: hedge as written; the settings.
const SETTINGS: readonly (readonly [hedge: unknown, settings: HedgeSettings | undefined])[] = [
  [undefined, undefined],
  [false, undefined],
  [true, P95],
  [{}, P95],
  [{ after: "p95" }, P95],
  [{ after: "P50" }, { ...P95, after: { kind: "percentile", quantile: 0.5 } }],
  [{ after: "p99.9" }, { ...P95, after: { kind: "percentile", quantile: 0.999 } }],
  [{ after: "50ms" }, { ...P95, after: { kind: "time", delayMs: 50 } }],
  [{ after: 0.05 }, { ...P95, after: { kind: "time", delayMs: 50 } }],
  [{ maxExtra: "100%", unsafe: true }, { ...P95, maxExtra: 1, unsafe: true }],
];

for (const [hedge, settings] of SETTINGS) {
  Deno.test(`hedge: ${JSON.stringify(hedge)} is accepted`, () => assertEquals(hedgeOf(hedge), settings));
}

const NEED =
  'must be a time from 1ms to 24h, in seconds or like "50ms", "2s", "30m", "1h", or a percentile from p50 to p99.9 such as "p95"';

// Columns: the services; the problems.
const PROBLEMS: readonly (readonly [services: readonly unknown[], problems: readonly string[]])[] = [
  [[A, { ...B, hedge: { after: "soon" } }], [`services[1].hedge.after: ${NEED}: found "soon"`]],
  [[A, { ...B, hedge: { after: 0 } }], [`services[1].hedge.after: ${NEED}: found 0`]],
  [[A, { ...B, hedge: { after: "p5" } }], [`services[1].hedge.after: ${NEED}: found "p5"`]],
  [
    [A, { ...B, hedge: { after: "p49" } }],
    ['services[1].hedge.after: must be a percentile from p50 to p99.9: found "p49"'],
  ],
  [
    [A, { ...B, hedge: { after: "p99.99" } }],
    ['services[1].hedge.after: must be a percentile from p50 to p99.9: found "p99.99"'],
  ],
  [
    [A, { ...B, hedge: { maxExtra: 2 } }],
    ['services[1].hedge.maxExtra: must be a ratio from 0 to 1, or a percentage like "10%": found 2'],
  ],
  [[A, { ...B, hedge: { delay: 1 } }], ["services[1].hedge.delay: unknown key"]],
  [[A, { ...B, hedge: 1 }], ["services[1].hedge: must be true, false or a mapping: found 1"]],
  [
    [A, { ...C, shadow: true, hedge: true }],
    ["services[1].hedge: cannot be combined with `shadow`: clients never get the response of a shadow"],
  ],
  [
    [{ ...A, hedge: true }, B],
    ['services[0].hedge: cannot be set for the first service of path "/": there is no earlier service to wait for'],
  ],
  [
    [{ ...C, shadow: true }, { ...A, hedge: true }],
    ['services[1].hedge: cannot be set for the first service of path "/": there is no earlier service to wait for'],
  ],
  [
    [A, { ...B, pathPrefix: ["/", "/x"], path: "/", hedge: true }],
    [
      'services[1].hedge: cannot be set for the first service of pathPrefix "/": there is no earlier service to wait for',
      'services[1].hedge: cannot be set for the first service of pathPrefix "/x": there is no earlier service to wait for',
    ],
  ],
];

for (const [services, problems] of PROBLEMS) {
  Deno.test(`validateConfig() reports ${problems[0]}`, () => assertEquals(problemsOf(...services), problems));
}

async function explain(...args: readonly string[]): Promise<string> {
  const services = [A, { ...B, hedge: true }, { ...C, hedge: { after: "50ms", unsafe: true } }];
  await using file = await tempConfig(JSON.stringify({ services }));
  const io = createTestIo();
  assertEquals(await runCommandLine(["explain", ...args, "--config", file.path], io), 0);
  return io.stdout.text;
}

Deno.test("explain shows which services are hedged, and their delays", async () => {
  const text = await explain("/x");
  assertStringIncludes(
    text,
    "hedge after the p95 of the services before it, then waited for up to 30 s, response used if first",
  );
  assertStringIncludes(text, "hedge after 50 ms, then waited for up to 30 s, fallback");
  assertStringIncludes(
    text,
    [
      "  Waits for a.",
      "  Sends the request to b if a has not responded within the p95 of the services before it, or has failed.",
      "  Sends the request to c if a and b have not responded within 50 ms, or all of them have failed.",
      "  Returns the first success of a and b, otherwise the success of c, otherwise 502.",
    ].join("\n"),
  );
});

Deno.test("explain shows methods that are not hedged", async () => {
  const text = await explain("POST", "/x");
  assertStringIncludes(text, "Sends the request to b only if a cannot be reached: POST is not hedged.");
  assertStringIncludes(
    text,
    "Sends the request to c if a and b have not responded within 50 ms, or all of them have failed.",
  );
});
