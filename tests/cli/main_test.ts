import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import denoConfig from "../../deno.json" with { type: "json" };
import { parseCommandLine } from "../../src/cli/command_line.ts";
import { COMMAND_NAMES, COMMANDS, UsageError } from "../../src/cli/commands.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import { VERSION } from "../../src/lib/version.ts";
import { runCli, startCli, tempConfig } from "../_support/cli_process.ts";
import { exchangeRaw, readUntil, startBackend, startRawBackend } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";
import { freePort } from "../_support/ports.ts";

const CONFIG = `\
timeout: 10
services:
  - { name: api-a, url: "http://localhost:8081", pathPrefix: /api, primary: true }
  - { name: mirror, url: "http://localhost:8084/base", pathPrefix: /api, shadow: true }
  - { name: api-b, url: "http://localhost:8082", pathPrefix: /api }
  - { name: health, url: "http://localhost:8083", pathExact: /health }
`;

async function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = createTestIo();
  const code = await runCommandLine(args, io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

/** Columns: the arguments; the error message. */
const MISTAKES: [args: string[], message: string][] = [
  [["--confg", "x"], 'Unknown flag "--confg"; did you mean "--config"?'],
  [["-confg", "x"], 'Unknown flag "--confg"; did you mean "--config"?'],
  [["--prot=80"], 'Unknown flag "--prot"; did you mean "--port"?'],
  [["-x"], 'Unknown flag "-x"; flags of "serve" are --config'],
  [["--__proto__", "x"], 'Unknown flag "--__proto__"'],
  [["chek"], 'Unknown command "chek"; did you mean "check"?'],
  [["frobnicate"], 'Unknown command "frobnicate"; commands are serve, check, explain, report'],
  [["config.yaml"], 'Unknown command "config.yaml"; did you mean "--config config.yaml"?'],
  [["--port"], "`--port` must have a value: --port PORT"],
  [["-c"], "`--config` must have a value: --config FILE"],
  [["--host", "--quiet"], "`--host` must have a value: --host ADDRESS"],
  [["--port", "http"], '`--port` must be a whole number from 0 to 65535: found "http"'],
  [["--port", "65536"], '`--port` must be a whole number from 0 to 65535: found "65536"'],
  [["--port=-1"], '`--port` must be a whole number from 0 to 65535: found "-1"'],
  [["--port=0x50"], '`--port` must be a whole number from 0 to 65535: found "0x50"'],
  [["--log-format", "prety"], '`--log-format` must be "json" or "pretty": found "prety"; did you mean "pretty"?'],
  [["--verbose", "--quiet"], "`--verbose` cannot be combined with `--quiet`"],
  [["check", "stray"], '`check` takes flags only: found "stray"'],
  [["serve", "8080"], '`serve` takes flags only: found "8080"'],
  [["schema", "--port", "80"], "`schema` has no flag `--port`, only `serve` and `demo`"],
  [["serve", "--once"], "`serve` has no flag `--once`, only `demo`"],
  [["--watch=yes"], '`--watch` takes no value: found "yes"'],
  [["--quiet", "false"], '`--quiet` takes no value: found "false"'],
  [["-watch=false"], '`--watch` takes no value: found "false"'],
  [["check", "-h=1"], '`--help` takes no value: found "1"'],
  [["completions"], "`completions` needs one shell, bash, zsh, fish"],
  [["completions", "tcsh"], '`completions` needs one shell, bash, zsh, fish: found "tcsh"'],
  [["fields", "nonsense"], 'No field has "nonsense" in its path'],
  [["fields", "a", "b"], '`fields` takes one path: also found "b"'],
  [["explain"], "`explain` needs a request: [METHOD] URL_OR_PATH"],
  [
    ["explain", "GET", "/a", "/b"],
    '`explain` takes one request: also found "/b"',
  ],
  [
    ["explain", "api/x"],
    'The request must start with "/" for a path, or with "http://" or "https://" for a URL: found "api/x"',
  ],
  [["explain", "/a", "/b"], 'The method must be a word such as GET or POST: found "/a"'],
  [["ch\x1b[2Jeck"], 'Unknown command "ch\\x1b[2Jeck"'],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`the command line ${JSON.stringify(args)} exits with 2 and an error message`, async () => {
    const { code, stdout, stderr } = await run(args);
    assertEquals(code, 2);
    assertEquals(stdout, "");
    assertStringIncludes(stderr, `error: ${message}`);
    const [command = ""] = COMMAND_NAMES.filter((name) => args.includes(name));
    assertStringIncludes(stderr, `\nTry "conductor ${command === "" ? "" : `${command} `}--help"\n`);
  });
}

Deno.test("parseCommandLine() returns serve by default, and accepts flags before and after the command", () => {
  const { command, flags: { config, port, host } } = parseCommandLine([
    ...["-c", "a.yaml"],
    "--port=0",
    ...["--host", "[::1]"],
  ]);
  assertEquals({ command, config, port, host }, { command: "serve", config: "a.yaml", port: 0, host: "::1" });
  assertEquals(parseCommandLine(["--config", "a.yaml", "check"]).command, "check");
  assertEquals(parseCommandLine(["check", "--config=a=b.yaml"]).flags.config, "a=b.yaml");
});

Deno.test("parseCommandLine() accepts -config, as go-conductor does", () => {
  assertEquals(parseCommandLine(["-config", "a.yaml"]).flags.config, "a.yaml");
  assertEquals(parseCommandLine(["-config=a.yaml"]).flags.config, "a.yaml");
});

Deno.test("parseCommandLine() returns the last of several values", () => {
  assertEquals(parseCommandLine(["--port", "1", "--port", "2"]).flags.port, 2);
});

Deno.test("parseCommandLine() throws UsageError", () => {
  assertThrows(() => parseCommandLine(["--nope"]), UsageError);
});

Deno.test("--version, -V and version print the version of deno.json", async () => {
  assertEquals(VERSION, denoConfig.version);
  for (const args of [["--version"], ["-V"], ["version"], ["check", "-V"]]) {
    assertEquals(await run(args), { code: 0, stdout: `conductor ${denoConfig.version}\n`, stderr: "" });
  }
});

Deno.test("--help, -h and help list every command and the flags of serve", async () => {
  const { code, stdout } = await run(["--help"]);
  assertEquals(code, 0);
  const words = ["serve", "check", "explain", "schema", "demo", "--config", "--port", "--host", "--log-format"];
  for (const word of [...words, "--verbose", "--quiet", "--help", "--version"]) assertStringIncludes(stdout, word);
  assertEquals((await run(["-h"])).stdout, stdout);
  assertEquals((await run(["help"])).stdout, stdout);
  for (const line of stdout.split("\n")) assert(line.length <= 100, line);
});

Deno.test("--help with a command describes that command, even without its operands", async () => {
  const { code, stdout } = await run(["explain", "--help"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "Usage: conductor explain [METHOD] URL_OR_PATH");
  assertStringIncludes(stdout, "--config FILE");
  assertNotMatch(stdout, /--port/);
  assertEquals((await run(["help", "explain"])).stdout, stdout);
});

Deno.test("fields lists the fields of the configuration, or those with a text in their path", async () => {
  const { code, stdout } = await run(["fields"]);
  assertEquals(code, 0);
  assertMatch(stdout, /\n {2}services\[\]\.pathPrefix +Path prefixes to match/);
  assertMatch(stdout, /\n {2}shutdownTimeout +Timeout for/);
  for (const line of stdout.split("\n")) assert(line.length <= 100, line);
  const { stdout: some } = await run(["fields", "Services[].health"]);
  assertMatch(some, /^ {2}services\[\]\.health +Active/);
  assertMatch(some, /\n {2}services\[\]\.health\.path +/);
  assertNotMatch(some, /shutdownTimeout/);
});

Deno.test("--help of each command has examples that the parser accepts, and at most 40 lines", async () => {
  for (const command of COMMAND_NAMES) {
    const { code, stdout } = await run([command, "--help"]);
    assertEquals(code, 0);
    assert(stdout.split("\n").length <= 40, command);
    for (const [line] of COMMANDS[command].examples) {
      assertStringIncludes(stdout, line);
      const [, text = ""] = /conductor ([^>)]*)/.exec(line) ?? [];
      const words = text.match(/'[^']*'|\S+/g) ?? [];
      assertEquals(parseCommandLine(words.map((word) => word.replaceAll("'", ""))).command, command);
    }
  }
});

Deno.test("parseCommandLine() accepts -p for the port", () => {
  assertEquals(parseCommandLine(["-p", "0"]).flags.port, 0);
  assertEquals(parseCommandLine(["demo", "-p8081"]).flags.port, 8081);
});

Deno.test("check summarizes a valid configuration, with its routes", async () => {
  await using file = await tempConfig(CONFIG);
  const { code, stdout, stderr } = await run(["check", "-c", file.path]);
  assertMatch(
    stderr,
    /^warning: wait: clients of pathPrefix "\/api" wait for the slowest.*\nwarning: services: the shadow/,
  );
  assertEquals(code, 0);
  assertEquals(
    stdout,
    `\
✓ ${file.path} is valid: 4 services on 2 routes

  pathPrefix /api   ─┬─▶ api-a   primary    http://localhost:8081       waited for up to 10 s, response used
                     ├─▶ api-b   secondary  http://localhost:8082       waited for up to 10 s, fallback
                     └┄▷ mirror  shadow     http://localhost:8084/base  mirrored, never waited for
  pathExact /health ───▶ health  primary    http://localhost:8083       waited for up to 10 s, response used
`,
  );
});

Deno.test("check shows the settings of a connection, and warns about a certificate that is not verified", async () => {
  await using file = await tempConfig(`\
services:
  - { name: a, url: "https://10.0.0.1", primary: true, tls: { serverName: api.internal, insecure: true } }
  - { name: b, url: "http://localhost:8082", http2: true }
`);
  const { code, stdout, stderr } = await run(["check", "-c", file.path]);
  assertEquals(code, 0);
  assertStringIncludes(
    stdout,
    "https://10.0.0.1       waited for up to 30 s, response used; server name api.internal; certificate not verified",
  );
  assertStringIncludes(stdout, "http://localhost:8082  waited for up to 30 s, fallback; over HTTP/2");
  assertMatch(stderr, /^warning: services\[0\]\.tls\.insecure: the certificate of "a" is not verified/);
});

Deno.test("check shows breakers and health checks", async () => {
  await using file = await tempConfig(`\
services:
  - { name: a, url: "http://10.0.0.1", breaker: true, health: { path: "/healthz?full" } }
  - { name: b, url: "http://10.0.0.2", breaker: { failures: 3, window: 10, openFor: 2s } }
`);
  const { code, stdout } = await run(["check", "-c", file.path]);
  assertEquals(code, 0);
  assertStringIncludes(
    stdout,
    "response used; breaker opens for 5 s after 5 failures in a row; health check at /healthz?full",
  );
  assertStringIncludes(stdout, "fallback; breaker opens for 2 s after 3 failures in 10 attempts");
});

Deno.test("check reports all problems at once, and exits with 1", async () => {
  await using file = await tempConfig(`\
port: 99999
services:
  - { name: a, url: "http://localhost:8081", pathPrefx: /api }
  - { name: a, url: "ftp://localhost" }
`);
  const { code, stdout, stderr } = await run(["check", "-c", file.path]);
  assertEquals(code, 1);
  assertEquals(stdout, "");
  assertMatch(stderr, /^error: Cannot use the configuration ".*\.yaml": [3-9] problems\n/);
  for (const part of ["port", "services[0].pathPrefx", 'did you mean "pathPrefix"?', "services[1]"]) {
    assertStringIncludes(stderr, part);
  }
  assertNotMatch(stderr, /\bat .*:\d+:\d+/);
});

Deno.test("check shows warnings, and exits with 0", async () => {
  await using file = await tempConfig(`\
services:
  - { name: a, url: "http://localhost:8081", pathPrefix: /api }
  - { name: b, url: "http://localhost:8082", pathPrefix: /api }
`);
  const { code, stderr } = await run(["check", "-c", file.path]);
  assertEquals(code, 0);
  assertMatch(stderr, /^warning: .*primary/);
});

Deno.test("a missing configuration file is reported in one line", async () => {
  for (const command of ["serve", "check", "explain"]) {
    const { code, stderr } = await run([
      command,
      ...(command === "explain" ? ["/"] : []),
      "-c",
      "/nowhere/config.yaml",
    ]);
    assertEquals(code, 1);
    assertMatch(stderr, /^error: Cannot [^\n]*"\/nowhere\/config.yaml"[^\n]*\n$/);
  }
});

Deno.test("explain shows the route, the URL and role of each service, and the wait", async () => {
  await using file = await tempConfig(CONFIG);
  const { code, stdout } = await run(["explain", "post", "http://any/api/users?q=1#top", "-c", file.path]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "POST /api/users?q=1 matches pathPrefix /api\n");
  assertMatch(stdout, /api-a +primary +http:\/\/localhost:8081\/api\/users\?q=1 /);
  assertMatch(stdout, /mirror +shadow +http:\/\/localhost:8084\/base\/api\/users\?q=1 /);
  assertStringIncludes(stdout, "Waits for api-a and api-b.\n");
  assertStringIncludes(stdout, "Returns the success of api-a, otherwise the success of api-b, otherwise 502.\n");
  assertStringIncludes(stdout, "Mirrors the request to mirror, without waiting for a response.\n");
});

Deno.test("explain shows that the response of a single service is always returned", async () => {
  await using file = await tempConfig(CONFIG);
  const { stdout } = await run(["explain", "/health", "-c", file.path]);
  assertStringIncludes(stdout, "GET /health matches pathExact /health\n");
  assertStringIncludes(stdout, "Waits for health.\n  Returns the response of health, even if it is a failure.\n");
});

Deno.test("explain shows wait: primary, several primaries, and relayed failures", async () => {
  await using file = await tempConfig(`\
wait: primary
relayFailures: true
services:
  - { name: a, url: "http://localhost:8081", primary: true }
  - { name: b, url: "http://localhost:8082", primary: true }
  - { name: c, url: "http://localhost:8083" }
`);
  const { stdout } = await run(["explain", "/", "-c", file.path]);
  assertStringIncludes(stdout, "Waits for a and b, and for c only if they fail.\n");
  assertStringIncludes(
    stdout,
    "Returns the first success of a and b, otherwise the success of c, otherwise one of the failed responses.\n",
  );
});

Deno.test("explain shows 404 if no route matches, and lists the routes", async () => {
  await using file = await tempConfig(CONFIG);
  const { code, stdout } = await run(["explain", "/apiary", "-c", file.path]);
  assertEquals(code, 1);
  assertStringIncludes(stdout, "GET /apiary matches no route: the response is 404\n");
  assertStringIncludes(stdout, "pathPrefix /api ");
});

Deno.test("explain shows 400 for a malformed path", async () => {
  await using file = await tempConfig(CONFIG);
  const { code, stdout } = await run(["explain", "/api/..%2fadmin", "-c", file.path]);
  assertEquals(code, 1);
  assertStringIncludes(stdout, "is rejected with 400: the path is malformed\n");
});

Deno.test("schema prints a JSON Schema", async () => {
  const { code, stdout } = await run(["schema"]);
  assertEquals(code, 0);
  assert("services" in JSON.parse(stdout).properties);
});

Deno.test("serve draws its routes and logs requests in the pretty format on a terminal", async () => {
  await using file = await tempConfig(CONFIG);
  const io = createTestIo({ isTerminal: true });
  const ended = runCommandLine(["-c", file.path, "--port", "0", "--host", "127.0.0.1"], io);
  const [, url] = await io.stdout.seen(/listens on .*(http:\/\/127\.0\.0\.1:\d+)/);
  const response = await fetch(`${url}/nothing`, { headers: { "x-request-id": "my-id" } });
  await response.body?.cancel();
  await io.stdout.seen(/404.* GET \/nothing ← .*conductor.* in .*my-id/);
  assertEquals(response.status, 404);
  assertStringIncludes(io.stdout.text, "└");
  io.signal("SIGTERM");
  assertEquals(await ended, 0);
  assertStringIncludes(io.stdout.text, "stopped");
});

Deno.test("serve logs its address and routes in one line of JSON without a terminal", async () => {
  await using file = await tempConfig(CONFIG);
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path, "--port", "0"], io);
  await io.stdout.seen(/\n/);
  io.signal("SIGINT");
  assertEquals(await ended, 0);
  const [first = ""] = io.stdout.text.split("\n");
  const { message, level, url, version, wait, routes } = JSON.parse(first);
  assertEquals({ message, level, version, wait }, {
    message: "listening",
    level: "info",
    version: VERSION,
    wait: "all",
  });
  assertMatch(url, /^http:\/\/localhost:\d+$/);
  assertEquals(routes[1], {
    route: "pathExact /health",
    services: [{
      service: "health",
      role: "primary",
      url: "http://localhost:8083",
      timeoutMs: 10_000,
      waitedFor: true,
    }],
  });
});

/** Columns: the name; `logging`; the flags; the levels of the lines for one request that fails with 502. */
const LOG_LEVELS: [name: string, logging: string, flags: string[], levels: string[]][] = [
  ["by default", "{}", [], ["info", "warn", "warn", "info", "info"]],
  ["with --verbose", "{}", ["--verbose"], ["info", "debug", "warn", "warn", "info", "info"]],
  ["with --quiet", "{}", ["--quiet"], ["warn", "warn"]],
  ["with logging.level", "{ level: error }", [], []],
  ["with --verbose against logging.level", "{ level: error }", ["--verbose"], [
    "info",
    "debug",
    "warn",
    "warn",
    "info",
    "info",
  ]],
];

for (const [name, logging, flags, levels] of LOG_LEVELS) {
  Deno.test(`serve logs at ${JSON.stringify(levels)} ${name}`, async () => {
    const [port, deadPort] = [freePort(), freePort()];
    await using file = await tempConfig(
      `logging: ${logging}\nservices: [{ name: a, url: "http://127.0.0.1:${deadPort}" }]\n`,
    );
    const io = createTestIo();
    const args = ["-c", file.path, "--port", String(port), "--host", "127.0.0.1", "--log-format", "json", ...flags];
    const ended = runCommandLine(args, io);
    const response = await retry(() => fetch(`http://127.0.0.1:${port}/`));
    assertEquals(response.status, 502);
    await response.body?.cancel();
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
    const lines = io.stdout.text.trimEnd().split("\n").filter((line) => line !== "");
    assertEquals(lines.map((line) => JSON.parse(line).level), levels);
  });
}

Deno.test("serve writes its log to logging.output", async () => {
  await using file = await tempConfig(`logging: { output: stderr, format: json }\n${CONFIG}`);
  const io = createTestIo({ isTerminal: true });
  const ended = runCommandLine(["-c", file.path, "--port", "0"], io);
  await io.stderr.seen(/"listening"/);
  io.signal("SIGTERM");
  await ended;
  assertEquals(io.stdout.text, "");
});

Deno.test("serve reports a port in use in one line", async () => {
  await using file = await tempConfig(CONFIG);
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  const { code, stderr } = await run(["-c", file.path, "--host", "127.0.0.1", "--port", String(port)]);
  other.close();
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `error: Cannot listen on 127.0.0.1:${port}: address already in use by another program\n`,
  );
});

Deno.test("the process reports a broken response in one line, without a stack", async () => {
  await using backend = startRawBackend(async (connection) => {
    await readUntil(connection);
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nhalf"));
  });
  await using file = await tempConfig(`services: [{ name: dying, url: "${backend.url}" }]\n`);
  await using child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  await assertRejects(async () => await (await fetch(url)).text());
  await child.stdout.seen(/"failure":"reset"/);
  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
  const levels = child.stdout.text.trim().split("\n").map((line) => JSON.parse(line).level);
  assertEquals(levels.filter((level) => level === "warn").length, 1);
  assertEquals(levels.includes("error"), false);
  assertEquals(child.stderr.text, "");
});

Deno.test("the process sends its own scheme to services, not that of the request target", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
  await using child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  const target = "GET https://shop.example/x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
  await exchangeRaw(Number(new URL(url).port), target);
  assertEquals(backend.seen[0]!.headers.get("x-forwarded-proto"), "http");
});

Deno.test("the process responds with 508 if a service is the process itself", async () => {
  const port = freePort();
  await using file = await tempConfig(
    `port: ${port}\nservices: [{ name: me, url: "http://127.0.0.1:${port}/again" }]\n`,
  );
  await using child = startCli(["--config", file.path, "--host", "127.0.0.1"]);
  await child.stdout.seen(/"url"/);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assertEquals(response.status, 508);
  assertStringIncludes(await response.text(), "already passed through this conductor");
  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
  const paths = child.stdout.text.split("\n").filter((line) => line.includes('"message":"request completed"'));
  // The request, and its return through the loop.
  assertEquals(paths.map((line) => JSON.parse(line).path), ["/again/", "/"]);
});

Deno.test("the process serves with --allow-net and --allow-read only, without messages of Deno", async () => {
  await using backend = serveText("from the backend");
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]`);
  await using child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1"]);
  const [, url] = await child.stdout.seen(/"url":"(.*?)"/);
  for (let i = 0; i < 3; i++) assertEquals(await (await fetch(`${url}/`)).text(), "from the backend");
  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
  assertEquals(child.stderr.text, "");
  assertEquals(child.stdout.text.split('"message":"request completed"').length - 1, 3);
});

Deno.test("the process responds with 400 to a request without Host", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
  await using child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  const response = await exchangeRaw(Number(new URL(url).port), "GET /x HTTP/1.1\r\nConnection: close\r\n\r\n");
  assertMatch(response, /^HTTP\/1\.1 400 /);
  assertEquals(backend.seen, []);
});

/** Columns: the missing permission; the flags of Deno; the arguments; a part of the message. */
const PERMISSIONS: [name: string, permissions: string[], args: string[], hint: string][] = [
  ["net", ["--allow-read"], [], "--allow-net"],
  ["net for a backend", ["--allow-read", "--allow-net=0.0.0.0"], [], "localhost:8081"],
  ["net for the port", ["--allow-read", "--allow-net=localhost"], [], "--allow-net"],
  ["net for the demo", ["--allow-read"], ["demo", "--once"], "--allow-net"],
  ["read", ["--allow-net"], [], "--allow-read"],
  ["read for check", [], ["check"], "--allow-read"],
];

for (const [name, permissions, args, hint] of PERMISSIONS) {
  Deno.test(`the process reports the missing permission ${name} in one line`, async () => {
    await using file = await tempConfig(CONFIG);
    const { code, stdout, stderr } = await runCli(
      args[0] === "demo" ? args : [...args, "--config", file.path],
      { permissions },
    );
    assertEquals(code, 1);
    assertEquals(stdout, "");
    assertMatch(stderr, /^error: Cannot [^\n]+\n$/);
    assertStringIncludes(stderr, hint);
  });
}

Deno.test("the process needs no permission for help, version and schema", async () => {
  for (const args of [["--help"], ["--version"], ["schema"]]) {
    const { code, stderr } = await runCli(args, { permissions: [] });
    assertEquals([code, stderr], [0, ""]);
  }
});

Deno.test("the process exits with 2 for an unknown flag", async () => {
  const { code, stderr } = await runCli(["--confg", "x"]);
  assertEquals([code, stderr], [
    2,
    'error: Unknown flag "--confg"; did you mean "--config"?\nTry "conductor --help"\n',
  ]);
});

function serveText(text: string): AsyncDisposable & { url: string } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response(text));
  return { url: `http://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** Retries until the server listens: at some log levels it does not announce that. */
async function retry<T>(action: () => Promise<T>): Promise<T> {
  while (true) {
    try {
      return await action();
    } catch {
      // Not listening yet. Connecting is asynchronous, so the loop does not block.
    }
  }
}
