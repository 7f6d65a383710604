import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { runCommandLine } from "../../src/cli/main.ts";
import { cliCommand, type CliProcess, startCli, type TempConfig, tempConfig } from "../_support/cli_process.ts";
import { readUntil, type SlowBackend, startBackend, startSlowBackend, untilRefused } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function configFor(backend: SlowBackend, extra = ""): Promise<TempConfig> {
  return tempConfig(`${extra}services: [{ name: slow, url: "${backend.url}" }]\n`);
}

async function start(file: TempConfig): Promise<{ child: CliProcess; url: string }> {
  const child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  return { child, url };
}

const isWindows = Deno.build.os === "windows";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test({
    name: `${signal} refuses new connections, completes requests in flight, and exits with 0`,
    ignore: isWindows,
    fn: async () => {
      await using backend = startSlowBackend();
      await using file = await configFor(backend);
      const { child, url } = await start(file);
      await using _ = child;
      const response = fetch(`${url}/slow`).then((response) => response.text());
      await backend.received(1);

      child.kill(signal);
      await child.stdout.seen(/"message":"stopping/);
      await untilRefused(url);

      backend.release();
      assertEquals(await response, "finished");
      assertEquals(await child.exited, 0);
      assertStringIncludes(child.stdout.text, '"message":"stopped"');
      assertEquals(child.stderr.text, "");
    },
  });
}

for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
  Deno.test({
    name: `a second ${signal} ends the process at once, with ${code}`,
    ignore: isWindows,
    fn: async () => {
      await using backend = startSlowBackend();
      await using file = await configFor(backend, "shutdownTimeout: 600\n");
      const { child, url } = await start(file);
      await using _ = child;
      const cut = assertRejects(() => fetch(`${url}/slow`));
      await backend.received(1);

      child.kill(signal);
      await child.stdout.seen(/"message":"stopping/);
      child.kill(signal);
      assertEquals(await child.exited, code);
      await cut;
      assertStringIncludes(child.stdout.text, "stopped with requests in flight: interrupted");
    },
  });
}

Deno.test({
  name: "a shutdown waits no longer than shutdownTimeout, and exits with 0",
  ignore: isWindows,
  fn: async () => {
    await using backend = startSlowBackend();
    await using file = await configFor(backend, "shutdownTimeout: 0.2\n");
    const { child, url } = await start(file);
    await using _ = child;
    const cut = assertRejects(() => fetch(`${url}/slow`));
    await backend.received(1);

    const before = performance.now();
    child.kill("SIGTERM");
    assertEquals(await child.exited, 0);
    assertLess(performance.now() - before, 5_000);
    await cut;
    assertStringIncludes(child.stdout.text, "stopped with requests in flight: timed-out");
  },
});

Deno.test("a shutdown waits for shadow requests in flight", async () => {
  await using shadow = startSlowBackend();
  const primary = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("quick"));
  await using file = await tempConfig(`\
services:
  - { name: quick, url: "http://127.0.0.1:${primary.addr.port}" }
  - { name: mirror, url: "${shadow.url}", shadow: true }
`);
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path, "--port", "0", "--host", "127.0.0.1", "--verbose"], io);
  const [, url] = await io.stdout.seen(/"url":"(.*?)"/);
  assertEquals(await (await fetch(`${url}/`)).text(), "quick");
  await shadow.received(1);

  io.signal("SIGTERM");
  await io.stdout.seen(/"message":"stopping/);
  let hasEnded = false;
  const watched = ended.then(() => hasEnded = true);
  // A response from another server has arrived, so the shutdown has had its turns of the event loop.
  await (await fetch(`http://127.0.0.1:${primary.addr.port}/`)).body?.cancel();
  assert(!hasEnded);
  shadow.release();
  await watched;
  assertEquals(await ended, 0);
  assertStringIncludes(io.stdout.text, '"service":"mirror","role":"shadow","success":true');
  await primary.shutdown();
});

Deno.test("a second signal in the same process exits with 143", async () => {
  await using backend = startSlowBackend();
  await using file = await configFor(backend);
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path, "--port", "0", "--host", "127.0.0.1"], io);
  const [, url] = await io.stdout.seen(/"url":"(.*?)"/);
  const response = fetch(`${url}/`);
  await backend.received(1);
  io.signal("SIGINT");
  io.signal("SIGTERM");
  assertEquals(await ended, 143);
  backend.release();
  assertEquals(await (await response).text(), "finished");
});

Deno.test({
  name: "the last lines of the log arrive even if the reader of stdout is slow",
  ignore: isWindows,
  fn: async () => {
    await using backend = startSlowBackend();
    backend.release();
    await using file = await configFor(backend);
    const { child, url } = await start(file);
    await using _ = child;
    const paths = Array.from({ length: 300 }, (_, index) => `/${index}/${"x".repeat(1_000)}`);
    for (const path of paths) await (await fetch(url + path)).body?.cancel();
    child.kill("SIGTERM");
    assertEquals(await child.exited, 0);
    for (const path of paths) assertStringIncludes(child.stdout.text, `"path":"${path}"`);
    assert(child.stdout.text.trimEnd().endsWith('"message":"stopped"}'));
  },
});

Deno.test({
  name: "the process keeps serving after the reader of its log has closed",
  ignore: isWindows,
  fn: async () => {
    await using backend = startSlowBackend();
    backend.release();
    await using file = await configFor(backend);
    const child = cliCommand(["--config", file.path, "--port", "0", "--host", "127.0.0.1"]).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await reader.read();
    await reader.cancel();
    const { url } = JSON.parse(value);
    for (let i = 0; i < 5; i++) assertEquals(await (await fetch(`${url}/`)).text(), "finished");
    child.kill("SIGTERM");
    assertEquals(await new Response(child.stderr).text(), "");
    assertEquals((await child.status).code, 0);
  },
});

/** Starts a backend that reads whole bodies, and responds with their lengths. */
function startCounter() {
  return startBackend((_, body) => new Response(String(body.length)));
}

async function writeAll(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Ways of uploading: one body is read into memory, the other one is streamed. */
const UPLOADS: readonly [name: string, head: string, half: string, end: string][] = [
  ["small", "Content-Length: 20", "0123456789", "0123456789"],
  ["chunked", "Transfer-Encoding: chunked", "a\r\n0123456789\r\n", "a\r\n0123456789\r\n0\r\n\r\n"],
  ["large", "Content-Length: 200000", "x".repeat(100_000), "x".repeat(100_000)],
];

for (const workers of [1, 2]) {
  for (const [name, head, half, rest] of UPLOADS) {
    Deno.test({
      name: `SIGTERM with --workers ${workers} lets a ${name} upload in flight finish`,
      ignore: isWindows || (workers > 1 && Deno.build.os !== "linux"),
      fn: async () => {
        await using backend = startCounter();
        await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
        const args = ["--config", file.path, "--port", "0", "--host", "127.0.0.1", "--workers", String(workers)];
        await using child = startCli(args);
        const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
        using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
        const write = (text: string) => writeAll(connection, text);
        await write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n${half}`);
        // Another request on another connection: the first one has been received by then.
        await (await fetch(`${url}/other`)).body?.cancel();

        child.kill("SIGTERM");
        await child.stdout.seen(/"message":"stopping/);
        // Longer than a shutdown without an upload takes.
        await new Promise((resolve) => setTimeout(resolve, 500));
        await write(rest);
        const response = await readUntil(connection, "\0never\0");
        assertMatch(response, /^HTTP\/1\.1 200 OK\r\n/);
        assertMatch(response, /^connection: close\r$/im);
        assertEquals(await child.exited, 0);
        assertStringIncludes(child.stdout.text, '"message":"stopped"');
      },
    });
  }
}

for (const workers of [1, 2]) {
  Deno.test({
    name: `shutdownDelay with --workers ${workers}: not ready, but requests are served, until the drain begins`,
    ignore: isWindows || (workers > 1 && Deno.build.os !== "linux"),
    fn: async () => {
      await using backend = startCounter();
      const text = `admin: { port: 0 }\nshutdownDelay: 1\nservices: [{ name: a, url: "${backend.url}" }]\n`;
      await using file = await tempConfig(text);
      const args = ["--config", file.path, "--port", "0", "--host", "127.0.0.1", "--workers", String(workers)];
      await using child = startCli(args);
      const [, url = "", admin = ""] = await child.stdout.seen(/"url":"(.*?)","admin":"(.*?)"/);
      const readiness = async () => {
        const response = await fetch(`${admin}readyz`);
        await response.body?.cancel();
        return response.status;
      };
      assertEquals(await readiness(), 200);
      child.kill("SIGTERM");
      await child.stdout.seen(/"message":"stopping soon: not ready, still accepting requests"/);
      assertEquals(await readiness(), 503);
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
      await writeAll(connection, GET);
      const response = await readUntil(connection);
      assertMatch(response, /^HTTP\/1\.1 200 OK\r\n/);
      // The drain has not begun: a balancer may still use the connection.
      assertNotMatch(response, /^connection: close\r$/im);
      assertNotMatch(child.stdout.text, /no new requests/);
      await child.stdout.seen(/"message":"stopping: no new requests/);
      assertEquals(await child.exited, 0);
    },
  });
}

Deno.test({
  name: "a second signal ends shutdownDelay and the process at once",
  ignore: isWindows,
  fn: async () => {
    await using backend = startSlowBackend();
    await using file = await configFor(backend, "shutdownDelay: 600\n");
    const { child } = await start(file);
    await using _ = child;
    child.kill("SIGTERM");
    await child.stdout.seen(/"message":"stopping soon/);
    child.kill("SIGINT");
    assertEquals(await child.exited, 130);
  },
});

/** Sends requests on connections of their own, without reading the responses. */
async function sendAll(port: number, requests: readonly string[]): Promise<Deno.Conn[]> {
  return await Promise.all(requests.map(async (request) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await writeAll(connection, request);
    return connection;
  }));
}

Deno.test("every kind of response of a draining server has Connection: close", async () => {
  await using slow = startSlowBackend();
  await using file = await tempConfig(`\
admin: { port: 0 }
metrics: { enabled: true }
maxBodySize: 1KiB
services: [{ name: slow, url: "${slow.url}", pathPrefix: /slow }]
`);
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path, "--port", "0", "--host", "127.0.0.1"], io);
  const [, url = "", admin = ""] = await io.stdout.seen(/"url":"(.*?)","admin":"(.*?)"/);
  const port = Number(new URL(url).port);
  const request = (line: string, fields = "") => `${line} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const idle = await sendAll(port, ["", "", "", ""]);
  const [inFlight] = await sendAll(port, [request("GET /slow")]) as [Deno.Conn];
  // An upload keeps the server open, so that everything else can be sent to the draining server.
  const [upload] = await sendAll(port, [request("POST /slow", "Content-Length: 20\r\n")]) as [Deno.Conn];
  await slow.received(1);
  io.signal("SIGTERM");
  await io.stdout.seen(/no new requests/);

  const kinds = [
    request("GET /none"),
    request("GET /metrics"),
    request("POST /slow/large", "Content-Length: 2000\r\n"),
    request("GET /bad", "X: \u00ff\r\n").replace("/bad", "/%"),
  ];
  for (const [index, connection] of idle.entries()) {
    await writeAll(connection, kinds[index]!);
    assertMatch(await readUntil(connection), /^connection: close\r$/im, kinds[index]);
    connection.close();
  }
  slow.release();
  await writeAll(upload, "x".repeat(20));
  for (const connection of [inFlight, upload]) {
    const response = await readUntil(connection);
    assertMatch(response, /^HTTP\/1\.1 200 /);
    assertMatch(response, /^connection: close\r$/im);
    connection.close();
  }
  assertEquals(await ended, 0);
  assertStringIncludes(io.stdout.text, '"message":"stopped"');
  await untilRefused(admin);
});
