import {
  assertEquals,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { parseCommandLine } from "../../src/cli/command_line.ts";
import { CommandError } from "../../src/cli/commands.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import { serveWorkers } from "../../src/cli/serve_workers.ts";
import { startLog } from "../../src/cli/start_log.ts";
import type { Config } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { AsyncQueue } from "../../src/lib/async_queue.ts";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { cliCommand, type CliProcess, runCli, startCli, type TempConfig, tempConfig } from "../_support/cli_process.ts";
import { exchangeRaw, startBackend, startSlowBackend, untilRefused } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";
import { freePort } from "../_support/ports.ts";

/** On other systems, threads cannot share a port, and the flag is rejected. */
const isLinux = Deno.build.os === "linux";
const LOOPBACK = ["--host", "127.0.0.1"];
const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/** Enough connections to reach both workers, with an error probability of 10⁻¹⁵. */
const MANY = 50;

function testOnLinux(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !isLinux, fn });
}

interface Started extends AsyncDisposable {
  readonly child: CliProcess;
  readonly url: string;
  readonly port: number;
}

async function start(file: TempConfig, ...args: string[]): Promise<Started> {
  const child = startCli(["--config", file.path, ...LOOPBACK, "--port", "0", "--workers", "2", ...args]);
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  return { child, url, port: Number(new URL(url).port), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

/** Sends concurrent requests, each on its own connection. */
function sendMany(port: number): Promise<string>[] {
  return Array.from({ length: MANY }, () => exchangeRaw(port, GET));
}

/** Waits until at most `left` of the responses are pending. */
function untilPending(left: number, responses: readonly Promise<string>[]): Promise<void> {
  let pending = responses.length;
  return new Promise((resolve) => {
    const settled = () => void (--pending <= left && resolve());
    for (const response of responses) response.then(settled, settled);
  });
}

function countOf(responses: readonly string[], text: string): number {
  return responses.filter((response) => response.includes(text)).length;
}

function linesOf({ child }: Started): Record<string, unknown>[] {
  return child.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

testOnLinux("every worker responds within its part of maxInFlight, and the start is logged once", async () => {
  await using backend = startSlowBackend();
  await using file = await tempConfig(
    `limits: { maxInFlight: 6, maxInFlightPerClient: 6 }\nservices: [{ name: a, url: "${backend.url}" }]\n`,
  );
  await using started = await start(file);
  const responses = sendMany(started.port);
  // A single worker would accept three.
  await backend.received(6);
  backend.release();
  const all = await Promise.all(responses);
  assertEquals([countOf(all, "HTTP/1.1 200 "), countOf(all, "HTTP/1.1 503 ")], [6, MANY - 6]);

  started.child.kill("SIGTERM");
  assertEquals(await started.child.exited, 0);
  const listening = linesOf(started).filter(({ message }) => message === "listening");
  assertEquals(listening.map(({ workers }) => workers), [2]);
});

testOnLinux("an address in use is an error before anything starts", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
  await using started = await start(file);
  for (const port of [backend.port, started.port]) {
    for (const workers of ["1", "2"]) {
      const { code, stdout, stderr } = await runCli(
        ["--config", file.path, ...LOOPBACK, "--port", String(port), "--workers", workers],
      );
      // A service at the address of the listener is a loop, of which a warning tells.
      assertEquals([code, stdout.replace(/^.*so its requests end with 508.*\n/, "")], [1, ""]);
      assertEquals(
        stderr,
        `error: Cannot listen on 127.0.0.1:${port}: address already in use by another program\n`,
      );
    }
  }
});

testOnLinux("a port that has just been served on can be served on again", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
  await using first = await start(file);
  await Promise.all(sendMany(first.port));
  first.child.kill("SIGTERM");
  await first.child.exited;
  await using second = await start(file, "--port", String(first.port));
  assertEquals(countOf(await Promise.all(sendMany(second.port)), "HTTP/1.1 200 "), MANY);
});

testOnLinux("SIGHUP changes all workers, and a file with problems none", async () => {
  await using one = startBackend(() => new Response("from one"));
  await using two = startBackend(() => new Response("from two"));
  const textFor = (url: string) => `services: [{ name: a, url: "${url}" }]\n`;
  await using file = await tempConfig(textFor(one.url));
  await using started = await start(file);
  const { child, port } = started;
  assertEquals(countOf(await Promise.all(sendMany(port)), "from one"), MANY);

  await Deno.writeTextFile(file.path, `logging: { level: debug }\n${textFor(two.url)}`);
  child.kill("SIGHUP");
  await child.stdout.seen(/configuration reloaded/);
  assertEquals(countOf(await Promise.all(sendMany(port)), "from two"), MANY);
  await child.stdout.seen(/attempt succeeded/);

  await Deno.writeTextFile(file.path, "services: nonsense\n");
  child.kill("SIGHUP");
  await child.stdout.seen(/configuration not reloaded/);
  assertEquals(countOf(await Promise.all(sendMany(port)), "from two"), MANY);
});

testOnLinux("a reload moves all workers to a new port, or none where it is taken", async () => {
  await using old = startSlowBackend();
  const textFor = (port: number) => `port: ${port}\nservices: [{ name: a, url: "${old.url}" }]\n`;
  await using file = await tempConfig(textFor(freePort()));
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path, ...LOOPBACK, "--workers", "2"], io);
  const [, before = ""] = await io.stdout.seen(/"url":"(.*?)"/);
  const responses = sendMany(Number(new URL(before).port));
  await old.received(MANY);

  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await Deno.writeTextFile(file.path, textFor(other.addr.port));
  io.reload();
  await io.stdout.seen(/address already in use by another program/);
  const late = exchangeRaw(Number(new URL(before).port), GET);
  await old.received(MANY + 1);

  await Deno.writeTextFile(file.path, textFor(freePort()));
  io.reload();
  const [, after = ""] = await io.stdout.seen(/"url":"[^]*"url":"(http:\/\/127.*?)","workers/);
  assertNotEquals(after, before);
  await untilRefused(before);
  old.release();
  assertEquals(countOf(await Promise.all([...responses, late]), "finished"), MANY + 1);
  assertEquals(countOf(await Promise.all(sendMany(Number(new URL(after).port))), "finished"), MANY);
  io.signal("SIGTERM");
  assertEquals(await ended, 0);
});

Deno.test({
  name: "a reload uses a new certificate on the same port in every worker, and refuses no connection meanwhile",
  ignore: !isLinux || !hasOpenssl,
  fn: async () => {
    await using first = await makeCertificate();
    await using second = await makeCertificate();
    await using backend = startBackend();
    const folder = await Deno.makeTempDir();
    const write = async ({ cert, key }: { cert: string; key: string }) => {
      await Deno.writeTextFile(`${folder}/cert.pem`, cert);
      await Deno.writeTextFile(`${folder}/key.pem`, key);
    };
    await write(first);
    await Deno.writeTextFile(
      `${folder}/c.yaml`,
      `tls: { cert: "\${file:cert.pem}", key: "\${file:key.pem}" }\nservices: [{ name: a, url: "${backend.url}" }]\n`,
    );
    const io = createTestIo();
    const ended = runCommandLine(["-c", `${folder}/c.yaml`, ...LOOPBACK, "--port", "0", "--workers", "2"], io);
    const [, url = ""] = await io.stdout.seen(/"url":"(.*?)"/);
    assertEquals(await trusting(url, first.cert), MANY);

    await write({ cert: second.cert, key: first.key });
    io.reload();
    await io.stdout.seen(/tls\.key: is not the private key of/);
    assertEquals(await trusting(url, first.cert), MANY);

    await write(second);
    io.reload();
    await io.stdout.seen(/configuration reloaded/);
    assertEquals([await trusting(url, first.cert), await trusting(url, second.cert)], [0, MANY]);
    io.signal("SIGTERM");
    assertEquals(await ended, 0);
    await Deno.remove(folder, { recursive: true });
  },
});

testOnLinux("SIGTERM lets every worker finish, and no log line is lost, nor mixed with another", async () => {
  await using backend = startSlowBackend();
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
  await using started = await start(file);
  const { child, port, url } = started;
  // Longer than a pipe's buffer.
  const paths = Array.from({ length: 10 * MANY }, (_, index) => `/${index}/${"x".repeat(1_500)}`);
  const responses = paths.map((path) => exchangeRaw(port, GET.replace("/", path)));
  await backend.received(paths.length);

  child.kill("SIGTERM");
  await child.stdout.seen(/"message":"stopping/);
  await untilRefused(url);
  backend.release();
  assertEquals(countOf(await Promise.all(responses), "finished"), paths.length);
  assertEquals([await child.exited, child.stderr.text], [0, ""]);
  const lines = linesOf(started);
  const logged = lines.filter(({ message }) => message === "request completed").map(({ path }) => path);
  assertEquals(logged.toSorted(), paths.toSorted());
  assertEquals(lines.at(-1)!.message, "stopped");
});

testOnLinux("a shutdown that takes too long reports the attempts in flight of all workers", async () => {
  await using backend = startSlowBackend();
  await using file = await tempConfig(
    `shutdownTimeout: 0.2\nservices: [{ name: a, url: "${backend.url}" }]\n`,
  );
  await using started = await start(file);
  const cut = sendMany(started.port).map((response) => response.catch(() => ""));
  await backend.received(MANY);
  const beforeMs = performance.now();
  started.child.kill("SIGTERM");
  assertEquals(await started.child.exited, 0);
  assertLess(performance.now() - beforeMs, 5_000);
  await Promise.all(cut);
  const { message, attempts } = linesOf(started).at(-1)!;
  assertEquals([message, attempts], ["stopped with requests in flight: timed-out", MANY]);
});

testOnLinux("a second signal ends all workers at once, with 143", async () => {
  await using backend = startSlowBackend();
  await using file = await tempConfig(`shutdownTimeout: 600\nservices: [{ name: a, url: "${backend.url}" }]\n`);
  await using started = await start(file);
  const cut = sendMany(started.port).map((response) => response.catch(() => ""));
  await backend.received(MANY);
  started.child.kill("SIGTERM");
  await started.child.stdout.seen(/"message":"stopping/);
  started.child.kill("SIGTERM");
  assertEquals(await started.child.exited, 143);
  await Promise.all(cut);
});

testOnLinux("workers keep serving, and end, while their log is not read", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
  await using child = cliCommand(["-c", file.path, ...LOOPBACK, "--port", "0", "--workers", "2"]).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  const { port } = new URL(JSON.parse(value.split("\n")[0]!).url);
  // Some hundred kilobytes more than the pipe and this reader accept.
  const path = `/${"x".repeat(2_000)}`;
  for (let i = 0; i < 6; i++) {
    const responses = Array.from({ length: MANY }, () => exchangeRaw(Number(port), GET.replace("/", path)));
    assertEquals(countOf(await Promise.all(responses), "HTTP/1.1 200 "), MANY);
  }
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 0);
  await reader.cancel();
  await child.stderr.cancel();
});

testOnLinux("a request that comes back to another worker is 508 at once", async () => {
  const port = freePort();
  await using file = await tempConfig(`port: ${port}\nservices: [{ name: itself, url: "http://127.0.0.1:${port}" }]\n`);
  const child = startCli(["--config", file.path, ...LOOPBACK, "--workers", "2"]);
  await using started: Started = { child, port, url: "", [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
  await child.stdout.seen(/listening/);
  assertEquals(countOf(await Promise.all(sendMany(port)), "HTTP/1.1 508 "), MANY);
  child.kill("SIGTERM");
  await child.exited;
  // The client's request and the rejected shadow request count once each.
  assertEquals(linesOf(started).filter(({ message }) => message === "request completed").length, 2 * MANY);
});

testOnLinux("a worker that crashes is replaced at once, later and later where that goes on, and counted", async () => {
  await using backend = startSlowBackend();
  const { config } = validateConfig({
    port: 0,
    hostname: "127.0.0.1",
    limits: { maxInFlight: 6, maxInFlightPerClient: 6 },
    services: [{ name: "a", url: backend.url }],
  });
  await using crashing = await startCrashing(config);
  const { pool, io, loaded, crash } = crashing;
  const { port } = pool.address;
  const cut = sendMany(port).map((response) => response.catch(() => ""));
  await backend.received(6);
  assertEquals(pool.attemptsInFlight, 6);
  for (const crashes of [1, 2, 3]) {
    crash("conductor worker 1");
    await io.stdout.seen(new RegExp(`"crashes":${crashes}`));
    assertEquals(pool.attemptsInFlight, 3);
    assertEquals(await loaded.next(), "conductor worker 1");
  }
  const lost = io.stdout.text.split("\n").filter((line) => line.includes("worker crashed")).map((line) => {
    const { level, worker, crashes, restartMs, error } = JSON.parse(line);
    return [level, worker, crashes, restartMs, error];
  });
  assertEquals(lost, [
    ["error", 1, 1, 0, "Uncaught Error: crashed on purpose"],
    ["error", 1, 2, 50, "Uncaught Error: crashed on purpose"],
    ["error", 1, 3, 100, "Uncaught Error: crashed on purpose"],
  ]);

  // The replacement accepts three again, while the other worker is full.
  const more: Promise<string>[] = [];
  let isFull = false;
  const full = backend.received(9).then(() => isFull = true);
  while (!isFull) {
    const responses = sendMany(port);
    more.push(...responses);
    // All are rejected until the replacement listens. Then it may have accepted one or two of these.
    await Promise.race([full, untilPending(3, responses)]);
  }
  backend.release();
  await Promise.all(more);
  assertEquals(pool.crashes, 3);
  assertEquals(countOf(await Promise.all(cut), "finished"), 3);
});

testOnLinux("a worker that replaces another follows the last reload, at the same address", async () => {
  await using one = startBackend(() => new Response("from one"));
  await using two = startBackend(() => new Response("from two"));
  const [first, second] = [one, two].map(({ url }) => {
    return validateConfig({ port: 0, hostname: "127.0.0.1", services: [{ name: "a", url }] }).config;
  }) as [Config, Config];
  await using crashing = await startCrashing(first);
  const { pool, loaded, crash } = crashing;
  const { port } = pool.address;
  assertEquals(countOf(await Promise.all(sendMany(port)), "from one"), MANY);
  await pool.apply(second);
  crash("conductor worker 1");
  crash("conductor worker 2");
  await Promise.all([loaded.next(), loaded.next()]);
  // The line comes after both starts.
  await pool.apply(second);
  assertEquals(pool.address.port, port);
  assertEquals(countOf(await Promise.all(sendMany(port)), "from two"), MANY);
});

testOnLinux("a worker that fails to start fails the command", async () => {
  const { config } = validateConfig({ port: 0, services: [{ name: "a", url: "http://127.0.0.1:1" }] });
  const io = createTestIo();
  const args = parseCommandLine(["--workers", "2"]);
  const { logger } = startLog(config, args, io);
  const module = 'data:text/javascript,throw new Error("broken")';
  const error = await assertRejects(
    () => serveWorkers(config, { args, io, logger: () => logger, module }),
    CommandError,
  );
  assertMatch(error.message, /^Cannot start 2 workers: Uncaught \(in promise\) Error: broken$/);
});

testOnLinux("the text log shows the number of workers", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`services: [{ name: a, url: "${backend.url}" }]\n`);
  const io = createTestIo({ isTerminal: true });
  const ended = runCommandLine(["-c", file.path, ...LOOPBACK, "--port", "0", "--workers", "2"], io);
  await io.stdout.seen(/listens on [^ ]*http:[^ ]* with 2 workers\n/);
  io.signal("SIGTERM");
  assertEquals(await ended, 0);
});

Deno.test("--workers takes a number from 1 to 256, or auto", () => {
  const cores = isLinux ? navigator.hardwareConcurrency : 1;
  for (const [value, workers] of [["1", 1], ["2", 2], ["256", 256], ["auto", cores]] as const) {
    assertEquals(parseCommandLine(["--workers", value]).flags.workers, workers);
  }
  assertEquals(parseCommandLine([]).flags.workers, 1);
});

for (const value of ["0", "-1", "abc", "1.5", "257", "1e2", " 2", "Auto"]) {
  Deno.test(`--workers "${value}" is a usage error`, async () => {
    const io = createTestIo();
    assertEquals(await runCommandLine([`--workers=${value}`], io), 2);
    assertStringIncludes(
      io.stderr.text,
      `error: \`--workers\` must be a whole number from 1 to 256, or auto: found "${value}"\n`,
    );
  });
}

/** Returns the number of connections that get a certificate signed by this one. */
async function trusting(url: string, cert: string): Promise<number> {
  const results = Array.from({ length: MANY }, async () => {
    using client = Deno.createHttpClient({ caCerts: [cert] });
    try {
      await (await fetch(url, { client })).body?.cancel();
      return 1;
    } catch {
      return 0;
    }
  });
  return (await Promise.all(results)).reduce((sum: number, one) => sum + one, 0);
}

/** Starts two workers that crash on command, by name. */
async function startCrashing(config: Config) {
  const io = createTestIo();
  const args = parseCommandLine(["--workers", "2"]);
  const { logger } = startLog(config, args, io);
  const channel = new BroadcastChannel("crashing workers");
  const loaded = new AsyncQueue<string>();
  channel.onmessage = ({ data }) => loaded.push(data.loaded);
  const module = new URL("../_support/crashing_worker.ts", import.meta.url);
  const pool = await serveWorkers(config, { args, io, logger: () => logger, module });
  await Promise.all([loaded.next(), loaded.next()]);
  return {
    io,
    loaded,
    pool,
    crash: (name: string) => channel.postMessage({ crash: name }),
    [Symbol.asyncDispose]: async () => {
      await pool.shutdown();
      pool.end();
      channel.close();
    },
  };
}
