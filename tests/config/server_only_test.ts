/** Fields that only conductor's own server applies, given to the handler inside another program. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { conductor, ConfigError, type ConfigInput } from "@zeek/conductor";
import { CONFIG } from "../../src/config/fields.ts";
import { type Field, type Fields, sectionIn } from "../../src/config/schema/section.ts";
import { validateConfig } from "../../src/config/validate.ts";

const SERVICE = { name: "v1", url: "http://localhost:8081", primary: true };
const CERTIFICATE = { cert: "-----BEGIN CERTIFICATE-----", key: "-----BEGIN PRIVATE KEY-----" };

function problemsOf(input: Record<string, unknown>): Record<string, string> {
  const error = assertThrows(() => conductor({ services: [SERVICE], ...input } as ConfigInput), ConfigError);
  return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]));
}

/** Paths of all fields that are marked, as `services[].health`. */
function markedPaths(fields: Fields = CONFIG.fields, prefix = ""): string[] {
  return Object.entries(fields).flatMap(([key, field]: [string, Field<unknown>]) => {
    const path = `${prefix}${key}${field.type.isList ? "[]" : ""}`;
    const inner = sectionIn(field.type);
    if (field.serverOnly !== undefined) return [path];
    return inner === undefined ? [] : markedPaths(inner.fields, `${path}.`);
  });
}

for (
  const [path, input, alternative] of [
    ["port", { port: 8080 }, /server that calls the handler/],
    ["hostname", { hostname: "127.0.0.1" }, /server that calls the handler/],
    ["tls", { tls: CERTIFICATE }, /certificate to the server that calls the handler/],
    ["shutdownTimeout", { shutdownTimeout: 0 }, /shut down the server/],
    ["logging", { logging: { level: "debug" } }, /`observe`/],
    ["admin", { admin: { port: 9090 } }, /`metrics\.enabled`/],
    ["compare.samples", { compare: { samples: "none" } }, /`compared`/],
    ["compare.endpoints[]", { compare: { endpoints: ["/users/{id}"] } }, /`compared`/],
    ["services[].health", { services: [{ ...SERVICE, health: { path: "/up" } }] }, /`breaker`/],
    ["services[].compare.samples", {
      compare: true,
      services: [SERVICE, { name: "v2", url: "http://localhost:8082", compare: { samples: "none" } }],
    }, /`compared`/],
    ["services[].compare.endpoints[]", {
      compare: true,
      services: [SERVICE, { name: "v2", url: "http://localhost:8082", compare: { endpoints: ["/users/{id}"] } }],
    }, /`compared`/],
  ] as const
) {
  Deno.test(`conductor() refuses ${path}, and names an alternative`, () => {
    const problems = problemsOf(input);
    const [[at, message]] = Object.entries(problems) as [[string, string]];
    assertEquals(Object.keys(problems).length, 1, JSON.stringify(problems));
    assertEquals(at.replace(/\[\d+\]/, "[]"), path.replace(/(?<!services)\[\]/, ""));
    assert(message.startsWith("is not supported by conductor(): "), message);
    assert(alternative.test(message), message);
    assert(markedPaths().includes(path), `${path} must be marked in fields.ts`);
  });
}

Deno.test("conductor() reports fields of a server together with all other problems", () => {
  const problems = problemsOf({ port: "x", timeout: -1, admin: { prt: 1 }, services: [{ ...SERVICE, url: "here" }] });
  assertEquals(Object.keys(problems).sort(), ["admin", "port", "services[0].url", "timeout"]);
});

Deno.test("conductor() accepts fields of a server that are absent, and every other field", () => {
  conductor({ port: undefined, admin: undefined, metrics: { enabled: true }, services: [SERVICE] } as never);
  conductor({ limits: { maxInFlight: 1 }, compare: true, trustProxy: ["10.0.0.0/8"], services: [SERVICE] });
});

Deno.test("the command line accepts the fields of a server", () => {
  const input = {
    port: 0,
    hostname: "127.0.0.1",
    shutdownTimeout: 0,
    logging: {},
    admin: { port: 0 },
    services: [SERVICE],
  };
  assertEquals(validateConfig(input).config.admin?.port, 0);
});
