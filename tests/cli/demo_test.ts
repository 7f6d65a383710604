import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";

import { drawExchange } from "../../src/cli/demo/chart.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import type { AttemptRecord, ExchangeRecord } from "../../src/observe/exchange_record.ts";
import { createPaint } from "../../src/lib/paint.ts";
import { runCli, startCli } from "../_support/cli_process.ts";
import { createTestIo } from "../_support/test_io.ts";

/** The story's parts in their order, each as a person reads it. */
const STORY: [name: string, part: RegExp][] = [
  ["the configuration", /name: blue, +url: http:\/\/127\.0\.0\.1:\d+, pathPrefix: \/api, primary: true/],
  ["the routes", /pathPrefix \/api ─┬─▶ blue +primary .*\n.*├─▶ green +secondary .*\n.*└┄▷ canary +shadow/],
  ["a request", /\$ curl http:\/\/127\.0\.0\.1:\d+\/api\/hello\n +hello from blue\n/],
  ["the primary's answer", /GET \/api\/hello → 200 from blue\n/],
  ["its bar", /blue +primary +━*● +200 .* ◀ the answer\n/],
  ["the secondary's bar", /green +secondary +━*● +200 .* in reserve\n/],
  ["the shadow's bar", /canary +shadow +╍*● +200 .* a copy\n/],
  ["the axis", /├──────┼──────┼──────┼──────┤\n +0 +\d+ +\d+ +\d+ +\d+ ms\n/],
  ["an order", /\$ curl -d '{"item":"tea"}' .*\n +blue took the order {"item":"tea"}\n/],
  ["the broken shadow", /POST \/api\/orders → 201 from blue\n(?:.*\n){3} +canary shadow +╍*✗ +500 .* a copy\n/],
  ["the death of the primary", /GET \/api\/hello → 200 from green, standing in\n/],
  ["its refusal", /blue +primary +━*✗ +refused .*\n/],
  ["the fallback", /green +secondary +━*● +200 .* ◀ stands in\n/],
  ["the end of all", /"status": 502/],
  ["who failed", /{ "service": "blue", "role": "primary", "failure": "refused" }/],
  ["the 502", /GET \/api\/hello → 502 from conductor itself\n/],
];

Deno.test("demo --once tells its story with net and read alone, over real sockets, and exits with 0", async () => {
  const { code, stdout, stderr } = await runCli(["demo", "--once", "--port", "0"]);
  assertEquals(stderr, "");
  assertEquals(code, 0);
  let rest = stdout;
  for (const [name, part] of STORY) {
    assertMatch(rest, part, name);
    rest = rest.slice(rest.search(part));
  }
  // deno-lint-ignore no-control-regex
  assertNotMatch(stdout, /\x1b/);
});

Deno.test("demo stays up for the reader's own requests, draws them, and ends with 0 on a signal", async () => {
  const io = createTestIo();
  const ended = runCommandLine(["demo", "--port", "0"], io);
  const [, url] = await io.stdout.seen(/Your turn[^]*curl -i (http:\/\/127\.0\.0\.1:\d+)\/api\/hello\n[^]*Ctrl-C/);
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return `${response.status} ${response.headers.get("x-conductor-service")} ${(await response.text()).trim()}`;
  };
  assertEquals(await get("/api/hello"), "200 blue hello from blue");
  assertEquals(await get("/api/mine?down=blue"), "200 green hello from green");
  await io.stdout.seen(/GET \/api\/mine → 200 from green, standing in\n.*\n.*blue +primary +━*✗ +503/);
  assertMatch(await get("/api/lost?down=blue,green"), /^502 null /);
  await io.stdout.seen(/GET \/api\/lost → 502 from conductor itself\n/);
  assertMatch(await get("/elsewhere"), /^404 null /);
  await io.stdout.seen(/GET \/elsewhere → 404 from conductor itself\n/);
  io.signal("SIGINT");
  assertEquals(await ended, 0);
  assertEquals(io.stderr.text, "");
});

Deno.test("demo shows a table of what has been counted, on a terminal, below what it draws", async () => {
  const io = createTestIo({ isTerminal: true });
  const ended = runCommandLine(["demo", "--port", "0"], io);
  const [, url = ""] = await io.stdout.seen(/Your turn[^]*curl -i (http:\/\/127\.0\.0\.1:\d+)\/api\/hello/);
  assertEquals(await (await fetch(`${url}/api/hello`)).text(), "hello from blue\n");
  await io.stdout.seen(/Ctrl-C ends[^]*GET \/api\/hello[^]*blue[^\n]*primary[^\n]*100%/);
  io.signal("SIGINT");
  assertEquals(await ended, 0);
});

Deno.test({
  name: "demo ends at once when it is interrupted in the middle of its story",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using child = startCli(["demo", "--port", "0"]);
    await child.stdout.seen(/1\. One request/);
    child.kill("SIGINT");
    assertEquals(await child.exited, 0);
    assertEquals(child.stderr.text, "");
  },
});

Deno.test("demo takes another port than 8080 where that is taken, but not where one was asked for", async () => {
  const taken = listenOn(8080);
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const io = createTestIo();
  const ended = runCommandLine(["demo", "--once"], io);
  const [, port] = await io.stdout.seen(/a request to http:\/\/127\.0\.0\.1:(\d+) goes/);
  assertEquals(await ended, 0);
  assertEquals(port === "8080", false);

  const refused = createTestIo();
  assertEquals(await runCommandLine(["demo", "--once", "--port", String(other.addr.port)], refused), 1);
  assertStringIncludes(refused.stderr.text, "address already in use");
  other.close();
  taken?.close();
});

/** Another program may be there already, which is as good. */
function listenOn(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch {
    return undefined;
  }
}

const answer: ExchangeRecord = {
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
const kept = { hedge: false, selected: false } as const;

Deno.test("drawExchange() draws one bar per service on a common axis", () => {
  const attempts: AttemptRecord[] = [
    { ...kept, service: "blue", role: "primary", startMs: 0, endMs: 40, success: true, status: 200, selected: true },
    { ...kept, service: "green", role: "secondary", startMs: 10, endMs: 70, success: true, status: 204 },
    { ...kept, service: "canary", role: "shadow", startMs: 0, endMs: 80, success: false, failure: "timeout" },
    { ...kept, service: "not sent", role: "shadow", skipped: "not-sampled" },
  ];
  assertEquals(
    drawExchange({ ...answer, attempts }, { paint: createPaint(false), minAxisMs: 1, margin: "" }),
    `\
client           ░░░░░░░░░░░░░░                200       40 ms
blue   primary   ━━━━━━━━━━━━━●                200       40 ms  ◀ the answer
green  secondary    ━━━━━━━━━━━━━━━━━━━━━●     204       60 ms  in reserve
canary shadow    ╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍✗  timeout   80 ms  a copy
                 ├──────┼──────┼──────┼──────┤
                 0      20     40     60     80 ms`,
  );
});

for (const [longestMs, axis] of [[1, "1 ms"], [121, "160 ms"], [30_000, "32000 ms"], [0.9, "1 ms"]] as const) {
  Deno.test(`drawExchange() gives ${longestMs} ms an axis up to ${axis}`, () => {
    const exchange: ExchangeRecord = { ...answer, durationMs: longestMs };
    const drawn = drawExchange(exchange, { paint: createPaint(false), minAxisMs: 0.5, margin: "" });
    assertEquals(drawn.endsWith(axis), true, drawn);
  });
}
