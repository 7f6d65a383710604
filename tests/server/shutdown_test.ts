import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";

import { runCommandLine } from "../../src/cli/main.ts";
import { cliCommand, type CliProcess, startCli, type TempConfig, tempConfig } from "../_support/cli_process.ts";
import { type SlowBackend, startSlowBackend, untilRefused } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

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
