import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";

import { runCommandLine } from "../../src/cli/main.ts";
import { logErrorTo } from "../../src/cli/start_log.ts";
import { tempConfig } from "../_support/cli_process.ts";
import { freePort } from "../_support/ports.ts";
import { createTestIo } from "../_support/test_io.ts";

Deno.test("logErrorTo() writes the source location of an error, and no content of a request", () => {
  const lines: unknown[][] = [];
  const onError = logErrorTo(() => ({ log: (...line) => lines.push(line), observe: () => {}, write: () => {} }));
  const errors = [
    () => new URL("http://[/?token=s3cr3t"),
    () => new Headers([["a", "s3cr3t\nhttp://a/?b"]]),
    () => {
      throw new TypeError("s3cr3t\n    at s3cr3t (file:///s3cr3t.ts:1:1)");
    },
  ];
  for (const fail of errors) {
    try {
      fail();
    } catch (error) {
      onError("request failed unexpectedly", error);
    }
  }
  onError("error thrown unexpectedly", "s3cr3t");
  onError("listener failed", new Error("Too many open files (os error 24)"));
  assertEquals(lines.length, 5);
  assertNotMatch(JSON.stringify(lines), /s3cr3t/);
  for (const [level, , fields] of lines.slice(0, 3)) {
    assertEquals(level, "error");
    assertMatch((fields as { error: string }).error, /^TypeError\n {4}at .*start_log_test\.ts/s);
  }
  assertEquals(lines[4]?.[2], { error: "Error: Too many open files (os error 24)" });
});

/** Columns: host; what follows the URL in the first line; `address` of the JSON line, without its port. */
const HOSTS: [host: string, shown: string, address: string][] = [
  ["127.0.0.1", "", "127.0.0.1"],
  ["0.0.0.0", " (0.0.0.0:PORT, all IPv4 addresses)", "0.0.0.0"],
  ["::", " ([::]:PORT, all addresses)", "[::]"],
  ["localhost", " (127.0.0.1:PORT)", "127.0.0.1"],
];

for (const [host, shown, address] of HOSTS) {
  Deno.test(`serve --host ${host} logs the address that it really listens on`, async () => {
    await using file = await tempConfig("services: [{ name: a, url: 'http://localhost:1' }]\nadmin: { port: 0 }\n");
    const args = ["-c", file.path, "-p", "0", "--host", host];
    const terminal = createTestIo({ isTerminal: true });
    const ended = runCommandLine(args, terminal);
    const [, url = "", rest] = await terminal.stdout.seen(/listens on (\S+)(.*)\n/);
    terminal.signal("SIGTERM");
    await ended;
    // Colors are escape sequences after an "m".
    const [, port = ""] = /:(\d+)/.exec(url.replace("http:", "")) ?? [];
    assertEquals(rest, shown.replace("PORT", port));
    const pipe = createTestIo();
    const piped = runCommandLine(args, pipe);
    const [line] = await pipe.stdout.seen(/^.*listening.*\n/m);
    pipe.signal("SIGTERM");
    await piped;
    const { url: jsonUrl, address: jsonAddress, adminAddress } = JSON.parse(line);
    assertEquals(jsonAddress, `${address}:${new URL(jsonUrl).port}`);
    assertMatch(adminAddress, /^127\.0\.0\.1:\d+$/);
  });
}

Deno.test("serve never shows the value of a placeholder as its address", async () => {
  await using host = await tempConfig("127.0.0.1");
  await using file = await tempConfig(
    `services: [{ name: a, url: 'http://localhost:1' }]\nhostname: "\${file:${host.path}}"\nport: 0\n`,
  );
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path], io);
  await io.stdout.seen(/listening/);
  io.signal("SIGTERM");
  await ended;
  assertNotMatch(io.stdout.text, /127\.0\.0\.1/);
});

Deno.test("warnings at the start of serve are log lines in the format of --log-format", async () => {
  const port = freePort();
  await using file = await tempConfig(`\
port: ${port}
hostname: 127.0.0.1
services:
  - { name: a, url: "http://localhost:${port}", pathPrefix: "/api/*" }
`);
  for (const format of ["json", "pretty"]) {
    const io = createTestIo();
    const ended = runCommandLine(["-c", file.path, "--log-format", format], io);
    await io.stdout.seen(/listen/);
    io.signal("SIGTERM");
    await ended;
    assertEquals(io.stderr.text, "");
    const lines = io.stdout.text.split("\n").filter((line) => line.includes("services[0]"));
    assertEquals(lines.length, 2, io.stdout.text);
    if (format === "json") {
      assertEquals(lines.map((line) => JSON.parse(line)).map(({ level, message }) => [level, message]), [
        ["warn", "configuration"],
        ["warn", "configuration"],
      ]);
    } else assertMatch(lines[0]!, /configuration.*is not a wildcard/);
  }
});

Deno.test("serve does not warn of a loop if --port moves the listener away from a service", async () => {
  const backend = freePort();
  await using file = await tempConfig(
    `hostname: 127.0.0.1\nport: ${backend}\nservices: [{ name: a, url: "http://localhost:${backend}" }]\n`,
  );
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path, "-p", "0"], io);
  await io.stdout.seen(/listening/);
  io.signal("SIGTERM");
  await ended;
  assertNotMatch(io.stdout.text, /own address/);
});
