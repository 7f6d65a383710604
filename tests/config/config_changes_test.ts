import { assert, assertEquals } from "@std/assert";
import type { ConfigInput, ServiceInput } from "@zeek/conductor";
import { configChanges } from "../../src/config/config_changes.ts";
import { validateConfig } from "../../src/config/validate.ts";

const A = { name: "a", url: "http://a.test" } as const;
const B = { name: "b", url: "http://b.test", path: "/b" } as const;

function changes(before: Partial<ConfigInput>, after: Partial<ConfigInput>): string[] {
  const config = (input: Partial<ConfigInput>) => validateConfig({ services: [A, B], ...input }).config;
  return configChanges(config(before), config(after));
}

function serviceChanges(more: Partial<ServiceInput>): string[] {
  return changes({}, { services: [{ ...A, ...more } as ServiceInput, B] });
}

const CASES: readonly (readonly [name: string, found: () => string[], expected: string[]])[] = [
  ["nothing", () => changes({}, {}), []],
  ["a default that is written", () => changes({}, { timeout: "30s" }), []],
  ["a field of the top level", () => changes({}, { identify: false }), ["identify"]],
  ["fields of sections", () => changes({}, { limits: { maxInFlight: 7 }, logging: { level: "warn" } }), [
    "limits.maxInFlight",
    "limits.maxUploads",
    "limits.maxTunnels",
    "logging.level",
  ]],
  ["a section that is new", () => changes({}, { admin: { port: 9 } }), ["admin"]],
  ["a field that services take over", () => changes({}, { timeout: "3s" }), ["timeout"]],
  ["the timeout of a service", () => serviceChanges({ timeout: "3s" }), ['service "a": timeout']],
  ["the address of a service", () => serviceChanges({ url: "http://c.test/base" }), ['service "a": url']],
  ["the header fields of a service", () => serviceChanges({ headers: { "x-a": "hunter2hunter2" } }), [
    'service "a": headers',
  ]],
  ["the pattern of a service", () => serviceChanges({ pathPrefix: "/a" }), ['service "a": path, pathPrefix']],
  ["the role of a service", () => serviceChanges({ primary: true }), []],
  [
    "a shadow",
    () => changes({ services: [A, { ...B, path: "/" }] }, { services: [A, { ...B, path: "/", shadow: true }] }),
    [
      'service "b": role, shadow',
    ],
  ],
  ["services that were added and removed", () => changes({}, { services: [A, { ...B, name: "c" }] }), [
    'added service "c"',
    'removed service "b"',
  ]],
  ["the order of services", () => changes({}, { services: [B, A] }), ["order of services"]],
];

for (const [name, found, expected] of CASES) {
  Deno.test(`configChanges() names ${name}`, () => assertEquals(found(), expected));
}

Deno.test("configChanges() names the field of a section of a service", () => {
  const health = (interval: `${number}s`) => ({ services: [{ ...A, health: { path: "/h", interval } }, B] });
  assertEquals(changes(health("3s"), health("4s")), ['service "a": health.interval']);
});

Deno.test("configChanges() is bounded, and has no values", () => {
  const services = Array.from({ length: 90 }, (_, index) => ({ name: `s${index}`, url: "http://user.test/hunter2" }));
  const found = changes({}, { services });
  assertEquals(found.length, 21);
  assertEquals(found.at(-1), "and 72 more");
  assert(!found.join().includes("hunter2"));
});
