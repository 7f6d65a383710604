/** Validation of the fields of shadows. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ConfigInput, ServiceInput } from "@zeek/conductor";
import type { ShadowPolicy } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { SHADOW_FIELDS } from "../../src/config/fields.ts";
import { validateConfig } from "../../src/config/validate.ts";

const MAIN = { name: "main", url: "http://localhost:8081" };

type Fields = Readonly<Record<string, unknown>>;

function withShadow(fields: Fields, top: Fields = {}): unknown {
  return {
    ...top,
    services: [{ ...MAIN, primary: true }, { name: "copy", url: "http://localhost:8082", shadow: true, ...fields }],
  };
}

function controls(fields: Fields, top: Fields = {}): ShadowPolicy | undefined {
  return validateConfig(withShadow(fields, top)).config.services[1]!.shadow;
}

function problemsOf(input: unknown): string[] {
  return assertThrows(() => validateConfig(input), ConfigError).message.split("\n");
}

const DEFAULTS: ShadowPolicy = {
  sampleRate: 1,
  sampleKey: undefined,
  ramp: undefined,
  methods: undefined,
  maxInFlight: 64,
  maxPerSecond: Infinity,
  maxBodyBytes: Infinity,
  body: true,
  credentials: true,
};

Deno.test("a shadow mirrors everything, 64 requests at once; other services have no policy", () => {
  assertEquals(controls({}), DEFAULTS);
  assertEquals(validateConfig({ services: [MAIN] }).config.services[0]!.shadow, undefined);
});

// Columns: the fields of a shadow; the policy other than the defaults.
const READ: readonly (readonly [fields: Fields, controls: Partial<ShadowPolicy>])[] = [
  [{ sample: 0.25 }, { sampleRate: 0.25 }],
  [{ sample: "0.25" }, { sampleRate: 0.25 }],
  [{ sample: "12.5 %" }, { sampleRate: 0.125 }],
  [{ sample: "100%" }, { sampleRate: 1 }],
  [{ sample: 0 }, { sampleRate: 0 }],
  [{ sample: { rate: "10%", by: "header:X-User" } }, {
    sampleRate: 0.1,
    sampleKey: { kind: "header", name: "x-user" },
  }],
  [{ sample: { by: "cookie:SID" } }, { sampleKey: { kind: "cookie", name: "SID" } }],
  [{ sample: { by: "ip" } }, { sampleKey: { kind: "ip" } }],
  [{ ramp: { over: "30m" } }, { ramp: { from: 0, to: 1, overMs: 1_800_000 } }],
  [{ ramp: { from: "1%", to: 0.5, over: 60 } }, { sampleRate: 0.5, ramp: { from: 0.01, to: 0.5, overMs: 60_000 } }],
  [{ sample: 0.2, ramp: { over: 60 } }, { sampleRate: 0.2, ramp: { from: 0, to: 0.2, overMs: 60_000 } }],
  [{ sample: { by: "ip" }, ramp: { to: 0.5, over: 60 } }, {
    sampleRate: 0.5,
    sampleKey: { kind: "ip" },
    ramp: { from: 0, to: 0.5, overMs: 60_000 },
  }],
  [{ methods: "get" }, { methods: ["GET"] }],
  [{ methods: ["GET", "Post"] }, { methods: ["GET", "POST"] }],
  [{ maxInFlight: 5, maxRate: 0.5, maxBodySize: "64KiB" }, { maxInFlight: 5, maxPerSecond: 0.5, maxBodyBytes: 65_536 }],
  [{ maxRate: "100", body: false }, { maxPerSecond: 100, body: false }],
];

for (const [fields, expected] of READ) {
  Deno.test(`validateConfig() reads ${JSON.stringify(fields)} of a shadow`, () => {
    assertEquals(controls(fields), { ...DEFAULTS, ...expected });
  });
}

Deno.test("safeShadows gives shadows the safe methods, unless they name their own", () => {
  assertEquals(controls({}, { safeShadows: true })!.methods, ["GET", "HEAD", "OPTIONS"]);
  assertEquals(controls({ methods: "POST" }, { safeShadows: true })!.methods, ["POST"]);
  assertEquals(validateConfig({ safeShadows: true, services: [MAIN] }).config.services[0]!.shadow, undefined);
});

const COPY = "services[1]";
const SHARE = 'must be a ratio from 0 to 1, or a percentage like "10%"';
const KEY = 'must be "header:NAME", "cookie:NAME" or "ip"';

// Columns: the fields of a shadow; the problem.
const WRONG: readonly (readonly [fields: Fields, problem: string])[] = [
  [{ sample: 1.1 }, `${COPY}.sample: ${SHARE}: found 1.1`],
  [{ sample: 10 }, `${COPY}.sample: ${SHARE}: found 10`],
  [{ sample: "101%" }, `${COPY}.sample: ${SHARE}: found "101%"`],
  [{ sample: NaN }, `${COPY}.sample: ${SHARE}: found NaN`],
  [{ sample: { rate: -1, by: "ip" } }, `${COPY}.sample.rate: ${SHARE}: found -1`],
  [{ sample: { rate: 1 } }, `${COPY}.sample.by: is required`],
  [{ sample: { by: "user" } }, `${COPY}.sample.by: ${KEY}: found "user"`],
  [{ sample: { by: "header:" } }, `${COPY}.sample.by: ${KEY}: found "header:"`],
  [{ sample: { by: "cookie:a;b" } }, `${COPY}.sample.by: ${KEY}: found "cookie:a;b"`],
  [{ methods: [] }, `${COPY}.methods: must have at least one method: found an empty list`],
  [{ methods: ["GET /"] }, `${COPY}.methods[0]: must be a method, like GET or POST: found "GET /"`],
  [{ maxInFlight: 0 }, `${COPY}.maxInFlight: must be a whole number from 1 to 1000000: found 0`],
  [{ maxRate: 0 }, `${COPY}.maxRate: must be a number per second from 0.001 to 1000000: found 0`],
  [{ maxRate: "10/s" }, `${COPY}.maxRate: must be a number per second from 0.001 to 1000000: found "10/s"`],
  [{ ramp: {} }, `${COPY}.ramp.over: is required`],
  [
    { sample: 0.5, ramp: { to: 1, over: 60 } },
    `${COPY}.ramp.to: cannot be combined with a ratio in \`sample\`: the ramp ends at that ratio`,
  ],
  [
    { ramp: { from: 0.5, to: 0.4, over: 60 } },
    `${COPY}.ramp.from: must be at most the ratio at the end of the ramp`,
  ],
  [
    { body: false, maxBodySize: 1 },
    `${COPY}.maxBodySize: cannot be combined with \`body: false\`: no body is mirrored`,
  ],
];

for (const [fields, problem] of WRONG) {
  Deno.test(`validateConfig() rejects ${JSON.stringify(fields)} of a shadow`, () => {
    assertEquals(problemsOf(withShadow(fields)), [problem]);
  });
}

const ONE_OF_EACH: Required<Pick<ServiceInput, keyof typeof SHADOW_FIELDS>> = {
  sample: 1,
  ramp: { over: 60 },
  methods: "GET",
  maxInFlight: 64,
  maxRate: 1,
  maxBodySize: 1,
  body: true,
  credentials: true,
};

Deno.test("validateConfig() rejects each field of shadows if the service is not a shadow", () => {
  assertEquals(Object.keys(ONE_OF_EACH), Object.keys(SHADOW_FIELDS));
  for (const primary of [true, false]) {
    assertEquals(
      problemsOf({ services: [{ ...MAIN, primary, ...ONE_OF_EACH }] }),
      Object.keys(SHADOW_FIELDS).map((key) => `services[0].${key}: requires \`shadow: true\``),
    );
  }
});

Deno.test("validateConfig() does not treat a misspelt shadow as another service", () => {
  assertEquals(problemsOf(withShadow({ shadow: "yess", sample: 0.5 })), [
    'services[1].shadow: must be true or false: found "yess"',
  ]);
});

Deno.test("body: false drops the fields that describe a body, and does not change removeHeaders", () => {
  const dropped = (fields: Fields) => validateConfig(withShadow(fields)).config.services[1]!.removeHeaders;
  assertEquals(dropped({ credentials: false, removeHeaders: "x-mine" }), ["x-mine"]);
  assert(dropped({ body: false }).includes("content-encoding"));
});

// Columns: the URL and the fields of a shadow; whether there is a warning.
const WARNED: readonly (readonly [url: string, fields: Fields, isWarned: boolean])[] = [
  ["http://staging.example", {}, true],
  ["http://10.0.0.7:8080/base", { credentials: true }, true],
  ["http://127.0.0.1.example", {}, true],
  ["http://localhost.example", {}, true],
  ["http://[::2]", {}, true],
  ["http://staging.example", { removeHeaders: ["cookie"] }, true],
  ["http://staging.example", { removeHeaders: ["Cookie", "Authorization"] }, false],
  ["http://staging.example", { credentials: false }, false],
  ["https://staging.example", {}, false],
  ["http://localhost:8081", {}, false],
  ["http://v2.localhost", {}, false],
  ["http://127.1.2.3", {}, false],
  ["http://[::1]:80", {}, false],
];

for (const [url, fields, isWarned] of WARNED) {
  Deno.test(`a shadow at ${url} with ${JSON.stringify(fields)} ${isWarned ? "gives" : "does not give"} a warning`, () => {
    const warning = "services[1].url: shadow requests send client credentials unencrypted to another machine: " +
      "use https, or `credentials: false`";
    assertEquals(validateConfig(withShadow({ url, ...fields })).warnings, isWarned ? [warning] : []);
  });
}

Deno.test("a service that is not a shadow may be on another host over plain http without a warning", () => {
  const input: ConfigInput = { services: [{ name: "main", url: "http://main.example" }] };
  assertEquals(validateConfig(input).warnings, []);
});
