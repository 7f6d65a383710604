import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type {
  ConductorEvent,
  HeaderLine,
  ServiceInput,
  Transport,
  TransportRequest,
  TransportResult,
} from "@zeek/conductor";

import { runCommandLine } from "../../src/cli/main.ts";
import type { Service } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { Health, HealthCounter } from "../../src/policy/health.ts";
import { checkHealth } from "../../src/server/health_check.ts";
import { HealthChecks } from "../../src/server/health_checks.ts";
import { runtimeTransport } from "../../src/upstream/runtime_transport.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { type Backend, exchangeRaw, refusingUrl, startBackend, startRawBackend } from "../_support/servers.ts";
import { createTestIo } from "../_support/test_io.ts";

const FOREVER = new AbortController().signal;

function serviceOf(service: Partial<ServiceInput>): Service {
  return validateConfig({ services: [{ name: "a", url: "http://a", ...service }] }).config.services[0]!;
}

/** Columns: consecutive checks, `+` good and `-` bad, and the state after each. */
const TALLIES: readonly (readonly [checks: string, states: string])[] = [
  ["+++", "HHH"],
  ["--+--", "HHHHH"],
  ["---", "HHU"],
  ["----+-++", "HHUUUUUH"],
  ["---++--+---", "HHUUHHHHHHU"],
];

for (const [checks, states] of TALLIES) {
  Deno.test(`a service is checked with ${checks} and becomes ${states}`, () => {
    const tally = new HealthCounter({ unhealthyAfter: 3, healthyAfter: 2 });
    let state = "H";
    const seen = [...checks].map((check) => {
      const next = tally.count(check === "+");
      if (next !== undefined) state = next === "healthy" ? "H" : "U";
      return state;
    });
    assertEquals(seen.join(""), states);
  });
}

const CHECK = { path: "/up", timeout: 20 };

async function check(service: Partial<ServiceInput>): Promise<string> {
  const checked = serviceOf(service);
  const result = await checkHealth(checked, checked.health!, { transport: runtimeTransport(), signal: FOREVER });
  return `${result.isExpected ? "good" : "bad"} ${result.status ?? result.failure}`;
}

Deno.test("checkHealth() sends a GET below the base path of the service", async () => {
  await using backend = startBackend();
  const health = { ...CHECK, path: "/up?deep=1" };
  const headers = { authorization: "Bearer x" };
  assertEquals(await check({ url: `${backend.url}/base`, health, headers, host: "api.test" }), "good 200");
  const [seen] = backend.seen;
  assertEquals([seen?.method, seen?.target, seen?.body], ["GET", "/base/up?deep=1", ""]);
  assertEquals(["host", "user-agent", "authorization"].map((name) => seen?.headers.get(name)), [
    "api.test",
    "conductor-health",
    "Bearer x",
  ]);
});

/** Columns: the status, the expected statuses, and the result. */
const STATUSES: readonly (readonly [status: number, expect: string | string[] | undefined, result: string])[] = [
  [200, undefined, "good 200"],
  [204, undefined, "good 204"],
  [302, undefined, "good 302"],
  [404, undefined, "bad 404"],
  [503, undefined, "bad 503"],
  [200, "204", "bad 200"],
  [404, ["2xx", "404"], "good 404"],
];

Deno.test("checkHealth() accepts the expected statuses, and follows no redirect", async () => {
  for (const [status, expect, result] of STATUSES) {
    await using backend = startBackend(() =>
      new Response(null, { status, headers: status === 302 ? { location: "/elsewhere" } : {} })
    );
    const health = expect === undefined ? CHECK : { ...CHECK, expect };
    assertEquals(await check({ url: backend.url, health }), result);
    assertEquals(backend.seen.length, 1);
  }
});

Deno.test("checkHealth() fails if the response is missing or incomplete at the timeout", async () => {
  const health = { ...CHECK, timeout: "50ms" } as const;
  assertEquals(await check({ url: refusingUrl(), health: CHECK }), "bad refused");
  for (const bytes of ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel"]) {
    await using hanging = startRawBackend(async (connection) => {
      await connection.read(new Uint8Array(1_000));
      await connection.write(new TextEncoder().encode(bytes));
      while (await connection.read(new Uint8Array(1_000)) !== null);
    });
    assertEquals(await check({ url: hanging.url, health }), "bad timeout");
  }
});

Deno.test("checkHealth() does not read a response without end", async () => {
  await using endless = startBackend(() =>
    new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10_000)) }))
  );
  assertEquals(await check({ url: endless.url, health: CHECK }), "good 200");
});

Deno.test("checkHealth() survives a transport that rejects", async () => {
  const service = serviceOf({ health: CHECK });
  const transport: Transport = () => Promise.reject(new Error("bug"));
  const result = await checkHealth(service, service.health!, { transport, signal: FOREVER });
  assertEquals(result, { isExpected: false, failure: "protocol", error: "bug" });
});

/** Starts checks over a transport whose result the test sets, and whose requests it records. */
function scripted(random?: () => number) {
  const asked: TransportRequest[] = [];
  const events: ConductorEvent[] = [];
  const health = new Health();
  const script = {
    asked,
    events,
    health,
    answer: { ok: false, kind: "refused", error: "Connection refused" } as TransportResult,
  };
  const transport: Transport = (request) => {
    asked.push(request);
    return Promise.resolve(script.answer);
  };
  const observe = (event: ConductorEvent) => void events.push(event);
  const redaction = () => ({
    line: (line: HeaderLine) => line,
    text: (text: string) => text,
    words: (text: string) => text,
  });
  const checks = new HealthChecks({ transport, health, redaction, observe, ...(random && { random }) });
  return Object.assign(script, { checks });
}

/** Lets time pass in steps, so that each step sees the effects of the one before. */
async function pass(time: FakeTime, ms: number, stepMs = 1): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) await time.tickAsync(stepMs);
  await time.runMicrotasks();
}

Deno.test("HealthChecks pauses for the interval, plus or minus a tenth, until it is stopped", async () => {
  for (const [random, pauseMs] of [[0, 900], [0.5, 1_000], [1, 1_100]] as const) {
    using time = new FakeTime();
    const { checks, asked } = scripted(() => random);
    checks.reconfigure([serviceOf({ health: { ...CHECK, interval: 1 } })]);
    assertEquals(asked.length, 1, "the first one goes at once");
    await pass(time, pauseMs - 1, pauseMs - 1);
    assertEquals(asked.length, 1);
    await pass(time, 1);
    assertEquals(asked.length, 2);
    await checks.stop();
    await pass(time, 10_000, 100);
    assertEquals(asked.length, 2);
  }
});

Deno.test("HealthChecks reports each change once, with its cause", async () => {
  using time = new FakeTime();
  const script = scripted();
  const service = serviceOf({ health: { ...CHECK, interval: 1, unhealthyAfter: 2, healthyAfter: 1 } });
  script.checks.reconfigure([service]);
  assertEquals(script.health.unavailableReason(service), undefined);
  await pass(time, 6_000, 100);
  assertEquals(script.health.unavailableReason(service), "unhealthy");
  script.answer = { ok: true, response: { status: 204, headers: [], body: null } };
  await pass(time, 6_000, 100);
  assertEquals(script.health.unavailableReason(service), undefined);
  assertEquals(script.events, [
    {
      ...{ type: "health", service: "a", state: "unhealthy", failure: "refused" },
      ...{ error: "Connection refused", address: "a:80" },
      cause: "connection refused at a:80: start the service, or correct its `url`",
    },
    { type: "health", service: "a", state: "healthy", status: 204 },
  ]);
  await script.checks.stop();
});

Deno.test("HealthChecks uses the settings of the current configuration", async () => {
  using time = new FakeTime();
  const script = scripted();
  const settings = { url: "https://a", health: { ...CHECK, interval: 1 }, tls: { serverName: "api.internal" } };
  const first = serviceOf(settings);
  script.checks.reconfigure([first]);
  assertStrictEquals(script.asked[0]?.tls, first.tls);
  const second = serviceOf({ ...settings, headers: { authorization: "renewed" } });
  script.checks.reconfigure([second]);
  await pass(time, 1_100, 100);
  assertStrictEquals(script.asked[1]?.tls, second.tls);
  assertEquals(script.asked[1]?.headers.at(-1), ["authorization", "renewed"]);
  await script.checks.stop();
});

Deno.test("HealthChecks ignores checks that fail for lack of descriptors", async () => {
  using time = new FakeTime();
  const script = scripted();
  script.answer = { ok: false, kind: "no-descriptors" };
  script.checks.reconfigure([serviceOf({ health: { ...CHECK, interval: 1, unhealthyAfter: 1 } })]);
  await pass(time, 5_000, 100);
  assertEquals(script.events, []);
  await script.checks.stop();
});

/** Columns: the behaviour, the changed service, and whether the service is still unhealthy. */
const RELOADS: readonly (readonly [name: string, service: Partial<ServiceInput>, stays: boolean])[] = [
  ["keeps the state of a service that has not changed", {}, true],
  ["keeps the state when other settings change", { timeout: 1 }, true],
  ["starts anew with another check", { health: { ...CHECK, unhealthyAfter: 1, path: "/other" } }, false],
  ["starts with a healthy state at another address", { url: "http://b" }, false],
];

for (const [name, change, stays] of RELOADS) {
  Deno.test(`HealthChecks ${name}`, async () => {
    using time = new FakeTime();
    const script = scripted();
    const first = serviceOf({ health: { ...CHECK, unhealthyAfter: 1 } });
    script.checks.reconfigure([first]);
    await time.runMicrotasks();
    assertEquals(script.health.unavailableReason(first), "unhealthy");
    const next = serviceOf({ health: { ...CHECK, unhealthyAfter: 1 }, ...change });
    script.checks.reconfigure([next]);
    assertEquals(script.health.unavailableReason(next), stays ? "unhealthy" : undefined);
    assertEquals(script.asked.length, stays ? 1 : 2);
    await script.checks.stop();
  });
}

Deno.test("HealthChecks forgets a service that is no longer checked", async () => {
  using time = new FakeTime();
  const script = scripted();
  const first = serviceOf({ health: { ...CHECK, unhealthyAfter: 1 } });
  script.checks.reconfigure([first]);
  await time.runMicrotasks();
  script.checks.reconfigure([serviceOf({})]);
  assertEquals(script.health.unavailableReason(first), undefined);
  await pass(time, 60_000, 1_000);
  assertEquals(script.asked.length, 1);
  await script.checks.stop();
  script.checks.reconfigure([first]);
  assertEquals(script.asked.length, 1, "stopped for good");
});

/** A backend that the test can switch off: checks and requests then get a 503. */
interface Switched extends Backend {
  isOn: boolean;
  /** Targets of the requests, without checks. */
  requests(): string[];
}

function startSwitched(): Switched {
  const backend = startBackend(() => switched.isOn ? new Response("on") : new Response("off", { status: 503 }));
  const switched: Switched = {
    ...backend,
    isOn: true,
    requests: () => backend.seen.map(({ target }) => target).filter((target) => target !== "/up"),
  };
  return switched;
}

function fileFor(main: Backend, backup: Backend): string {
  return JSON.stringify({
    services: [
      {
        name: "main",
        url: main.url,
        primary: true,
        health: { path: "/up", interval: "10ms", unhealthyAfter: 2, healthyAfter: 2 },
      },
      { name: "backup", url: backup.url },
    ],
  });
}

async function answerer(url: string): Promise<string | null> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.headers.get("x-conductor-service");
}

Deno.test("an unhealthy service gets nothing until it is healthy again, also after a reload", async () => {
  await using main = startSwitched();
  await using backup = startBackend();
  await using file = await tempConfig(fileFor(main, backup));
  const io = createTestIo();
  const ended = runCommandLine(["-c", file.path, "--port", "0", "--host", "127.0.0.1", "--verbose"], io);
  const [, url = ""] = await io.stdout.seen(/"url":"(.*?)"/);
  assertEquals(await answerer(`${url}/1`), "main");

  main.isOn = false;
  const [line] = await io.stdout.seen(/.*"message":"service unhealthy".*/);
  assertStringIncludes(
    line,
    '"level":"warn","message":"service unhealthy","service":"main","state":"unhealthy","status":503',
  );
  assertEquals([await answerer(`${url}/2`), await answerer(`${url}/3`)], ["backup", "backup"]);
  assertEquals(main.requests(), ["/1"]);
  io.reload();
  await io.stdout.seen(/configuration reloaded/);
  assertEquals(await answerer(`${url}/4`), "backup");
  assertEquals(main.requests(), ["/1"]);

  main.isOn = true;
  await io.stdout.seen(/"level":"info","message":"service healthy"/);
  assertEquals(await answerer(`${url}/5`), "main");
  assertEquals(main.requests(), ["/1", "/5"]);

  io.signal("SIGTERM");
  assertEquals(await ended, 0);
  const lines = io.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const skipped = lines.filter(({ message }) => message === "attempt skipped");
  assertEquals(skipped.map(({ service, reason }) => `${service} ${reason}`), Array(3).fill("main unhealthy"));
  const failures = lines.filter(({ failure }) => failure !== undefined);
  assertEquals(failures.map(({ service, failure }) => `${service} ${failure}`), Array(3).fill("main unhealthy"));
  assertEquals(lines.filter(({ message }) => /^service/.test(message)).length, 2);
});

for (const workers of [1, 2]) {
  Deno.test({
    name: `the command checks a backend that fails and recovers, with ${workers} worker(s)`,
    ignore: workers > 1 && Deno.build.os !== "linux",
    async fn() {
      await using main = startSwitched();
      await using backup = startBackend();
      await using file = await tempConfig(fileFor(main, backup));
      const flags = ["--host", "127.0.0.1", "--port", "0", "--workers", String(workers)];
      await using child = startCli(["--config", file.path, ...flags]);
      const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
      const said = (state: string) => child.stdout.seen(new RegExp(`(?:"message":"service ${state}"[^]*){${workers}}`));
      // Separate connections reach both workers.
      const askMany = (path: string) =>
        Promise.all(
          Array.from({ length: 20 }, () =>
            exchangeRaw(Number(new URL(url).port), `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)),
        );
      const countOf = (answers: string[], name: string) =>
        answers.filter((answer) => answer.toLowerCase().includes(`x-conductor-service: ${name}`)).length;

      main.isOn = false;
      await said("unhealthy");
      assertEquals(countOf(await askMany("/off"), "backup"), 20);
      assertEquals(main.requests(), []);
      main.isOn = true;
      await said("healthy");
      assertEquals(countOf(await askMany("/on"), "main"), 20);

      // The new check starts with a healthy state. The old one ends with the check in progress.
      if (Deno.build.os !== "windows") {
        await Deno.writeTextFile(file.path, fileFor(main, backup).replace("/up", "/renewed"));
        child.kill("SIGHUP");
        await child.stdout.seen(/configuration reloaded/);
        const before = main.seen.length;
        await main.received(before + 10 * workers);
        const targets = main.seen.slice(before).map(({ target }) => target);
        assertEquals(new Set(targets.slice(5 * workers)), new Set(["/renewed"]));
      }
      child.kill("SIGTERM");
      assertEquals(await child.exited, 0);
    },
  });
}
