import { assert, assertEquals, assertThrows } from "@std/assert";
import { parse } from "@std/yaml/parse";
// deno-lint-ignore no-import-prefix
import { Ajv2020 } from "npm:ajv@8.17.1/dist/2020.js";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { configSchema } from "../../src/config/schema/reference.ts";
import { validateConfig } from "../../src/config/validate.ts";

const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
const fits = ajv.compile(configSchema());

const API = { name: "api", url: "http://localhost:8081" };

function top(fields: Record<string, unknown>): unknown {
  return { services: [API], ...fields };
}

function service(fields: Record<string, unknown>): unknown {
  return { services: [{ ...API, ...fields }] };
}

/** Valid for both. */
const VALID: unknown[] = [
  top({}),
  top({ $schema: "https://example.com/schema.json", port: 0, hostname: "::1", wait: "primary", identify: false }),
  top({
    port: "8080",
    identify: "yes",
    timeout: "1.5s",
    shutdownDelay: 0,
    shutdownTimeout: 0,
    maxBodySize: "10 MiB",
    bodyWindow: 65_536,
  }),
  top({ failOn: [], trustProxy: "10.0.0.0/8" }),
  top({ failOn: ["5xx", 429, "500-503"], trustProxy: ["::1"] }),
  top({ logging: { level: "fatal", format: "json", output: "file", file: "x", includeCaller: true, timeFormat: "x" } }),
  top({ metrics: { enabled: true, endpoint: "/metrics", enablePrometheus: false } }),
  service({ primary: true, pathPrefix: "/api", pathExact: ["/a", "/b/"], path: "/", weight: 1 }),
  service({ url: "https://[::1]:8443/base/", host: "preserve", timeout: 0.5, failOn: 500, stripPrefix: true }),
  service({ headers: { A: "b", C: 1, D: true, E: "" }, removeHeaders: "cookie", responseHeaders: {} }),
  service({ breaker: true }),
  service({ health: { path: "/up?a=b", interval: "1s", timeout: 1, healthyAfter: 1, expect: ["2xx", 301] } }),
  service({ breaker: { failures: 5, window: "10", openFor: "5s", maxOpenFor: 60 } }),
  service({ shadow: false, removeHeaders: ["cookie", "authorization"], name: 7 }),
  shadow({ sample: "10%", methods: "GET", maxInFlight: 5, maxRate: 0.5, maxBodySize: "1MiB", credentials: false }, {
    safeShadows: true,
  }),
  shadow({ sample: { rate: 0.5, by: "cookie:sid" }, ramp: { from: ".1", over: "30m" }, body: false }),
  shadow({ sample: { by: "ip" }, ramp: { to: "50 %", over: 60 }, methods: ["GET", "purge"], maxRate: "10" }),
];

/** A configuration with a shadow and one other service. */
function shadow(fields: Record<string, unknown>, more: Record<string, unknown> = {}): unknown {
  return { ...more, services: [API, { name: "copy", url: "http://localhost:8082", shadow: true, ...fields }] };
}

/** Valid for the schema, which applies before placeholders are resolved. */
const PLACEHOLDERS: unknown[] = [
  top({ port: "${env:PORT}", identify: "${env:ON}", timeout: "${env:TIME}", maxBodySize: "${env:SIZE}" }),
  top({ wait: "${env:WAIT}", failOn: "${env:CODES}", logging: { level: "${env:LEVEL}" } }),
  service({ url: "${env:URL}", host: "${env:HOST}", health: { path: "${env:PATH}" } }),
  service({ headers: { Authorization: "Bearer ${file:/run/secrets/token}" } }),
  shadow({ sample: "${env:SHARE}", maxRate: "${env:RATE}", maxInFlight: "${env:MAX}" }),
  shadow({ sample: { rate: "${env:SHARE}", by: "ip" }, ramp: { to: "${env:SHARE}", over: "${env:TIME}" } }),
];

/** Invalid for both. */
const INVALID: unknown[] = [
  ...["name", "path", "pathPrefix", "pathExact", "removeHeaders"].map((key) => service({ [key]: "/${env:NAME}" })),
  service({ pathPrefix: ["/a", "/${file:name}"] }),
  shadow({ methods: "${env:METHOD}" }),
  shadow({ sample: { by: "header:${env:NAME}" } }),
  top({ metrics: { endpoint: "/${env:NAME}" } }),
  ...["headers", "ignore", "redact", "arrays", "endpoints"].map((key) => top({ compare: { [key]: "$.${env:NAME}" } })),
  ...["pattern", "replacement", "path"].map((key) =>
    top({ compare: { normalise: [{ pattern: "x", [key]: "$.${env:NAME}" }] } })
  ),
  null,
  [],
  {},
  { services: [] },
  { services: {} },
  { services: [7] },
  { services: [{ name: "a" }] },
  { services: [{ url: "http://a" }] },
  ...[-1, 65_536, 80.5, "80a", "080", true, [80]].map((port) => top({ port })),
  ...[0, -1, 86_401, "2 days", "fast", "-1s", true].map((timeout) => top({ timeout })),
  ...[-1, "x"].map((shutdownTimeout) => top({ shutdownTimeout })),
  ...[0, 0.5, "10Mb", "10 M"].map((maxBodySize) => top({ maxBodySize })),
  ...[1_024, 2 ** 31].map((bodyWindow) => top({ bodyWindow })),
  ...["al", "none", 1].map((wait) => top({ wait })),
  ...[199, 600, "6xx", "500-", ["x"], {}].map((failOn) => top({ failOn })),
  ...["maybe", 1, []].map((identify) => top({ identify })),
  ...[-0.1, 1.1, "ten", "-1%", true, [], {}, { rate: 1 }, { by: "user" }, { by: "ip", of: 1 }].map((sample) =>
    shadow({ sample })
  ),
  ...[0.5, {}, { over: 0 }, { over: 60, from: 2 }, { over: 60, till: 1 }].map((ramp) => shadow({ ramp })),
  ...[[], "GET /", 7].map((methods) => shadow({ methods })),
  ...[0, "all", -1].map((maxInFlight) => shadow({ maxInFlight })),
  ...[0, "fast", true].map((maxRate) => shadow({ maxRate })),
  ...[-1, "big"].map((maxBodySize) => shadow({ maxBodySize })),
  shadow({ body: "none" }),
  shadow({ credentials: 1 }),
  top({ safeShadows: "GET" }),
  top({ prot: 80 }),
  top({ hostname: 7 }),
  top({ trustProxy: [7] }),
  top({ logging: "info" }),
  top({ logging: { level: "verbose" } }),
  top({ logging: { levl: "info" } }),
  top({ metrics: { enabled: "maybe" } }),
  ...["metrics", "", "/a?b", "/a b", 7, []].map((endpoint) => top({ metrics: { endpoint } })),
  ...[5, "sometimes", [], { failures: 0 }, { openFor: 0 }, { fails: 1 }].map((breaker) => service({ breaker })),
  ...[true, {}, { path: "up" }, { path: "/#" }, { path: "/ü" }, { path: "/", interval: 0 }, { path: "/", expect: [] }]
    .map((health) => service({ health })),
  ...["", " a", "a ", "ä", "a\nb", "x".repeat(129), [], {}].map((name) => service({ name })),
  ...["localhost", "ftp://x", "http://", "http://a:b@x", "http://x?a", "http://x#a", "http://x y", 7].map((url) =>
    service({ url })
  ),
  ...["api", "", "/a?b", "/a b", "/a\\b", 7, ["/a", "b"], []].map((pathPrefix) => service({ pathPrefix })),
  service({ pathPrefx: "/api" }),
  ...["Host", "host", "CONNECTION", "te", "Transfer-Encoding", "Content-Length", "a b", ""].map((name) =>
    service({ headers: { [name]: "x" } })
  ),
  ...["a\nb", " a", "a ", "é", "a\0", ["x"], {}].map((value) => service({ responseHeaders: { A: value } })),
  service({ headers: ["A: b"] }),
  service({ removeHeaders: ["a b"] }),
  service({ host: 7 }),
  service({ weight: "heavy" }),
];

/** Invalid for the validator only: a schema cannot express these rules, or editors could not explain them. */
const BEYOND_SCHEMA: unknown[] = [
  { services: [API, API] },
  service({ shadow: true }),
  service({ primary: true, shadow: true }),
  top({ port: "99999" }),
  top({ timeout: "25h" }),
  top({ failOn: "503-500" }),
  top({ trustProxy: "10.0.0.0/33" }),
  top({ hostname: "localhost:80" }),
  service({ host: "a b" }),
  service({ headers: { a: "1", A: "2" } }),
  service({ pathPrefix: "/a/..%2fb" }),
];

function isValid(input: unknown): boolean {
  try {
    validateConfig(input);
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return false;
  }
}

Deno.test("configSchema() is a schema, with a description of every field", () => {
  const seen: string[] = [];
  const visit = (schema: Record<string, unknown>, path: string) => {
    for (const [key, field] of Object.entries(schema.properties ?? {}) as [string, Record<string, unknown>][]) {
      assert(typeof field.description === "string" && field.description.endsWith("."), `${path}${key}`);
      seen.push(path + key);
      visit(field, `${path}${key}.`);
      if (typeof field.items === "object") visit(field.items as Record<string, unknown>, `${path}${key}[].`);
    }
  };
  visit(configSchema(), "");
  assert(["port", "services", "services[].pathPrefix", "logging.level"].every((path) => seen.includes(path)));
});

Deno.test("configSchema() is plain JSON", () => {
  assertEquals(JSON.parse(JSON.stringify(configSchema())), configSchema());
});

Deno.test("configSchema() accepts everything that the validator accepts", () => {
  for (const input of VALID) {
    validateConfig(input);
    assert(fits(input), `${JSON.stringify(input)}: ${ajv.errorsText(fits.errors)}`);
  }
});

Deno.test("configSchema() accepts files with placeholders", () => {
  for (const input of PLACEHOLDERS) {
    assert(fits(input), `${JSON.stringify(input)}: ${ajv.errorsText(fits.errors)}`);
  }
});

Deno.test("configSchema() rejects what the validator rejects", () => {
  for (const input of INVALID) {
    assertEquals([isValid(input), fits(input)], [false, false], JSON.stringify(input));
  }
});

Deno.test("configSchema() leaves rules that it cannot express to the validator", () => {
  for (const input of BEYOND_SCHEMA) {
    assertThrows(() => validateConfig(input), ConfigError);
    assert(fits(input), JSON.stringify(input));
  }
});

Deno.test("configSchema() accepts every configuration in examples/", async () => {
  const names: string[] = [];
  for await (const { name } of Deno.readDir("examples")) if (/\.(?:ya?ml|json)$/.test(name)) names.push(name);
  assert(names.includes("config.yaml"));
  for (const name of names) {
    const input = parse(await Deno.readTextFile(`examples/${name}`), { schema: "core" });
    assert(fits(input), `${name}: ${ajv.errorsText(fits.errors)}`);
  }
});
