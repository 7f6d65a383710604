import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { StateView } from "../../src/admin/api.ts";
import { drawTop } from "../../src/cli/top/draw_top.ts";
import { createLiveTable } from "../../src/cli/top/live_table.ts";
import { runTop } from "../../src/cli/top/run_top.ts";
import type { Config } from "../../src/config/config.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { ConductorEvent } from "../../src/observe/events.ts";
import { viewState } from "../../src/admin/state_view.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { createPaint } from "../../src/lib/paint.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import { startBackend } from "../_support/servers.ts";
import { startWatched, tempConfig } from "../_support/cli_process.ts";
import { createTestIo, TestOutput } from "../_support/test_io.ts";

const PLAIN = createPaint(false);
const ROOM = { columns: 80, rows: 40, paint: PLAIN };

/** Metrics of a server with one route. */
class Server {
  readonly #metrics: Metrics;
  readonly #config: Config;
  readonly route: string;
  timeMs = 1_000_000;

  constructor(names: Readonly<Record<string, "primary" | "secondary" | "shadow">>, pathPrefix = "/api") {
    const services = Object.entries(names).map(([name, role]) => ({
      name,
      url: "http://a",
      pathPrefix,
      ...(role !== "secondary" && { [role]: true }),
      breaker: true,
    }));
    const { config } = validateConfig({ services });
    this.#metrics = new Metrics(() => this.timeMs, () => this.timeMs);
    this.#metrics.reconfigure(config);
    this.#config = config;
    this.route = `pathPrefix ${pathPrefix}`;
  }

  observe(...events: readonly ConductorEvent[]): void {
    for (const event of events) this.#metrics.observe(event);
  }

  /** Records `count` exchanges. The first service responds, the others settle as in `ends`. */
  exchanges(
    count: number,
    ends: Readonly<Record<string, number | "timeout" | "aborted">>,
    durationMs = 10,
  ): void {
    const { route } = this;
    const members = this.#config.routes[0]?.members.map(({ service, role }) => ({ service: service.name, role })) ?? [];
    for (let nth = 0; nth < count; nth++) {
      const requestId = String(nth);
      for (const { service, role } of members) {
        const end = ends[service];
        if (end === undefined) continue;
        this.observe({ type: "attempted", requestId, route, service, role, atMs: 0, hedge: false });
        const result = typeof end === "number" ? { success: end < 500, status: end } : { success: false, failure: end };
        this.observe({ type: "settled", requestId, route, service, role, durationMs, ...result });
      }
      const [first] = members;
      if (first === undefined) continue;
      const end = ends[first.service];
      const selected = typeof end === "number" && end < 500 ? { status: end, ...first } : { status: 502 };
      this.observe({
        type: "responded",
        requestId,
        method: "GET",
        path: "/",
        route,
        fallback: false,
        durationMs,
        ...selected,
      });
    }
  }

  read(overrides: Partial<StateView> = {}): StateView {
    this.timeMs += 1_000;
    const info = { version: "0.1.0", draining: false, workers: { count: 1, crashes: 0 }, process: {} };
    const state = viewState(this.#config, { ...info, metrics: this.#metrics.snapshot() });
    return { ...state, timeMs: this.timeMs, ...overrides };
  }
}

function drawn(views: readonly StateView[], options: Partial<typeof ROOM> = {}): string {
  return drawTop(views, { ...ROOM, ...options }).join("\n");
}

Deno.test("drawTop() shows the rates since the previous view and recent percentiles, for each route and service", () => {
  const server = new Server({ blue: "primary", green: "secondary", dark: "shadow" });
  server.exchanges(1_000, { blue: 500, green: 500 });
  server.timeMs += 20_000;
  const first = server.read();
  server.exchanges(100, { blue: 200, green: 500, dark: "timeout" }, 100);
  const lines = drawTop([first, server.read({ workers: { count: 2, crashes: 0 } })], ROOM);
  assertEquals(lines.map((line) => line.split(/ {2,}/).map((cell) => cell.trim()).filter(Boolean)), [
    ["conductor 0.1.0 up 22 s, 2 workers"],
    ["role", "req/s", "ok", "p50", "p95", "p99", "now"],
    ["pathPrefix /api", "100", "100%", "100 ms", "100 ms", "100 ms", "0 █"],
    ["blue", "primary", "100", "100%", "100 ms", "100 ms", "100 ms", "0 █"],
    ["green", "secondary", "100", "0%", "100 ms", "100 ms", "100 ms", "0 █"],
    ["status 500"],
    ["dark", "shadow", "100", "0%", "100 ms", "100 ms", "100 ms", "0 █"],
    ["timeout"],
  ]);
});

Deno.test("drawTop() shows percentiles but no rates for one view, and returns no lines without a view", () => {
  const server = new Server({ blue: "primary" });
  server.exchanges(10, { blue: 200 });
  assertEquals(
    drawn([server.read()]).split("\n").at(-1),
    "  blue            primary        –     –   10 ms   10 ms   10 ms     0 ",
  );
  assertEquals(drawTop([], ROOM), []);
});

Deno.test("drawTop() fits its longest curves into 79 columns", () => {
  const server = new Server({ blue: "primary" });
  const views = Array.from({ length: 9 }, () => server.read());
  const lines = drawTop(views, { ...ROOM, columns: 79 });
  assertEquals(lines.slice(2).map((line) => /▁{8}$/.test(line)), [true, true]);
});

Deno.test("drawTop() shows problems on a line of their own", () => {
  const server = new Server({ blue: "primary", green: "secondary" });
  const first = server.read();
  server.exchanges(3, { blue: 200 });
  server.exchanges(1, { blue: "timeout" });
  server.observe(
    { type: "breaker", service: "green", state: "open" },
    {
      type: "skipped",
      requestId: "1",
      route: server.route,
      service: "green",
      role: "secondary",
      reason: "open-circuit",
    },
    {
      type: "skipped",
      requestId: "2",
      route: server.route,
      service: "green",
      role: "secondary",
      reason: "not-sampled",
    },
  );
  const text = drawn([first, server.read({ draining: true, workers: { count: 2, crashes: 3 } })]);
  assertStringIncludes(text, "3 crashed draining");
  assertStringIncludes(text, "\n    5xx 25.0%\n");
  assertStringIncludes(text, "\n    breaker open · skipped per second: not-sampled 1.0, open-circuit 1.0");
});

Deno.test("drawTop() shows one cause for a service that is unhealthy while its breaker is open", () => {
  const server = new Server({ blue: "primary" });
  const first = server.read();
  const second = server.read();
  const states = [{ service: "blue", breaker: "open", health: "unhealthy" }] as const;
  const text = drawn([first, { ...second, metrics: { ...second.metrics, states } }]);
  assertStringIncludes(text, "\n    unhealthy");
  assert(!text.includes("breaker"), text);
});

Deno.test("drawTop() counts skipped requests neither as requests nor as failures", () => {
  const server = new Server({ blue: "primary" });
  const first = server.read();
  server.exchanges(5, { blue: 200 });
  const { route } = server;
  for (let nth = 0; nth < 5; nth++) {
    const requestId = `skipped-${nth}`;
    server.observe({ type: "skipped", requestId, route, service: "blue", role: "primary", reason: "open-circuit" });
  }
  assertStringIncludes(drawn([first, server.read()]), "primary      5.0  100%");
});

Deno.test("drawTop() ignores aborted attempts in the success ratio", () => {
  const server = new Server({ blue: "primary" });
  const first = server.read();
  server.exchanges(5, { blue: 200 });
  server.exchanges(5, { blue: "aborted" });
  assertStringIncludes(drawn([first, server.read()]), "primary       10  100%");
});

Deno.test("drawTop() draws the rates of the last views as a curve", () => {
  const server = new Server({ blue: "primary" });
  const views = [server.read()];
  for (const count of [0, 10, 20, 40, 80, 40, 0, 80]) {
    server.exchanges(count, { blue: 200 });
    views.push(server.read());
  }
  assertStringIncludes(drawn(views), "▁▂▃▅█▅▁█");
});

Deno.test("drawTop() shows 0 for counters that have decreased after a crash", () => {
  const server = new Server({ blue: "primary" });
  server.exchanges(10, { blue: 200 });
  const before = server.read();
  const after = new Server({ blue: "primary" }).read({ timeMs: before.timeMs + 1_000 });
  assertStringIncludes(drawn([before, after]), "primary        0     –");
});

for (const columns of [1, 20, 40, 79, 80, 200]) {
  Deno.test(`drawTop() fits long names into ${columns} columns`, () => {
    const server = new Server({ ["long-".repeat(25)]: "primary", b: "secondary" }, `/${"x".repeat(300)}`);
    const first = server.read();
    server.exchanges(123_456, { b: 503 });
    server.observe({ type: "breaker", service: "b", state: "open" });
    for (const line of drawTop([first, server.read()], { ...ROOM, columns })) {
      assert(line.length <= Math.max(20, columns), line);
    }
  });
}

Deno.test("drawTop() counts the lines that do not fit", () => {
  const names = Object.fromEntries(Array.from({ length: 50 }, (_, nth) => [`s${nth}`, "secondary" as const]));
  const server = new Server(names);
  const lines = drawTop([server.read()], { ...ROOM, rows: 10 });
  assertEquals([lines.length, lines.at(-1)], [10, "… and 44 more lines"]);
});

Deno.test("drawTop() shows a failing service and its cause first if not all lines fit", () => {
  const names = Object.fromEntries(Array.from({ length: 50 }, (_, nth) => [`s${nth}`, "secondary" as const]));
  const server = new Server(names);
  const first = server.read();
  const about = { requestId: "r", route: server.route, service: "s40", role: "secondary", durationMs: 1 } as const;
  server.observe({ type: "attempted", ...about, atMs: 0, hedge: false });
  const cause = "certificate has expired on 2026-11-01: renew it";
  server.observe({ type: "settled", ...about, success: false, failure: "tls", error: "expired", cause });
  const lines = drawTop([first, server.read()], { ...ROOM, rows: 10 });
  assertMatch(lines[3]!, /^ {2}s40 +secondary +1.0 +0% /);
  assertEquals(lines[4], `    ${cause}`);
});

Deno.test("drawTop() escapes control characters in names", () => {
  const view = new Server({ blue: "primary" }).read();
  const evil = "\x1b[2J\nx\u202e";
  const routes = view.routes.map((route) => ({ ...route, route: evil }));
  const metrics = { ...view.metrics, routes: view.metrics.routes.map((route) => ({ ...route, route: evil })) };
  const text = drawTop([{ ...view, version: evil, routes, metrics }], ROOM).join("");
  assert(!/[\p{Cc}\p{Cf}]/u.test(text), text);
  assertStringIncludes(text, "\\x1b[2J\\x0ax");
});

/** Returns the lines on a terminal that supports the escape sequences of the table. */
function screenOf(text: string): string[] {
  const screen = [""];
  let row = 0;
  for (const part of text.split("\x1b[")) {
    const [, count, kind, plain = part] = /^(\d*)([FKJ])(.*)$/s.exec(part) ?? [];
    if (kind === "F") row -= Number(count);
    else if (kind === "J") screen.length = row;
    for (const [index, line] of plain.split("\n").entries()) {
      if (index > 0) row++;
      screen[row] = line === "" ? screen[row] ?? "" : line;
    }
  }
  return screen;
}

Deno.test("createLiveTable() redraws in place, with other lines above", () => {
  const terminal = new TestOutput(true);
  const table = createLiveTable(terminal);
  const log = table.above(terminal);
  log.write("before\n");
  table.show(["a 1", "b 1"]);
  table.show(["a 2", "b 2", "c 2"]);
  log.write("warn\n");
  table.show(["a 3"]);
  assertEquals(screenOf(terminal.text).filter((line) => line !== ""), ["before", "warn", "a 3"]);
  table.end();
  log.write("after\n");
  table.show(["too late"]);
  assertEquals(screenOf(terminal.text).filter((line) => line !== ""), ["before", "warn", "a 3", "after"]);
});

Deno.test("createLiveTable() returns an output that is no terminal unchanged", () => {
  const file = new TestOutput(false);
  assertEquals(createLiveTable(new TestOutput(true)).above(file), file);
});

Deno.test("runTop() shows the state every second, continues after a failed read, and stops", async () => {
  using time = new FakeTime();
  const server = new Server({ blue: "primary" });
  const terminal = new TestOutput(true);
  let reads = 0;
  const end = runTop({
    state: () => {
      reads++;
      server.exchanges(reads, { blue: 200 });
      return reads === 2 ? Promise.reject(new Error("a worker has crashed")) : Promise.resolve(server.read());
    },
    table: createLiveTable(terminal),
    paint: PLAIN,
    size: () => ({ columns: 80, rows: 24 }),
  });
  await time.tickAsync(0);
  assertStringIncludes(terminal.text, "blue");
  await time.tickAsync(1_000);
  await time.tickAsync(1_000);
  assertEquals(reads, 3);
  assertStringIncludes(terminal.text, "primary      5.0  100%");
  end();
  await time.tickAsync(5_000);
  assertEquals(reads, 3);
});

async function served(args: readonly string[], isTerminal: boolean): Promise<string> {
  await using backend = startBackend();
  await using file = await tempConfig(JSON.stringify({
    port: 0,
    hostname: "127.0.0.1",
    services: [{ name: "blue", url: backend.url, pathPrefix: "/api" }],
  }));
  const io = createTestIo({ isTerminal });
  const code = runCommandLine(["--config", file.path, ...args], io);
  const [, url = ""] = await io.stdout.seen(isTerminal ? /listens on \S*?(http:[\w.:/]+)/ : /"url":"(.*?)"/);
  await (await fetch(`${url}/api`)).body?.cancel();
  if (isTerminal) await io.stdout.seen(/blue[^\n]*primary[^\n]*100%/);
  io.signal("SIGINT");
  assertEquals(await code, 0);
  return io.stdout.text;
}

Deno.test("serve --top shows a table on a terminal, without a line for each request", async () => {
  const text = await served(["--top"], true);
  assert(!text.includes("GET"), text);
});

Deno.test("serve --top has no effect without a terminal", async () => {
  const lines = (await served(["--top"], false)).trimEnd().split("\n").map((line) => JSON.parse(line).message);
  assertEquals(lines.slice(0, 2), ["listening", "request completed"]);
});

Deno.test("top shows the state of a running conductor as plain lines without a terminal, or on a dumb one", async () => {
  await using backend = startBackend();
  await using conductor = await startWatched([{ name: "v1", url: backend.url, pathPrefix: "/api" }]);
  await (await fetch(`${conductor.url}/api`)).body?.cancel();
  for (const options of [{}, { isTerminal: true, isDumb: true }]) {
    const io = createTestIo(options);
    const ended = runCommandLine(["top", "--admin", conductor.adminUrl], io);
    await io.stdout.seen(/^\d{4}-\d\d-\d\dT[\d:.]+Z\n/);
    io.signal("SIGINT");
    assertEquals(await ended, 0);
    assertStringIncludes(io.stdout.text, "pathPrefix /api");
    assertStringIncludes(io.stdout.text, "v1");
    assert(!io.stdout.text.includes("\x1b"));
  }
});

Deno.test("top draws a live table on a terminal, and warns once while the conductor cannot be reached", async () => {
  await using backend = startBackend();
  const conductor = await startWatched([{ name: "v1", url: backend.url, pathPrefix: "/api" }]);
  const io = createTestIo({ isTerminal: true });
  const ended = runCommandLine(["top", "--admin", conductor.adminUrl], io);
  await io.stdout.seen(/pathPrefix \/api/);
  await conductor[Symbol.asyncDispose]();
  await io.stdout.seen(/Cannot reach the admin listener/);
  io.signal("SIGINT");
  assertEquals(await ended, 0);
});

Deno.test("top exits with 1 if the admin listener cannot be reached or refuses the token, and with 2 without --admin", async () => {
  const token = "0123456789abcdef";
  await using conductor = await startWatched([{ name: "v1", url: "http://localhost:1" }], {
    admin: { port: 0, token },
  });
  await using right = await tempConfig(`${token}\n`);
  await using wrong = await tempConfig("fedcba9876543210\n");
  const run = async (args: string[]) => {
    const io = createTestIo();
    const ended = runCommandLine(["top", ...args], io);
    io.signal("SIGTERM");
    return [await ended, io.stderr.text] as const;
  };
  assertEquals((await run(["--admin", conductor.adminUrl, "--token-file", right.path]))[0], 0);
  const [code, text] = await run(["--admin", conductor.adminUrl, "--token-file", wrong.path]);
  assertEquals(code, 1);
  assertStringIncludes(text, "invalid token");
  assertStringIncludes((await run(["--admin", conductor.adminUrl]))[1], "--token-file FILE");
  assertEquals((await run(["--admin", "http://127.0.0.1:1"]))[0], 1);
  assertEquals((await run([]))[0], 2);
});

Deno.test("serve --top logs requests on a dumb terminal, without escape sequences of a table", async () => {
  await using file = await tempConfig("services: [{ name: a, url: 'http://localhost:1' }]\n");
  const io = createTestIo({ isTerminal: true, isDumb: true });
  const ended = runCommandLine(["-c", file.path, "-p", "0", "--host", "127.0.0.1", "--top"], io);
  const [, url = ""] = await io.stdout.seen(/listens on \S*?(http:[\w.:/]+)/);
  await (await fetch(url)).body?.cancel();
  await io.stdout.seen(/502/);
  io.signal("SIGTERM");
  assertEquals(await ended, 0);
  // deno-lint-ignore no-control-regex
  assert(!/\x1b\[\d*[FJK]/.test(io.stdout.text));
});
