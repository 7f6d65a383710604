import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";

import { drawExchange } from "../../src/cli/demo/chart.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import type { AttemptRecord, ExchangeRecord } from "../../src/observe/exchange_record.ts";
import { createPaint } from "../../src/lib/paint.ts";
import { runCli, startCli } from "../_support/cli_process.ts";
import { createTestIo } from "../_support/test_io.ts";

/** Parts of the tour, in their order. */
const TOUR: [name: string, part: RegExp][] = [
  ["the configuration", /name: blue, +url: http:\/\/127\.0\.0\.1:\d+, pathPrefix: \/api, primary: true/],
  ["the routes", /pathPrefix \/api ─┬─▶ blue +primary .*\n.*├─▶ green +secondary .*\n.*└┄▷ canary +shadow/],
  ["a request", /\$ curl http:\/\/127\.0\.0\.1:\d+\/api\/hello\n +hello from blue\n/],
  ["the response of the primary", /GET \/api\/hello → 200 from blue\n/],
  ["its bar", /blue +primary +━*● +200 .* ◀ response\n/],
  ["the secondary's bar", /green +secondary +━*● +200 .* not used\n/],
  ["the shadow's bar", /canary +shadow +╍*● +200 .* mirrored\n/],
  ["the axis", /├──────┼──────┼──────┼──────┤\n +0 +\d+ +\d+ +\d+ +\d+ ms\n/],
  ["a request with a body", /\$ curl -d '{"item":"tea"}' .*\n +blue took the order {"item":"tea"}\n/],
  ["the failing shadow", /POST \/api\/orders → 201 from blue\n(?:.*\n){3} +canary shadow +╍*✗ +500 .* mirrored\n/],
  ["the fallback", /GET \/api\/hello → 200 from green \(fallback\)\n/],
  ["the bar of the stopped primary", /blue +primary +━*✗ +refused .*\n/],
  ["the bar of the fallback", /green +secondary +━*● +200 .* ◀ fallback\n/],
  ["the local reply", /"status": 502/],
  ["the failures", /{ "service": "blue", "role": "primary", "failure": "refused" }/],
  ["the 502", /GET \/api\/hello → 502 from conductor\n/],
];

Deno.test("demo --once plays the tour over real sockets, needs net and read only, and exits with 0", async () => {
  const { code, stdout, stderr } = await runCli(["demo", "--once", "--port", "0"]);
  assertEquals(stderr, "");
  assertEquals(code, 0);
  let rest = stdout;
  for (const [name, part] of TOUR) {
    assertMatch(rest, part, name);
    rest = rest.slice(rest.search(part));
  }
  // deno-lint-ignore no-control-regex
  assertNotMatch(stdout, /\x1b/);
});

Deno.test("demo serves and draws further requests, and exits with 0 on a signal", async () => {
  const io = createTestIo();
  const ended = runCommandLine(["demo", "--port", "0"], io);
  const [, url] = await io.stdout.seen(/Your turn[^]*curl -i (http:\/\/127\.0\.0\.1:\d+)\/api\/hello\n[^]*Ctrl-C/);
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return `${response.status} ${response.headers.get("x-conductor-service")} ${(await response.text()).trim()}`;
  };
  assertEquals(await get("/api/hello"), "200 blue hello from blue");
  assertEquals(await get("/api/mine?down=blue"), "200 green hello from green");
  await io.stdout.seen(/GET \/api\/mine → 200 from green \(fallback\)\n.*\n.*blue +primary +━*✗ +503/);
  assertMatch(await get("/api/lost?down=blue,green"), /^502 null /);
  await io.stdout.seen(/GET \/api\/lost → 502 from conductor\n/);
  assertMatch(await get("/elsewhere"), /^404 null /);
  await io.stdout.seen(/GET \/elsewhere → 404 from conductor\n/);
  io.signal("SIGINT");
  assertEquals(await ended, 0);
  assertEquals(io.stderr.text, "");
});

Deno.test("demo shows a live table below its drawings on a terminal", async () => {
  const io = createTestIo({ isTerminal: true });
  const ended = runCommandLine(["demo", "--port", "0"], io);
  const [, url = ""] = await io.stdout.seen(/Your turn[^]*curl -i (http:\/\/127\.0\.0\.1:\d+)\/api\/hello/);
  assertEquals(await (await fetch(`${url}/api/hello`)).text(), "hello from blue\n");
  await io.stdout.seen(/Ctrl-C ends[^]*GET \/api\/hello[^]*blue[^\n]*primary[^\n]*100%/);
  io.signal("SIGINT");
  assertEquals(await ended, 0);
});

Deno.test({
  name: "demo exits immediately when it is interrupted during the tour",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using child = startCli(["demo", "--port", "0"]);
    await child.stdout.seen(/1\. One request/);
    child.kill("SIGINT");
    assertEquals(await child.exited, 0);
    assertEquals(child.stderr.text, "");
  },
});

Deno.test("demo selects a free port if 8080 is in use, but not instead of --port", async () => {
  const occupied = listenOn(8080);
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const io = createTestIo();
  const ended = runCommandLine(["demo", "--once"], io);
  const [, port] = await io.stdout.seen(/A request to http:\/\/127\.0\.0\.1:(\d+) goes/);
  assertEquals(await ended, 0);
  assertEquals(port === "8080", false);

  const refused = createTestIo();
  assertEquals(await runCommandLine(["demo", "--once", "--port", String(other.addr.port)], refused), 1);
  assertStringIncludes(refused.stderr.text, "address already in use");
  other.close();
  occupied?.close();
});

/** Returns `undefined` if another program already listens on the port. */
function listenOn(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch {
    return undefined;
  }
}

const exchange: ExchangeRecord = {
  id: 1,
  requestId: "r",
  timeMs: 0,
  method: "GET",
  path: "/",
  route: "path /",
  headers: [],
  status: 200,
  service: "blue",
  fallback: false,
  durationMs: 40,
  attempts: [],
};
const common = { hedge: false, selected: false } as const;

Deno.test("drawExchange() draws one bar per service on a common axis", () => {
  const attempts: AttemptRecord[] = [
    { ...common, service: "blue", role: "primary", startMs: 0, endMs: 40, success: true, status: 200, selected: true },
    { ...common, service: "green", role: "secondary", startMs: 10, endMs: 70, success: true, status: 204 },
    { ...common, service: "canary", role: "shadow", startMs: 0, endMs: 80, success: false, failure: "timeout" },
    { ...common, service: "not sent", role: "shadow", skipped: "not-sampled" },
  ];
  assertEquals(
    drawExchange({ ...exchange, attempts }, { paint: createPaint(false), minAxisMs: 1, margin: "" }),
    `\
client           ░░░░░░░░░░░░░░                200       40 ms
blue   primary   ━━━━━━━━━━━━━●                200       40 ms  ◀ response
green  secondary    ━━━━━━━━━━━━━━━━━━━━━●     204       60 ms  not used
canary shadow    ╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍✗  timeout   80 ms  mirrored
                 ├──────┼──────┼──────┼──────┤
                 0      20     40     60     80 ms`,
  );
});

for (const [longestMs, axis] of [[1, "1 ms"], [121, "160 ms"], [30_000, "32000 ms"], [0.9, "1 ms"]] as const) {
  Deno.test(`drawExchange() gives ${longestMs} ms an axis up to ${axis}`, () => {
    const slow: ExchangeRecord = { ...exchange, durationMs: longestMs };
    const drawn = drawExchange(slow, { paint: createPaint(false), minAxisMs: 0.5, margin: "" });
    assertEquals(drawn.endsWith(axis), true, drawn);
  });
}
