import { NO_LATENCIES } from "../../src/lib/latency_counts.ts";
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";

import type { ExchangesView, StateView } from "../../src/admin/api.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import type { ExchangeRecord } from "../../src/observe/exchange_record.ts";
import type { Inspection } from "../../src/observe/metrics_snapshot.ts";
import { type InspectedWorker, WorkerInspections } from "../../src/server/worker_inspections.ts";
import { startCli, type TempConfig, tempConfig } from "../_support/cli_process.ts";
import { exchangeRaw, startBackend, startSlowBackend, untilRefused } from "../_support/servers.ts";
import { createTestIo, type TestIo } from "../_support/test_io.ts";
import { freePort } from "../_support/ports.ts";

const isLinux = Deno.build.os === "linux";
const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

interface Served extends AsyncDisposable {
  readonly io: TestIo;
  readonly url: string;
  readonly admin: string;
  /** Reloads the configuration, and returns the log until its result. */
  reload(text: string): Promise<string>;
}

async function serve(file: TempConfig): Promise<Served> {
  const io = createTestIo();
  const ended = runCommandLine(["--config", file.path, "--port", "0", "--host", "127.0.0.1"], io);
  const [, url = "", admin = ""] = await io.stdout.seen(/"url":"(.*?)"(?:,"admin":"(.*?)\/")?/);
  let reloads = 0;
  return {
    io,
    url,
    admin,
    async reload(text) {
      await Deno.writeTextFile(file.path, text);
      io.reload();
      const [log] = await io.stdout.seen(new RegExp(`(?:configuration (?:not )?reloaded[^]*){${++reloads}}`));
      return log;
    },
    async [Symbol.asyncDispose]() {
      io.signal("SIGTERM");
      assertEquals(await ended, 0);
    },
  };
}

async function read<T>(url: string): Promise<T> {
  const response = await fetch(url);
  assertEquals(response.status, 200);
  return await response.json();
}

async function status(url: string, headers: HeadersInit = {}): Promise<number> {
  const response = await fetch(url, { headers });
  await response.body?.cancel();
  return response.status;
}

async function text(url: string): Promise<string> {
  return await (await fetch(url, { headers: { accept: "text/plain" } })).text();
}

function yaml(backend: string, admin = "admin: {port: 0}\n"): string {
  return `${admin}services: [{ name: a, url: "${backend}" }]\n`;
}

Deno.test("serve has an admin listener next to the data port, which forwards all paths to the services", async () => {
  await using backend = startBackend((request) => new Response(new URL(request.url).pathname));
  await using file = await tempConfig(yaml(backend.url));
  await using served = await serve(file);
  for (const path of ["/", "/healthz", "/readyz", "/metrics", "/api/state", "/config"]) {
    assertEquals(await (await fetch(served.url + path)).text(), path);
  }
  const state = await read<StateView>(`${served.admin}/api/state`);
  assertEquals([state.draining, state.workers], [false, { count: 1, crashes: 0 }]);
  assertEquals(state.services.map(({ name, origin }) => ({ name, origin })), [{ name: "a", origin: backend.url }]);
  assertEquals(state.routes, [{ route: "path /", members: [{ service: "a", role: "primary" }] }]);
  assertEquals(state.metrics.routes.map(({ route, responses }) => [route, responses["2xx"]]), [
    ["path /", 6],
    ["", 0],
  ]);
  const { last, exchanges } = await read<ExchangesView>(`${served.admin}/api/exchanges?after=4`);
  assertEquals([last, exchanges.map(({ path }) => path)], [6, ["/api/state", "/config"]]);
  const metrics = await fetch(`${served.admin}/metrics`, { headers: { accept: "text/plain" } });
  assertStringIncludes(await metrics.text(), 'conductor_requests_total{route="path /",code="2xx"} 6\n');
});

Deno.test("check prints the address of the admin listener, but not its token", async () => {
  const token = "a-token-of-some-length";
  await using file = await tempConfig(
    yaml("http://localhost:1", `admin: {port: 9090, hostname: "::", token: ${token}}\n`),
  );
  const io = createTestIo();
  assertEquals(await runCommandLine(["check", "--config", file.path], io), 0);
  assertStringIncludes(io.stdout.text, "admin listener on [::]:9090, with a token\n");
  assertNotMatch(io.stdout.text, new RegExp(token));
});

Deno.test("serve without `admin` has no admin listener", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(yaml(backend.url, ""));
  await using served = await serve(file);
  assertEquals(served.admin, "");
  assertNotMatch(served.io.stdout.text, /"admin"/);
});

Deno.test("a reload adds the admin listener, moves it, changes its token and removes it", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(yaml(backend.url, ""));
  await using served = await serve(file);
  const [first, second] = [freePort(), freePort()];

  await served.reload(yaml(backend.url, `admin: {port: ${first}}\n`));
  await (await fetch(served.url)).text();
  const state = await read<StateView>(`http://127.0.0.1:${first}/api/state`);
  assertEquals(state.metrics.routes[0]?.responses["2xx"], 1);

  await served.reload(yaml(backend.url, `admin: {port: ${second}}\n`));
  await untilRefused(`http://127.0.0.1:${first}`);
  assertEquals(await status(`http://127.0.0.1:${second}/api/state`), 200);
  const { exchanges } = await read<ExchangesView>(`http://127.0.0.1:${second}/api/exchanges`);
  assertEquals(exchanges.length, 1);

  const events = await fetch(`http://127.0.0.1:${second}/api/events`);
  const stream = events.text();
  await served.reload(yaml(backend.url, `admin: {port: ${second}, token: a-token-of-some-length}\n`));
  // Streams from before the token end, so that pages must log in.
  assertMatch(await stream, /^retry: /);
  assertEquals(await status(`http://127.0.0.1:${second}/api/state`), 401);
  const headers = { authorization: "Bearer a-token-of-some-length" };
  assertEquals(await status(`http://127.0.0.1:${second}/api/state`, headers), 200);

  await served.reload(yaml(backend.url, ""));
  await untilRefused(`http://127.0.0.1:${second}`);
  assertEquals(await status(served.url), 200);
  assertNotMatch(served.io.stdout.text, /a-token-of-some-length/);
});

Deno.test("a reload opens the admin listener to other machines on the same port, and refuses an address of another machine", async () => {
  await using backend = startBackend();
  const port = freePort();
  await using file = await tempConfig(yaml(backend.url, `admin: {port: ${port}}\n`));
  await using served = await serve(file);
  const own = "a-token-of-some-length";
  const headers = { authorization: `Bearer ${own}` };
  // RFC 5737 reserves this address for documentation, so no machine has it.
  const refused = await served.reload(
    yaml(backend.url, `admin: {port: ${port}, hostname: 192.0.2.1, token: ${own}}\n`),
  );
  assertMatch(refused, /configuration not reloaded.*address not available/);
  assertEquals(await status(`http://127.0.0.1:${port}/api/state`), 200);
  await served.reload(yaml(backend.url, `admin: {port: ${port}, hostname: 0.0.0.0, token: ${own}}\n`));
  assertEquals(await status(`http://127.0.0.1:${port}/api/state`), 401);
  assertEquals(await status(`http://127.0.0.1:${port}/api/state`, headers), 200);
  await served.reload(yaml(backend.url, `admin: {port: ${port}}\n`));
  assertEquals(await status(`http://127.0.0.1:${port}/api/state`), 200);
});

Deno.test("an admin port in use fails the whole reload, and changes nothing", async () => {
  await using backend = startBackend(() => new Response("old"));
  await using fresh = startBackend(() => new Response("fresh"));
  await using file = await tempConfig(yaml(backend.url));
  await using served = await serve(file);
  const log = await served.reload(yaml(fresh.url, `admin: {port: ${fresh.port}}\n`));
  assertMatch(log, /configuration not reloaded.*Cannot listen on 127\.0\.0\.1:\d+: address already in use/);
  assertEquals(await (await fetch(served.url)).text(), "old");
  assertEquals(await status(`${served.admin}/readyz`), 200);
});

Deno.test("a data port in use leaves the new admin port closed", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(`port: 0\nhostname: 127.0.0.1\n${yaml(backend.url)}`);
  const io = createTestIo();
  const ended = runCommandLine(["--config", file.path], io);
  await io.stdout.seen(/"admin":"(.*?)"/);
  const port = freePort();
  await Deno.writeTextFile(
    file.path,
    `port: ${backend.port}\nhostname: 127.0.0.1\n${yaml(backend.url, `admin: {port: ${port}}\n`)}`,
  );
  io.reload();
  await io.stdout.seen(/configuration not reloaded/);
  await untilRefused(`http://127.0.0.1:${port}`);
  io.signal("SIGTERM");
  assertEquals(await ended, 0);
});

Deno.test("an admin port in use is an error before any request is served", async () => {
  await using backend = startBackend();
  await using file = await tempConfig(yaml(backend.url, `admin: {port: ${backend.port}}\n`));
  const io = createTestIo();
  assertEquals(await runCommandLine(["--config", file.path, "--port", "0", "--host", "127.0.0.1"], io), 1);
  assertStringIncludes(io.stderr.text, `Cannot listen on 127.0.0.1:${backend.port}: address already in use`);
});

Deno.test("while it drains, the server is healthy but not ready, and event streams do not delay its end", async () => {
  await using backend = startSlowBackend();
  await using file = await tempConfig(yaml(backend.url));
  const io = createTestIo();
  const ended = runCommandLine(["--config", file.path, "--port", "0", "--host", "127.0.0.1"], io);
  const [, url = "", admin = ""] = await io.stdout.seen(/"url":"(.*?)","admin":"(.*?)\/"/);
  const inFlight = fetch(url).then((response) => response.text());
  await backend.received(1);
  const events = (await fetch(`${admin}/api/events`)).text();
  assertEquals(await status(`${admin}/readyz`), 200);
  io.signal("SIGTERM");
  await io.stdout.seen(/stopping/);
  assertEquals([await status(`${admin}/healthz`), await status(`${admin}/readyz`)], [200, 503]);
  assertEquals((await read<StateView>(`${admin}/api/state`)).draining, true);
  backend.release();
  assertEquals(await inFlight, "finished");
  assertEquals(await ended, 0);
  assertMatch(await events, /event: state\n/);
  await untilRefused(admin);
});

Deno.test("a route whose only service is unavailable makes the server not ready, until its breaker admits a probe", async () => {
  await using backend = startBackend(() => new Response(null, { status: 500 }));
  await using file = await tempConfig(
    `admin: {port: 0}\nservices: [{ name: a, url: "${backend.url}", breaker: {failures: 1, openFor: 0.5s} }]\n`,
  );
  await using served = await serve(file);
  assertEquals(await status(`${served.admin}/readyz`), 200);
  await (await fetch(served.url)).body?.cancel();
  const response = await fetch(`${served.admin}/readyz`);
  assertEquals([response.status, await response.text()], [503, "not ready: no service\n"]);
  assertMatch(await text(`${served.admin}/metrics`), /conductor_breaker_state\{service="a",state="open"\} 1/);

  // A balancer sends no requests to a server that is not ready.
  while (await status(`${served.admin}/readyz`) !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
  assertMatch(await text(`${served.admin}/metrics`), /conductor_breaker_state\{service="a",state="half-open"\} 1/);
});

Deno.test("a server whose secondary stands in for the primary is ready", async () => {
  await using down = startBackend(() => new Response(null, { status: 500 }));
  await using backend = startBackend();
  await using file = await tempConfig(
    `admin: {port: 0}\nservices:\n` +
      `  - { name: a, url: "${down.url}", primary: true, breaker: {failures: 1} }\n` +
      `  - { name: b, url: "${backend.url}" }\n`,
  );
  await using served = await serve(file);
  await (await fetch(served.url)).body?.cancel();
  assertMatch(await text(`${served.admin}/metrics`), /conductor_breaker_state\{service="a",state="open"\} 1/);
  assertEquals(await status(`${served.admin}/readyz`), 200);
  assertEquals(await status(served.url), 200);
});

Deno.test({
  name: "with --workers the admin listener merges all workers, with ascending ids",
  ignore: !isLinux,
  fn: async () => {
    await using backend = startBackend();
    await using file = await tempConfig(yaml(backend.url));
    await using child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1", "--workers", "2"]);
    const [, url = "", admin = ""] = await child.stdout.seen(/"url":"(.*?)","admin":"(.*?)\/"/);
    const count = 30;
    await Promise.all(Array.from({ length: count }, () => exchangeRaw(Number(new URL(url).port), GET)));
    const state = await read<StateView>(`${admin}/api/state`);
    assertEquals(state.workers, { count: 2, crashes: 0 });
    assertEquals(state.metrics.routes[0]?.responses["2xx"], count);
    const { last, exchanges } = await read<ExchangesView>(`${admin}/api/exchanges`);
    assertEquals(exchanges.map(({ id }) => id), Array.from({ length: count }, (_, index) => index + 1));
    assertEquals(new Set(exchanges.map(({ requestId }) => requestId)).size, count);
    assertEquals([last, (await read<ExchangesView>(`${admin}/api/exchanges?after=${last}`)).exchanges], [count, []]);
    assertEquals(await status(`${admin}/readyz`), 200);
    const events = fetch(`${admin}/api/events`).then((response) => response.text());
    child.kill("SIGTERM");
    assertEquals(await child.exited, 0);
    await events.catch(() => {});
  },
});

Deno.test({
  name: "with --workers a session of the admin listener works on every connection",
  ignore: !isLinux,
  fn: async () => {
    await using backend = startBackend();
    await using file = await tempConfig(yaml(backend.url, "admin: {port: 0, token: a-token-of-some-length}\n"));
    await using child = startCli(["--config", file.path, "--port", "0", "--host", "127.0.0.1", "--workers", "2"]);
    const [, admin = ""] = await child.stdout.seen(/"admin":"(.*?)\/"/);
    const { session, headers } = await logIn(admin);
    for (let count = 0; count < 10; count++) assertEquals(await status(`${session}config`, headers), 200);
  },
});

Deno.test("a session of the admin listener outlives a reload, unless the token changes", async () => {
  await using backend = startBackend();
  const port = freePort();
  const text = (token: string) => yaml(backend.url, `admin: {port: ${port}, token: ${token}}\n`);
  await using file = await tempConfig(text("a-token-of-some-length"));
  await using served = await serve(file);
  const { session, headers } = await logIn(served.admin);
  await served.reload(`${text("a-token-of-some-length")}timeout: 7\n`);
  assertEquals(await status(session, headers), 200);
  await served.reload(text("another-token-of-some-length"));
  assertEquals(await status(session, headers), 401);
});

/** Sends the token. Returns the session's URL and the header fields of the session. */
async function logIn(admin: string): Promise<{ session: string; headers: HeadersInit }> {
  const response = await fetch(`${admin}/?token=a-token-of-some-length`, { redirect: "manual" });
  await response.body?.cancel();
  const cookie = response.headers.get("set-cookie")!.split(";")[0]!;
  return { session: admin + response.headers.get("location"), headers: { cookie } };
}

Deno.test("demo prints the address of its dashboard, which shows the exchanges; with --once it does not", async () => {
  const io = createTestIo();
  const ended = runCommandLine(["demo", "--port", "0"], io);
  const [, admin = ""] = await io.stdout.seen(/Live dashboard: (http:\/\/127\.0\.0\.1:\d+)\/\n/);
  const { exchanges } = await read<ExchangesView>(`${admin}/api/exchanges`);
  assertEquals(exchanges.map(({ status, service }) => [status, service]), [
    [200, "blue"],
    [201, "blue"],
    [200, "green"],
    [502, undefined],
  ]);
  assertEquals(exchanges[1]?.attempts.map(({ service, status }) => [service, status]), [
    ["blue", 201],
    ["green", 201],
    ["canary", 500],
  ]);
  assertEquals((await read<StateView>(`${admin}/api/state`)).services.map(({ name }) => name), [
    "blue",
    "green",
    "canary",
  ]);
  io.signal("SIGINT");
  assertEquals(await ended, 0);
  const once = createTestIo();
  assertEquals(await runCommandLine(["demo", "--once", "--port", "0"], once), 0);
  assertNotMatch(once.stdout.text, /dashboard/);
});

/** A worker with scripted responses. */
interface Scripted extends InspectedWorker {
  respond: () => Promise<Inspection | undefined>;
  /** Requested ids. */
  requested: number[];
  /** Types of the requests. */
  types: string[];
}

function scripted(respond: Scripted["respond"]): Scripted {
  const worker: Scripted = {
    respond,
    requested: [],
    types: [],
    request: async ({ type, after }) => {
      worker.requested.push(after);
      worker.types.push(type);
      const inspection = await worker.respond();
      if (inspection === undefined) return {};
      return type === "recent" ? { recent: inspection.recent } : { inspection };
    },
  };
  return worker;
}

function inspection(bytes: number, exchanges: readonly Partial<ExchangeRecord>[] = [], last = 0): Inspection {
  const route = {
    route: "path /",
    responses: {},
    refusals: {},
    fallbacks: 0,
    localReplies: 0,
    interrupted: 0,
    requestBytes: bytes,
    responseBytes: 0,
    tunnels: 0,
    tunnelsOpened: 0,
    tunnelClientBytes: 0,
    tunnelServiceBytes: 0,
    tunnelDuration: { recent: NO_LATENCIES, total: NO_LATENCIES, sumMs: 0 },
    inFlight: 1,
    duration: { recent: NO_LATENCIES, total: NO_LATENCIES, sumMs: 0 },
  };
  const metrics = { startedMs: 1, lastRequestMs: 2, routes: [route], services: [], states: [] };
  return { metrics, recent: { last, exchanges: exchanges as ExchangeRecord[] } };
}

Deno.test("WorkerInspections keeps the counters of a lost worker, but not its requests in flight", async () => {
  const inspections = new WorkerInspections();
  const [first, second] = [1, 10].map((bytes) => scripted(() => Promise.resolve(inspection(bytes))));
  await inspections.read([first!, second!], 0);
  inspections.forget(first!);
  const { metrics: { routes } } = await inspections.read([second!], 0);
  assertEquals(routes.map(({ requestBytes, inFlight }) => [requestBytes, inFlight]), [[11, 1]]);
});

Deno.test("WorkerInspections reads exchanges without the counters, and each exchange once", async () => {
  const inspections = new WorkerInspections();
  const first = inspection(7, [{ timeMs: 1, durationMs: 1, path: "/1" }], 3);
  const responses = [first, inspection(8, [{ timeMs: 2, durationMs: 1, path: "/2" }], 4)];
  const worker = scripted(() => Promise.resolve(responses.shift()));
  const [recent, { metrics, recent: all }] = await Promise.all([
    inspections.recent([worker], 0),
    inspections.read([worker], 0),
  ]);
  assertEquals([worker.types, worker.requested], [["recent", "inspect"], [0, 3]]);
  assertEquals(recent.exchanges.map(({ path }) => path), ["/1"]);
  assertEquals(all.exchanges.map(({ path }) => path), ["/1", "/2"]);
  assertEquals(metrics.routes[0]?.requestBytes, 8);
});

Deno.test("WorkerInspections does not wait for a busy worker, and uses its last inspection", async () => {
  using time = new FakeTime();
  const inspections = new WorkerInspections();
  const worker = scripted(() => Promise.resolve(inspection(7, [{ timeMs: 1, durationMs: 1 }], 1)));
  await inspections.read([worker], 0);
  worker.respond = () => new Promise(() => {});
  const reading = inspections.read([worker], 0);
  await time.tickAsync(1_000);
  const { metrics, recent } = await reading;
  assertEquals([metrics.routes[0]?.requestBytes, recent.last], [7, 1]);
});

Deno.test("WorkerInspections sorts the exchanges of all workers by their end, and requests only new ones", async () => {
  const inspections = new WorkerInspections();
  const first = scripted(() =>
    Promise.resolve(
      inspection(0, [{ timeMs: 5, durationMs: 1, path: "/2" }, { timeMs: 0, durationMs: 9, path: "/3" }], 12),
    )
  );
  const second = scripted(() => Promise.resolve(inspection(0, [{ timeMs: 1, durationMs: 1, path: "/1" }], 40)));
  const workers = [first, second];
  const { recent } = await inspections.read(workers, 0);
  assertEquals(recent.exchanges.map(({ id, path }) => [id, path]), [[1, "/1"], [2, "/2"], [3, "/3"]]);
  for (const worker of workers) worker.respond = () => Promise.resolve(inspection(0, [], worker.requested.at(-1)));
  assertEquals((await inspections.read(workers, 2)).recent.exchanges.map(({ id }) => id), [3]);
  assertEquals(workers.map(({ requested }) => requested), [[0, 12], [0, 40]]);
});

Deno.test("WorkerInspections requests once for simultaneous reads", async () => {
  const inspections = new WorkerInspections();
  const worker = scripted(() => Promise.resolve(inspection(1)));
  await Promise.all([1, 2, 3].map(() => inspections.read([worker], 0)));
  assertEquals(worker.requested.length, 1);
  assert((await inspections.read([], 0)).metrics.startedMs > 0);
});
