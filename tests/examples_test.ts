/** The files of examples/, unchanged except for addresses. */

import { assert, assertEquals } from "@std/assert";
import { startCli, type TempConfig, tempConfig } from "./_support/cli_process.ts";
import { type Backend, startBackend } from "./_support/servers.ts";
import { runCommandLine } from "../src/cli/main.ts";
import { createTestIo } from "./_support/test_io.ts";

for (const name of ["config", "shadow", "redundant", "hedge"]) {
  Deno.test(`examples/${name}.yaml has no errors and no warnings, and is short`, async () => {
    const path = `examples/${name}.yaml`;
    const io = createTestIo();
    assertEquals(await runCommandLine(["check", "--config", path], io), 0);
    // The file of go-conductor keeps its default, and check advises another one.
    const advice = name === "config" ? /^warning: wait: clients of .*\n/ : "";
    assertEquals(io.stderr.text.replace(advice, ""), "");
    assert((await Deno.readTextFile(path)).split("\n").length <= 40);
  });
}

Deno.test("examples/websocket/config.yaml has no errors and no warnings, and is short", async () => {
  const path = "examples/websocket/config.yaml";
  const io = createTestIo();
  assertEquals(await runCommandLine(["check", "--config", path], io), 0);
  assertEquals(io.stderr.text, "");
  assert((await Deno.readTextFile(path)).split("\n").length <= 40);
});

Deno.test("examples/websocket/run.ts shows primary, shadow and fallback", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--no-prompt", "--allow-net", "--allow-read", "--allow-write", "--allow-run"],
      "examples/websocket/run.ts",
    ],
    stdin: "null",
  }).output();
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assert(success, new TextDecoder().decode(stderr));
  assertEquals(lines.filter((line) => /^client|^closed|^log/.test(line)), [
    'client got "echo: hello"',
    'client got "echo: world"',
    "closed with 1000",
    'client got "fallback: still there?"',
    "closed with 1000",
    "log: echo closed by the service, 1000, 30 and 30 bytes",
    "log: fallback closed by the service, 1000, 26 and 28 bytes",
  ]);
  // The shadow may get a message before or after the selected service.
  assertEquals(lines.filter((line) => line.startsWith("  next")), [
    '  next got "hello"',
    '  next got "world"',
    '  next got "still there?"',
  ]);
});

/** Returns the example with the addresses of the backends. */
async function exampleFor(name: string, backends: readonly Backend[]): Promise<TempConfig> {
  const text = await Deno.readTextFile(`examples/${name}.yaml`);
  return await tempConfig(
    text.replaceAll(/http:\/\/localhost:808(\d)/g, (_, digit) => backends[Number(digit) - 1]!.url),
  );
}

/** Starts conductor with the example. `send` returns the status and the responding backend. */
async function start(name: string, backends: readonly Backend[]) {
  const file = await exampleFor(name, backends);
  const child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1", "--verbose"]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  return {
    log: child.stdout,
    async send(init?: RequestInit): Promise<string> {
      const response = await fetch(`${url}/x`, init);
      await response.body?.cancel();
      return `${response.status} ${response.headers.get("x-conductor-service")}`;
    },
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await file[Symbol.asyncDispose]();
    },
  };
}

Deno.test("examples/shadow.yaml mirrors a tenth of the safe requests without credentials, and an unreachable shadow has no effect", async () => {
  await using stable = startBackend();
  const next = startBackend(() => new Response(null, { status: 500 }));
  await using example = await start("shadow", [stable, next]);
  assertEquals(await example.send({ method: "POST", body: "order" }), "200 stable");
  for (let sent = 0; sent < 30; sent++) {
    assertEquals(await example.send({ headers: { cookie: "sid=1", authorization: "Bearer x" } }), "200 stable");
  }
  await next.received(3);
  assertEquals([stable.seen.length, next.seen.length], [31, 3]);
  assertEquals(next.seen.map(({ method }) => method), ["GET", "GET", "GET"]);
  assertEquals(next.seen.map(({ headers }) => [headers.get("cookie"), headers.get("authorization")]), [
    [null, null],
    [null, null],
    [null, null],
  ]);
  assertEquals(stable.seen[1]!.headers.get("cookie"), "sid=1");
  await next[Symbol.asyncDispose]();
  for (let sent = 0; sent < 10; sent++) assertEquals(await example.send(), "200 stable");
});

Deno.test("examples/redundant.yaml sends every request to both backends, and falls back to the second", async () => {
  let status = 200;
  await using main = startBackend(() => new Response(null, { status }));
  await using backup = startBackend();
  await using example = await start("redundant", [main, backup]);
  assertEquals(await example.send({ method: "POST", body: "x" }), "200 main");
  await backup.received(1);
  status = 503;
  for (let sent = 0; sent < 7; sent++) assertEquals(await example.send(), "200 backup");
  // After five failures, it gets no more requests.
  assertEquals([main.seen.length, backup.seen.length], [6, 8]);
});

Deno.test("examples/hedge.yaml uses the second backend only if the first one is late or fails", async () => {
  const released = Promise.withResolvers<void>();
  let behaviour: "quick" | "late" | "failing" = "quick";
  await using one = startBackend(async () => {
    if (behaviour === "late") await released.promise;
    return new Response(null, { status: behaviour === "failing" ? 500 : 200 });
  });
  await using two = startBackend();
  await using example = await start("hedge", [one, two]);
  for (let sent = 0; sent < 100; sent++) assertEquals(await example.send(), "200 one");
  assertEquals(two.seen.length, 0);
  behaviour = "late";
  assertEquals(await example.send(), "200 two");
  await example.log.seen(/"attempt aborted".*"service":"one"/);
  released.resolve();
  behaviour = "failing";
  assertEquals(await example.send(), "200 two");
  assertEquals(await example.send({ method: "POST", body: "order" }), "500 one");
  assertEquals(two.seen.length, 2);
});
