/** A server whose configuration is full of secrets must print none of them. */

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { readConfig } from "../../src/config/read/read.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { type CliProcess, runCli, startCli, tempConfig } from "../_support/cli_process.ts";
import { startCollector } from "../_support/collector.ts";
import { refusingUrl, startBackend } from "../_support/servers.ts";

/** Only Linux can listen on all of 127.0.0.0/8 without configuration. */
const [LISTEN, ADMIN] = Deno.build.os === "linux" ? ["127.0.0.77", "127.0.0.78"] : ["127.0.0.1", "127.0.0.1"];
const TOKEN = "s3cr3t-token-of-the-admin-listener";

const ENVIRONMENT: Readonly<Record<string, string>> = {
  SECRET_LISTEN: LISTEN,
  SECRET_ADMIN: ADMIN,
  SECRET_TOKEN: TOKEN,
  SECRET_HOST: "s3cr3t-host.invalid",
  SECRET_PATH: "s3cr3t-path",
  SECRET_HEALTH: "s3cr3t-health?key=s3cr3t",
  SECRET_HEADER: "s3cr3t-header",
  SECRET_SHORT: "q7Z",
  SECRET_EMPTY: "",
  SECRET_NAME: "s3cr3t-name.example",
  SECRET_TENANT: "s3cr3t-tenant",
  SECRET_PROXY: "203.0.113.77",
  SECRET_SECONDS: "2",
};
const NAMES = [...Object.keys(ENVIRONMENT), "SECRET_URL", "SECRET_REFUSING", "SECRET_PORT"];

/** Every text field that allows a placeholder, for services that respond, fail, and cannot be reached. */
const CONFIG = `
port: 0
hostname: "\${env:SECRET_LISTEN}"
trustProxy: "\${env:SECRET_PROXY}"
timeout: "\${env:SECRET_SECONDS}"
serverTiming: true
forwarded: true
compare: { noiseSample: 1 }
admin: { port: 0, hostname: "\${env:SECRET_ADMIN}", token: "\${env:SECRET_TOKEN}" }
services:
  - name: first
    url: "\${env:SECRET_URL}/\${env:SECRET_PATH}/"
    pathPrefix: /ok
    primary: true
    host: "\${env:SECRET_NAME}"
    headers: { Authorization: "Bearer \${env:SECRET_HEADER}", X-Plain: "\${env:SECRET_HEADER}", X-Short: "\${env:SECRET_SHORT}", X-Empty: "\${env:SECRET_EMPTY}" }
    health: { path: "/\${env:SECRET_HEALTH}", interval: 20ms }
  - { name: other, url: "http://127.0.0.1:\${env:SECRET_PORT}", pathPrefix: /ok, responseHeaders: { X-Local: "\${env:SECRET_HEADER}" } }
  - { name: mirrored, url: "http://\${env:SECRET_HOST}:\${env:SECRET_PORT}", pathPrefix: /ok, shadow: true, credentials: false, breaker: true }
  - { name: refusing, url: "\${env:SECRET_REFUSING}/\${env:SECRET_PATH}", pathPrefix: /refused, health: { path: "/\${env:SECRET_HEALTH}", interval: 20ms } }
  - { name: unknown, url: "http://\${env:SECRET_HOST}", pathPrefix: /refused }
  - { name: untrusted, url: "https://127.0.0.1:\${env:SECRET_PORT}", pathPrefix: /untrusted, tls: { serverName: "\${env:SECRET_NAME}" } }
  - { name: two, url: "\${env:SECRET_URL}/\${env:SECRET_PATH}", pathPrefix: /two, http2: true, primary: true, health: { path: "/\${env:SECRET_HEALTH}", interval: 20ms } }
  - { name: three, url: "http://127.0.0.1:\${env:SECRET_PORT}", pathPrefix: /two }
`;

/** Asserts that a text contains no value of a placeholder; `where` names the text. */
function assertSecretFree(text: string, where: string, secrets: readonly string[]): void {
  for (const secret of secrets) assert(!text.includes(secret), `${where} contains ${JSON.stringify(secret)}: ${text}`);
}

function startServer(path: string, format: "json" | "pretty", env: Record<string, string>): CliProcess {
  const args = ["--config", path, "--log-format", format, "--verbose"];
  return startCli(args, { permissions: ["--allow-net", "--allow-read", `--allow-env=${NAMES}`], env });
}

Deno.test("serve, check, explain, report, the admin listener and spans never print the value of a placeholder", async () => {
  await using backend = startBackend(() => Response.json({ at: Math.random() }));
  await using collector = startCollector();
  await using file = await tempConfig(CONFIG);
  const port = String(backend.port);
  const env = {
    ...ENVIRONMENT,
    SECRET_URL: backend.url,
    SECRET_PORT: port,
    SECRET_REFUSING: refusingUrl(),
  };
  const texts = ["s3cr3t", "q7Z", "203.0.113.77", new URL(backend.url).host, new URL(env.SECRET_REFUSING).host];
  const secrets = LISTEN === ADMIN ? texts : [...texts, LISTEN, ADMIN];
  const permissions = ["--allow-read", `--allow-env=${NAMES}`];

  const checked = await runCli(["check", "--config", file.path], { permissions, env });
  assertEquals(checked.code, 0, checked.stderr);
  assertStringIncludes(checked.stdout, "${env:SECRET_URL}/${env:SECRET_PATH}");
  assertStringIncludes(checked.stdout, "health check at /${env:SECRET_HEALTH}");
  const explained = await Promise.all(
    ["/ok/x?y", "/untrusted", "/none"].map((path) =>
      runCli(["explain", path, "--config", file.path], { permissions, env })
    ),
  );
  assertStringIncludes(explained[0]!.stdout, "${env:SECRET_URL}/${env:SECRET_PATH}/ok/x?y");
  const refused = await runCli(["--config", file.path], { permissions: [...permissions, "--allow-net=[::1]:1"], env });
  assertMatch(refused.stderr, /no network permission/);
  for (const { stdout, stderr } of [checked, ...explained, refused]) {
    assertSecretFree(stdout + stderr, "a command", secrets);
  }

  for (const format of ["json", "pretty"] as const) {
    // With Deno's default sampler, the spans of `fetch` hold the URLs of services with `http2`.
    const traced = { ...collector.env, OTEL_TRACES_SAMPLER: "parentbased_always_on" };
    await using child = startServer(file.path, format, { ...env, ...format === "json" && traced });
    const [, dataPort] = await child.stdout.seen(/http:\/\/\$\{env:SECRET_LISTEN\}:(\d+)/);
    const [, adminPort] = await child.stdout.seen(/http:\/\/\$\{env:SECRET_ADMIN\}:(\d+)/);
    await child.stdout.seen(/unhealthy/);
    for (const path of ["/ok", "/ok/2", "/refused", "/untrusted", "/two", "/none"]) {
      const response = await fetch(`http://${LISTEN}:${dataPort}${path}`, { headers: { accept: "application/json" } });
      const lines = [...response.headers].filter(([name]) => name !== "x-local");
      assertSecretFree(JSON.stringify(lines) + await response.text(), `the response to ${path}`, secrets);
    }
    await assertAdminSecretFree(`http://${ADMIN}:${adminPort}`, texts);
    const token = await tempConfig(TOKEN);
    const report = await runCli(
      ["report", "--admin", `http://${ADMIN}:${adminPort}`, "--token-file", token.path, "--format", "json"],
      { permissions: ["--allow-net", "--allow-read"] },
    );
    await token[Symbol.asyncDispose]();
    assertSecretFree(report.stdout + report.stderr, "report", texts);
    await Deno.writeTextFile(file.path, CONFIG.replace("name: first", 'name: "${env:SECRET_HEADER}", prot: 1'));
    if (Deno.build.os !== "windows") {
      child.kill("SIGHUP");
      await child.stdout.seen(/not reloaded/);
    }
    await Deno.writeTextFile(file.path, CONFIG);
    child.kill("SIGTERM");
    await child.exited;
    assertSecretFree(child.stdout.text + child.stderr.text, `the ${format} log`, secrets);
  }
  const spans = JSON.stringify(collector.spans, (_, value) => typeof value === "bigint" ? String(value) : value);
  assertStringIncludes(spans, "${env:SECRET_URL}");
  assertSecretFree(spans, "the spans", texts);
});

for (const workers of ["1", "2"]) {
  Deno.test(`serve --workers ${workers} does not print a hostname from a placeholder that it cannot listen on`, {
    ignore: Deno.build.os !== "linux",
  }, async () => {
    await using file = await tempConfig('hostname: "${env:SECRET_LISTEN}"\nservices: [{ name: a, url: http://x }]\n');
    const { code, stdout, stderr } = await runCli(["--config", file.path, "--workers", workers], {
      permissions: ["--allow-read", "--allow-net", "--unstable-net", `--allow-env=${NAMES}`],
      env: { SECRET_LISTEN: "203.0.113.77" },
    });
    assertEquals([code, stdout], [1, ""]);
    assertEquals(
      stderr,
      "error: Cannot listen on ${env:SECRET_LISTEN}:8080: address not available: the host must be an address of this machine\n",
    );
  });
}

async function assertAdminSecretFree(url: string, secrets: readonly string[]): Promise<void> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const paths = ["/", "/healthz", "/readyz", "/metrics", "/metrics?format=json", "/config", "/none"];
  const api = ["state", "exchanges", "report", "mismatches", "noise"].map((name) => `/api/${name}`);
  for (const path of [...paths, ...api]) {
    const response = await fetch(url + path, { headers });
    assertSecretFree(await response.text(), path, secrets);
  }
  const events = await fetch(`${url}/api/events`, { headers });
  const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertSecretFree((await reader.read()).value ?? "", "/api/events", secrets);
  await reader.cancel();
}

Deno.test("samples and recorded exchanges hide values of placeholders that a response repeats", async () => {
  await using backend = startBackend((request) => {
    const { origin } = new URL(request.url);
    const text = `${request.headers.get("x-tenant")} ${Math.random()} at ${origin}/S3cr3t-base/`;
    return new Response(text, { headers: { location: `${origin}/S3cr3t-base/login`, "x-place": origin } });
  });
  await using file = await tempConfig(`
port: 0
hostname: 127.0.0.1
compare: { samples: bodies, noise: off }
admin: { port: 0, hostname: 127.0.0.1 }
services:
  - { name: a, url: "\${env:SECRET_URL}", primary: true, pathPrefix: /, headers: { X-Tenant: "\${env:SECRET_TENANT}" } }
  - { name: b, url: "\${env:SECRET_URL}", shadow: true, pathPrefix: /, headers: { X-Tenant: "\${env:SECRET_TENANT}" } }
`);
  // The URL parser normalises the value.
  const env = { ...ENVIRONMENT, SECRET_URL: `HTTP://LOCALHOST:${backend.port}/S3cr3t-base/` };
  await using child = startServer(file.path, "json", env);
  const [, url] = await child.stdout.seen(/"url":"(http.*?)"/);
  const [, admin] = await child.stdout.seen(/"admin":"(http.*?)\/?"/);
  await (await fetch(url!, { redirect: "manual" })).text();
  let mismatches = "";
  for (let attempt = 0; attempt < 100 && !mismatches.includes("line 1"); attempt++) {
    mismatches = await (await fetch(`${admin}/api/mismatches`)).text();
    await delay(20);
  }
  assertStringIncludes(mismatches, "line 1");
  const exchanges = await (await fetch(`${admin}/api/exchanges`)).text();
  assertStringIncludes(exchanges, '"location"');
  const host = `localhost:${backend.port}`;
  assertSecretFree(mismatches + exchanges, "the admin listener", ["s3cr3t-tenant", "S3cr3t-base", host]);
});

const SERVICE = "services: [{ name: a, url: http://x }]\n";
const S = "s3cr3t";
const KEY = "ghp-s3cr3tToken0123456789";

/** Texts with a secret next to a mistake, and what the message must contain. */
const MISTAKES: readonly (readonly [text: string, rule: string])[] = [
  [`a: *${S}`, "an alias must name an anchor"],
  [`a: !${S} x`, "a tag must be one of the core schema"],
  [`a: !<${S}> x`, "a tag must be one of the core schema"],
  [`a: !x!${S} y`, "the handle of a tag must be declared"],
  [`a: !"${S}" x`, "a tag must not contain invalid characters"],
  [`a: !!int ${S}`, "fit its value"],
  [`%TAG ${S} b\n---\na: 1`, "a %TAG directive must have a well-formed handle"],
  [`%YAML ${S}\n---\na: 1`, "ill-formed argument"],
  [`a: "\\${S}"`, "unknown escape sequence"],
  [`a: '${S}`, "unexpected end of the stream within a single quoted scalar"],
  [`a: [${S}`, "unexpected end of the stream within a flow collection"],
  [`a: b\n ${S}: c`, "bad indentation of a mapping entry"],
  [`a: @${S}`, "end of the stream or a document separator is expected"],
  [`"a\u0001${S}": x`, "a quoted text must not contain control characters"],
  [`{"a": "${S}"`, "unexpected end of the stream within a flow collection"],
  [`{"a": ${S}, "b" "c"}`, "missing comma between flow collection entries"],
  [S, "the configuration must be a mapping of fields: found text"],
  [`services: ${S}`, "services: must be a list of services: found text"],
  [`${SERVICE}logging: ${S}`, "logging: must be a mapping: found text"],
  [`${SERVICE}${KEY}: x`, "[…]: unknown key, entry 2 of the mapping (line 2)"],
  [`${SERVICE}"Bearer ${S}":`, "[…]: unknown key, entry 2 of the mapping"],
  [`${SERVICE}"${S}\\e[31m": x`, "[…]: unknown key, entry 2 of the mapping"],
  [`${SERVICE}${KEY}: 1\n${KEY}: 2`, "[…]: must be given once (line 3)"],
  [`{"${KEY}": 1, "${KEY}": 2}`, "[…]: must be given once (line 1)"],
  [`services: [{ name: a, url: http://x, headers: { "Authorization: ${S}": } }]`, "headers[…]: must be a header name"],
  [`services: [{ name: a, url: http://x, headers: "Authorization ${S}" }]`, "must be a mapping of names to values"],
  ...["http://u:s3cr3t@x", "http:/u:s3cr3t@x", "http://u:s3cr3t%40x", "//u:s3cr3t@x", "http://u:s3cr3t@x?y"].map((
    url,
  ) => [`services: [{ name: a, url: "${url}" }]`, "services[0].url: must"] as const),
];

for (const [text, rule] of MISTAKES) {
  Deno.test(`readConfig() names the rule and quotes no text: ${JSON.stringify(text)}`, async () => {
    const { message } = await assertRejects(() => load(text), ConfigError);
    assertSecretFree(message, "the message", [S]);
    assertStringIncludes(message.toLowerCase(), rule.toLowerCase());
  });
}

Deno.test("readConfig() prints an unknown key that looks like a name", async () => {
  const { message } = await assertRejects(() => load(`${SERVICE}role: x\nhttp2: true\n`), ConfigError);
  assertEquals(message, "role: unknown key (line 2)\nhttp2: unknown key (line 3)");
});

/** Fields that become labels, keys or identifiers, as a line of a service or of the top level. */
const LITERAL_SERVICE_FIELDS = [
  "name: X",
  "path: X",
  "pathPrefix: [/a, X]",
  "pathExact: X",
  "removeHeaders: X",
  "shadow: true, methods: X",
  "shadow: true, sample: { by: X }",
  "compare: { headers: X }",
  "compare: { ignore: [$.a, X] }",
  "compare: { redact: X }",
  "compare: { arrays: X }",
  "compare: { endpoints: X }",
  "compare: { normalise: { pattern: X } }",
  "compare: { normalise: { pattern: a, replacement: X } }",
  "compare: { normalise: { pattern: a, path: X } }",
  "compare: { tolerance: { path: X } }",
];

for (const field of LITERAL_SERVICE_FIELDS) {
  for (const written of ["${env:VALUE}", "/${file:value}", "$.a${env:VALUE}"]) {
    Deno.test(`validateConfig() rejects a placeholder in ${field.replace("X", written)}`, async () => {
      const text = `services: [{ name: b, url: http://x }, { name: a, url: http://x, ${
        field.replace("X", JSON.stringify(written))
      } }]`;
      const { message } = await assertRejects(() => load(text), ConfigError);
      assertStringIncludes(message, "must not contain a placeholder");
      assertSecretFree(message, "the message", [S]);
    });
  }
}

Deno.test("validateConfig() never quotes the value of a placeholder in any error", async () => {
  const values = [S, "", `${S}\n${S}`, `{ a: ${S} }`, `&${S} *${S}`, `http://u:${S}@x`, `/${S} x`, "8".repeat(30) + S];
  const fields = ["port", "timeout", "wait", "identify", "hostname", "failOn", "trustProxy", "maxBodySize"];
  const lines = fields.map((field) => `${field}: "\${env:VALUE}"`).join("\n");
  const service = `{ name: a, url: "\${env:VALUE}", host: "\${env:VALUE}", tls: { ca: "\${env:VALUE}", ` +
    `serverName: "\${env:VALUE}" }, health: { path: "\${env:VALUE}", interval: "\${env:VALUE}" }, ` +
    `headers: { A: "\${env:VALUE}\\n" }, breaker: "\${env:VALUE}", hedge: { after: "\${env:VALUE}" } }`;
  for (const value of values) {
    const text = `${lines}\nadmin: { port: "\${env:VALUE}", token: "\${env:VALUE}" }\nservices: [${service}]`;
    const { message } = await assertRejects(() => load(text, value), ConfigError);
    assertSecretFree(message, "the message", [S]);
  }
});

async function load(text: string, secret = S): Promise<void> {
  const { value, source } = await readConfig(text, { readFile: () => Promise.resolve(secret), readEnv: () => secret });
  validateConfig(value, source);
}
