import { assertEquals, assertMatch } from "@std/assert";

import { adviseOn, warnOfLoops } from "../../src/config/advice.ts";
import { validateConfig } from "../../src/config/validate.ts";

const A = { name: "a", url: "http://10.0.0.1", primary: true };
const B = { name: "b", url: "http://10.0.0.2" };
const SHADOW = { name: "m", url: "https://10.0.0.3", shadow: true };

/** Columns: the case; the configuration; patterns of the advice. */
const ADVICE: [name: string, config: Record<string, unknown>, advice: RegExp[]][] = [
  ["nothing for a primary alone", { services: [A] }, []],
  ["wait: all beside a secondary", { services: [A, B] }, [
    /^wait: clients of path "\/" wait for the slowest of "a" and "b"/,
  ]],
  ["nothing with wait: primary", { wait: "primary", services: [A, B] }, []],
  ["nothing for a hedge, which is sent only if it can be faster", { services: [A, { ...B, hedge: true }] }, []],
  [
    "the number of further routes",
    { services: [{ ...A, path: ["/a", "/b", "/c"] }, { ...B, path: ["/a", "/b", "/c"] }] },
    [/, and so on 2 more routes;/],
  ],
  ["shadows that get all methods", { services: [A, SHADOW] }, [/^services: the shadow "m" gets all methods/]],
  ["nothing with safeShadows", { safeShadows: true, services: [A, SHADOW] }, []],
  ["nothing for a shadow with methods", { services: [A, { ...SHADOW, methods: ["GET", "POST"] }] }, []],
];

for (const [name, config, advice] of ADVICE) {
  Deno.test(`adviseOn() returns ${name}`, () => {
    const found = adviseOn(validateConfig(config).config);
    assertEquals(found.length, advice.length, found.join("\n"));
    for (const [index, pattern] of advice.entries()) assertMatch(found[index]!, pattern);
  });
}

/** Columns: host to listen on; URL of a service; whether it leads back to the listener on port 8080. */
const LOOPS: [hostname: string, url: string, isLoop: boolean][] = [
  ["0.0.0.0", "http://localhost:8080", true],
  ["0.0.0.0", "http://127.0.0.1:8080/base", true],
  ["0.0.0.0", "http://0.0.0.0:8080", true],
  ["0.0.0.0", "http://[::1]:8080", false],
  ["0.0.0.0", "http://localhost:8081", false],
  ["0.0.0.0", "http://localhost", false],
  ["0.0.0.0", "http://api.internal:8080", false],
  ["::", "http://[::1]:8080", true],
  ["::", "http://127.0.0.1:8080", true],
  ["localhost", "http://127.0.0.1:8080", true],
  ["127.0.0.1", "http://127.0.0.2:8080", false],
  ["10.0.0.5", "http://10.0.0.5:8080", true],
  ["10.0.0.5", "http://localhost:8080", false],
  ["API.internal", "http://api.internal:8080", true],
];

for (const [hostname, url, isLoop] of LOOPS) {
  Deno.test(`warnOfLoops() ${isLoop ? "warns" : "does not warn"} of ${url} behind a listener on ${hostname}`, () => {
    const { config } = validateConfig({ hostname, services: [{ name: "a", url }] });
    assertEquals(warnOfLoops(config).length, isLoop ? 1 : 0);
  });
}

Deno.test("warnOfLoops() warns of a service that is the admin listener", () => {
  const { config } = validateConfig({ admin: { port: 9090 }, services: [{ name: "a", url: "http://localhost:9090" }] });
  assertMatch(warnOfLoops(config)[0] ?? "", /^services\[0\]\.url: "a" is conductor's admin listener/);
});
