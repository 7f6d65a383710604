import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ConfigInput } from "@zeek/conductor";
import { validateConfig } from "../../src/config/validate.ts";
import { createAccessLog } from "../../src/observe/access_log.ts";
import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { untilListening } from "../_support/ports.ts";
import { exchangeRaw, refusingUrl, startBackend, startRawBackend } from "../_support/servers.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

interface Served extends AsyncDisposable {
  readonly url: string;
  /** Resolves with this many lines. */
  lines(count: number): Promise<string[]>;
}

/** Serves a configuration with an access log. */
function serve(config: ConfigInput): Served {
  const checked = validateConfig(config).config;
  const written: string[] = [];
  let changed = Promise.withResolvers<void>();
  const observe = createAccessLog(checked, {
    now: () => NOW_MS,
    write(line) {
      written.push(line);
      changed.resolve();
      changed = Promise.withResolvers();
    },
  });
  const handle = createHandler(checked, { ...(observe !== undefined && { observe }) });
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen() {},
    onError: () => new Response(null, { status: 500 }),
  }, handle);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async lines(count) {
      while (written.length < count) await changed.promise;
      return written;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("the access log has one line of JSON for each request, at the end of its response", async () => {
  await using backend = startBackend((_, body) => new Response(`got ${body}`));
  await using front = serve({
    logging: { access: "json" },
    trustProxy: ["127.0.0.1"],
    services: [
      { name: "blue", url: refusingUrl(), pathPrefix: "/api", primary: true },
      { name: "green", url: backend.url, pathPrefix: "/api" },
      { name: "copy", url: backend.url, pathPrefix: "/api", shadow: true },
    ],
  });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const response = await fetch(`${front.url}/api/orders;token=hunter2?email=a@b.example`, {
    method: "POST",
    body: "12345",
    headers: {
      "x-forwarded-for": "192.0.2.7",
      "x-request-id": "r-1",
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      referer: "https://shop.example/cart?session=hunter2",
      "user-agent": 'test "1"',
    },
  });
  assertEquals(await response.text(), "got 12345");
  assertEquals(response.headers.get("x-request-id"), "r-1");
  const [line = ""] = await front.lines(1);
  assert(line.endsWith("}\n"));
  assert(!line.includes("hunter2") && !line.includes("a@b.example"), line);
  const { durationMs, attempts, ...fields } = JSON.parse(line);
  assertEquals(fields, {
    time: "2026-01-02T03:04:05.678Z",
    message: "access",
    client: "192.0.2.7",
    method: "POST",
    host: new URL(front.url).host,
    target: "/api/orders;token=[redacted]?[redacted]",
    protocol: "HTTP/1.1",
    status: 200,
    requestBytes: 5,
    responseBytes: 9,
    route: "pathPrefix /api",
    service: "green",
    referer: "https://shop.example/cart?[redacted]",
    userAgent: 'test "1"',
    requestId: "r-1",
    traceId,
  });
  assert(durationMs > 0);
  const outcomes = new Map<string, string>(
    attempts.map(({ service, outcome }: Record<string, string>) => [service, outcome]),
  );
  assertEquals([outcomes.get("blue"), outcomes.get("green")], ["refused", "200"]);
  assertMatch(outcomes.get("copy") ?? "", /^(?:200|pending)$/);
});

Deno.test("the access log has requests that no service got: without a route, refused, and failed", async () => {
  await using front = serve({
    logging: { access: "json", accessFields: ["status", "target", "responseBytes", "service", "refusal", "attempts"] },
    services: [{ name: "blue", url: refusingUrl(), pathPrefix: "/api" }],
  });
  const sizes: number[] = [];
  for (const path of ["/none", "/api"]) sizes.push((await (await fetch(front.url + path)).bytes()).length);
  const lines = (await front.lines(2)).map((line) => JSON.parse(line));
  assertEquals(Object.keys(lines[0]), ["time", "message", "status", "target", "responseBytes", "attempts"]);
  assertEquals(lines.map(({ status, target }) => [status, target]), [[404, "/none"], [502, "/api"]]);
  assertEquals(lines.map(({ responseBytes }) => responseBytes), sizes);
  assertEquals([lines[0].attempts, lines[1].attempts[0].outcome], [[], "refused"]);
});

Deno.test("the access log has one attempt of a service whose breaker is open, and the route of a refused request", async () => {
  await using front = serve({
    maxBodySize: "10B",
    logging: { access: "json", accessFields: ["status", "route", "attempts"] },
    services: [{ name: "blue", url: refusingUrl(), pathPrefix: "/api", breaker: { failures: 1 } }],
  });
  for (const body of [undefined, undefined, "more than ten bytes"]) {
    const init = body === undefined ? {} : { method: "POST", body };
    await (await fetch(`${front.url}/api`, init)).bytes();
  }
  const lines = (await front.lines(3)).map((line) => JSON.parse(line));
  const attempts = lines.map(({ attempts }) => attempts.map(({ outcome }: { outcome: string }) => outcome));
  assertEquals(attempts, [["refused"], ["open-circuit"], []]);
  assertEquals(
    lines.map(({ status, route }) => [status, route]),
    [502, 502, 413].map((status) => {
      return [status, "pathPrefix /api"];
    }),
  );
});

Deno.test("the access log tells that a response broke off", async () => {
  await using backend = startRawBackend(async (connection) => {
    await connection.read(new Uint8Array(4_096));
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nbegin"));
  });
  await using front = serve({ logging: { access: "json" }, services: [{ name: "blue", url: backend.url }] });
  await fetch(front.url).then((response) => response.text()).catch(() => {});
  const { status, interrupted, responseBytes } = JSON.parse((await front.lines(1))[0]!);
  assertEquals({ status, interrupted, responseBytes }, { status: 200, interrupted: "reset", responseBytes: 5 });
});

Deno.test("the access log writes Apache's combined format, in which no client can forge a line", async () => {
  await using backend = startBackend(() => new Response("hello"));
  await using front = serve({ logging: { access: "combined" }, services: [{ name: "blue", url: backend.url }] });
  await (await fetch(`${front.url}/a?x=1`, { headers: { "user-agent": 'a" 200 1 "b\\', referer: "" } })).text();
  const [line] = await front.lines(1);
  assertEquals(
    line,
    '127.0.0.1 - - [02/Jan/2026:03:04:05 +0000] "GET /a?[redacted] HTTP/1.1" 200 5 "" "a\\" 200 1 \\"b\\\\"\n',
  );
});

Deno.test("the server writes the access log instead of its lines about requests, and --quiet shows failed requests", async () => {
  const url = refusingUrl();
  await using file = await tempConfig(JSON.stringify({
    port: 0,
    hostname: "127.0.0.1",
    logging: { access: "json", accessFields: ["requestId", "status"] },
    services: [{ name: "blue", url, pathPrefix: "/api" }],
  }));
  await using server = startCli(["--config", file.path]);
  const [, origin = ""] = await server.stdout.seen(/"url":"([^"]+)"/);
  const missing = await fetch(`${origin}/none`);
  await missing.text();
  const failed = await fetch(`${origin}/api/x`);
  await failed.text();
  await server.stdout.seen(/"message":"access","requestId":"[^"]+","status":502/);
  const lines = server.stdout.text.trim().split("\n").map((line) => JSON.parse(line));
  const access = lines.filter(({ message }) => message === "access");
  assertEquals(access.map(({ requestId, status }) => [requestId, status]), [
    [missing.headers.get("x-request-id"), 404],
    [failed.headers.get("x-request-id"), 502],
  ]);
  // The failed request is a warning too; the other one has only its line in the access log.
  const warned = lines.filter(({ message }) => message === "request completed");
  assertEquals(warned.map(({ level, status }) => [level, status]), [["warn", 502]]);

  await using quietFile = await tempConfig(JSON.stringify({
    port: Number(new URL(origin).port),
    hostname: "127.0.0.1",
    services: [{ name: "blue", url, pathPrefix: "/api" }],
  }));
  server.kill("SIGTERM");
  await server.exited;
  await using quiet = startCli(["--config", quietFile.path, "--quiet", "--log-format", "pretty"]);
  await untilListening(Number(new URL(origin).port), quiet.exited);
  await (await fetch(`${origin}/api/x`)).text();
  await quiet.stdout.seen(/WARN {2}502 GET \/api\/x ← conductor/);
  assertStringIncludes(quiet.stdout.text, `connection refused at ${new URL(url).host}`);
});

Deno.test("the access log has the version of a request from the node listener", async () => {
  await using file = await tempConfig(JSON.stringify({
    port: 0,
    hostname: "127.0.0.1",
    listener: "node",
    logging: { access: "json" },
    services: [{ name: "a", url: refusingUrl(), path: "/a" }],
  }));
  await using server = startCli(["--config", file.path]);
  const [, origin = ""] = await server.stdout.seen(/"url":"([^"]+)"/);
  const port = Number(new URL(origin).port);
  for (const version of ["1.0", "1.1"]) {
    await exchangeRaw(port, `GET /none HTTP/${version}\r\nHost: h\r\nConnection: close\r\n\r\n`);
    await server.stdout.seen(new RegExp(`"message":"access".*"protocol":"HTTP/${RegExp.escape(version)}"`));
  }
});
