import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { ConfigError } from "../../src/config/read/config_error.ts";
import { readConfig } from "../../src/config/read/read.ts";
import { validateConfig } from "../../src/config/validate.ts";

const FILES: Readonly<Record<string, string>> = {
  "bad.pem": "not a certificate\n",
  "encrypted.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
  "empty": "\n",
};
const VARIABLES: Readonly<Record<string, string>> = { PORT: "8090", EMPTY: "", SECRET: "hunter2hunter2" };

async function validate(text: string) {
  const { value, source } = await readConfig(text, {
    readFile: (path) => Promise.resolve(FILES[path] ?? ""),
    readEnv: (name) => VARIABLES[name],
  });
  return validateConfig(value, source);
}

const SERVICES = "services: [{ name: a, url: 'http://localhost:8081' }]\n";
const service = (fields: string) => `services:\n  - { name: a, url: "http://localhost:8081", ${fields} }\n`;

/** Columns: the configuration; its warnings. */
const WARNINGS: [text: string, warnings: string[]][] = [
  [`${SERVICES}timeout: 30000`, [
    'timeout: 30000 without a unit means 8.3 hours: write "30000s", or "30000ms" for milliseconds (line 2)',
  ]],
  [`${SERVICES}shutdownTimeout: "1000"`, [
    'shutdownTimeout: 1000 without a unit means 16.7 minutes: write "1000s", or "1000ms" for milliseconds (line 2)',
  ]],
  [`${SERVICES}timeout: 30000s`, []],
  [`${SERVICES}timeout: 999`, []],
  [`${SERVICES}timeout:\nlimits:\n  maxInFlight:\n`, [
    "timeout: has no value, so it counts as absent (line 2)",
    "limits.maxInFlight: has no value, so it counts as absent (line 4)",
  ]],
  [service("headers: { X-Key: '${file:empty}' }"), [
    "services[0].headers.X-Key: is empty: its placeholders have no content (line 2)",
  ]],
  [service("headers: { X-Key: '' }"), []],
  [service("pathPrefix: /users/:id"), [
    'services[0].pathPrefix: ":id" is not a parameter: it matches this text only; use a prefix that ends before it (line 2)',
  ]],
  [service("pathExact: '/users/{id}/posts'"), [
    'services[0].pathExact: "{id}" is not a parameter: it matches this text only; use a prefix that ends before it (line 2)',
  ]],
  [service("pathPrefix: '/a:b'"), []],
];

for (const [text, warnings] of WARNINGS) {
  Deno.test(`validateConfig() warns ${warnings.length} times of ${JSON.stringify(text)}`, async () => {
    assertEquals((await validate(text)).warnings, warnings);
  });
}

/** Columns: the configuration; a part of the problem. */
const PEMS: [text: string, problem: string][] = [
  [
    `${SERVICES}tls: { cert: "\${file:bad.pem}", key: "\${file:encrypted.pem}" }`,
    'tls.cert: must be the PEM text of a certificate: found other text in the file "bad.pem"',
  ],
  [
    `${SERVICES}tls: { cert: "\${file:bad.pem}", key: "\${file:encrypted.pem}" }`,
    'passphrases are not supported: found an encrypted key in the file "encrypted.pem"',
  ],
  [
    'services: [{ name: a, url: "https://a", tls: { ca: "${file:bad.pem}" } }]',
    'services[0].tls.ca: must be the PEM text of a certificate: found other text in the file "bad.pem"',
  ],
];

for (const [text, problem] of PEMS) {
  Deno.test(`validateConfig() names the file of an invalid PEM text: ${problem}`, async () => {
    const error = await assertRejects(() => validate(text), ConfigError);
    assertStringIncludes(error.message, problem);
  });
}

Deno.test("the default of a variable applies if it is not set or empty, as in a shell", async () => {
  const { config } = await validate(`${SERVICES}port: "\${env:PORT:-1}"\ntimeout: "\${env:EMPTY:-5s}"
hostname: "\${env:MISSING:-127.0.0.1}"\nshutdownDelay: "\${env:MISSING:-1}\${env:MISSING:-}s"`);
  const { port, timeoutMs, hostname, shutdownDelayMs } = config;
  assertEquals({ port, timeoutMs, hostname, shutdownDelayMs }, {
    port: 8090,
    timeoutMs: 5_000,
    hostname: "127.0.0.1",
    shutdownDelayMs: 1_000,
  });
});

Deno.test("a default is no secret, but the value of a variable is", async () => {
  const { config: { secrets } } = await validate(
    service('headers: { A: "Bearer ${env:SECRET:-none}", B: "x ${env:MISSING:-visible}" }'),
  );
  assertEquals([...secrets].sort(), ["Bearer hunter2hunter2", "hunter2hunter2"]);
});

Deno.test("a variable that cannot be read is a problem despite its default", async () => {
  const reading = await readConfig(`${SERVICES}port: "\${env:PORT:-1}"`, {
    readFile: () => Promise.resolve(""),
    readEnv: () => {
      throw new Error("denied");
    },
  });
  assert(reading.source.problems?.[0]?.message.includes("--allow-env=PORT"));
});

Deno.test("x- keys of the top level have no meaning: anchors in them can be used, and their placeholders need no value", async () => {
  const { config, warnings } = await validate(`\
x-defaults: &defaults { timeout: 5s, failOn: "500-503" }
x-unused: { token: "\${nonsense}" }
services:
  - { <<: *defaults, name: a, url: "http://localhost:8081" }
`);
  assertEquals(config.services[0]?.timeoutMs, 5_000);
  assertEquals(warnings, []);
  assertEquals(validateConfig({ "x-a": 1, services: [{ name: "a", url: "http://a" }] }).warnings, []);
});

Deno.test("x- keys are unknown below the top level", () => {
  const input = { services: [{ name: "a", url: "http://a", "x-a": 1 }] };
  assertThrows(() => validateConfig(input), ConfigError, "services[0].x-a: unknown key");
});
