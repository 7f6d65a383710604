/** Spans with OTEL_DENO=true: the collector's spans, and the headers that services get. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConfigInput } from "@zeek/conductor";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { type CollectedSpan, startCollector } from "../_support/collector.ts";
import { type Backend, readUntil, refusingUrl, startBackend, startRawBackend } from "../_support/servers.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const TRACED = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: "a=1", baggage: "user=1" };

interface Observed {
  readonly spans: readonly CollectedSpan[];
  readonly lines: readonly Record<string, unknown>[];
}

/** Serves a configuration in a process with OpenTelemetry, sends requests, and stops the process. */
async function observed(
  config: ConfigInput,
  request: (url: string) => Promise<unknown>,
  { env = {}, args = [], unstable = [] }: {
    readonly env?: Record<string, string>;
    readonly args?: readonly string[];
    readonly unstable?: readonly string[];
  } = {},
): Promise<Observed> {
  await using collector = startCollector();
  await using file = await tempConfig(JSON.stringify({ port: 0, hostname: "127.0.0.1", ...config }));
  await using child = startCli(["--config", file.path, ...args], {
    permissions: ["--allow-net", "--allow-read", ...unstable],
    env: { ...collector.env, ...env },
  });
  const [, url = ""] = await child.stdout.seen(/"url":"(.*?)"/);
  await request(url);
  child.kill("SIGTERM");
  assertEquals(await child.exited, 0);
  const lines = child.stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  return { spans: collector.spans, lines };
}

async function get(url: string, init: RequestInit = {}): Promise<void> {
  await (await fetch(url, init)).arrayBuffer();
}

function traceparentOf({ seen: [first] }: Backend): string | undefined {
  return first?.headers.get("traceparent") ?? undefined;
}

function bySpan(spans: readonly CollectedSpan[], service: string): CollectedSpan {
  const found = spans.filter(({ kind, attributes }) =>
    kind === "client" && attributes["conductor.service"] === service
  );
  assertEquals(found.length, 1, `spans of ${service}`);
  return found[0]!;
}

Deno.test("telemetry: one server span has one client span for each attempt, with the ids that services got", async () => {
  await using blue = startBackend();
  await using green = startBackend(() => new Response("no", { status: 500 }));
  await using dark = startBackend();
  const down = refusingUrl();
  const { spans, lines } = await observed({
    services: [
      { name: "blue", url: blue.url, pathPrefix: "/api", primary: true },
      { name: "green", url: green.url, pathPrefix: "/api" },
      { name: "down", url: down, pathPrefix: "/api" },
      { name: "dark", url: dark.url, pathPrefix: "/api", shadow: true },
    ],
  }, (url) => get(`${url}/api/x?secret=1`, { headers: { ...TRACED, "x-request-id": "id-1" } }));

  const [server, ...others] = spans.filter(({ kind }) => kind === "server");
  assert(server !== undefined);
  assertEquals(others, []);
  assertEquals([server.traceId, server.parentSpanId, server.name], [TRACE, PARENT, "GET /api"]);
  assertEquals(server.attributes["http.route"], "/api");
  assertEquals(server.attributes["conductor.request_id"], "id-1");
  assertEquals(server.attributes["conductor.service"], "blue");
  assertEquals(server.attributes["conductor.fallback"], false);

  const clients = spans.filter(({ kind }) => kind === "client");
  assertEquals(clients.map(({ scope }) => scope), ["conductor", "conductor", "conductor", "conductor"]);
  assertEquals(new Set(spans.map(({ spanId }) => spanId)).size, 5);
  for (const { traceId, parentSpanId, startNs, endNs } of clients) {
    assertEquals([traceId, parentSpanId], [TRACE, server.spanId]);
    assert(startNs <= endNs);
  }
  for (const [name, backend] of [["blue", blue], ["green", green], ["dark", dark]] as const) {
    assertEquals(traceparentOf(backend), `00-${TRACE}-${bySpan(spans, name).spanId}-01`);
    assertEquals(backend.seen[0]?.headers.get("tracestate"), "a=1");
    assertEquals(backend.seen[0]?.headers.get("baggage"), "user=1");
  }

  const of = (service: string): Record<string, unknown> => {
    const { name, isError, attributes } = bySpan(spans, service);
    return { name, isError, ...attributes };
  };
  const about = (service: string, role: string, url: string) => ({
    name: `GET ${service}`,
    "http.request.method": "GET",
    "server.address": "127.0.0.1",
    "server.port": Number(new URL(url).port),
    "conductor.service": service,
    "conductor.role": role,
  });
  assertEquals(of("blue"), {
    ...about("blue", "primary", blue.url),
    isError: false,
    "http.response.status_code": 200,
    "conductor.outcome": "success",
    "conductor.selected": true,
  });
  assertEquals(of("green"), {
    ...about("green", "secondary", green.url),
    isError: true,
    "http.response.status_code": 500,
    "conductor.outcome": "failed",
    "error.type": "500",
    "conductor.selected": false,
  });
  assertEquals(of("down"), {
    ...about("down", "secondary", down),
    "conductor.error": "Connection refused (os error 111)",
    "conductor.cause": `connection refused at ${new URL(down).host}: start the service, or correct its \`url\``,
    isError: true,
    "conductor.outcome": "refused",
    "error.type": "refused",
    "conductor.selected": false,
  });
  assertEquals(of("dark"), {
    ...about("dark", "shadow", dark.url),
    isError: false,
    "http.response.status_code": 200,
    "conductor.outcome": "success",
  });
  assertEquals(lines.find(({ message }) => message === "request completed")?.traceId, TRACE);
});

Deno.test("telemetry: each request without a trace starts its own trace", async () => {
  await using blue = startBackend();
  const { spans, lines } = await observed({ services: [{ name: "blue", url: blue.url }] }, async (url) => {
    await get(url, { headers: { traceparent: "00-0-0-0", tracestate: "a=1" } });
    await get(url, { method: "PURGE" });
  });
  const servers = spans.filter(({ kind }) => kind === "server");
  assertEquals(servers.map(({ parentSpanId }) => parentSpanId), ["", ""]);
  assertEquals(new Set(servers.map(({ traceId }) => traceId)).size, 2);
  const clients = spans.filter(({ kind }) => kind === "client");
  assertEquals(
    blue.seen.map(({ headers }) => headers.get("traceparent")),
    clients.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
  );
  assertEquals(blue.seen.map(({ headers }) => headers.get("tracestate")), [null, null]);
  assertEquals(clients.map(({ name }) => name), ["GET blue", "HTTP blue"]);
  assertEquals(clients.map(({ attributes }) => attributes["http.request.method"]), ["GET", "_OTHER"]);
  assertEquals(
    lines.filter(({ message }) => message === "request completed").map(({ traceId }) => traceId),
    clients.map(({ traceId }) => traceId),
  );
});

Deno.test("telemetry: an interrupted body is an error of its attempt, and a complete body ends the span", async () => {
  await using whole = startBackend(() => new Response(new Uint8Array(200_000)));
  await using broken = startRawBackend(async (connection) => {
    await readUntil(connection);
    await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\nnot all"));
    connection.close();
  });
  const { spans } = await observed({
    services: [
      { name: "whole", url: whole.url, pathPrefix: "/whole" },
      { name: "broken", url: broken.url, pathPrefix: "/broken" },
    ],
  }, async (url) => {
    await get(`${url}/whole`);
    await get(`${url}/broken`).catch(() => {});
  });
  const { attributes: good, isError } = bySpan(spans, "whole");
  assertEquals([isError, good["conductor.outcome"], good["conductor.selected"]], [false, "success", true]);
  const { attributes: bad, isError: isBad } = bySpan(spans, "broken");
  assertEquals([isBad, bad["conductor.outcome"], bad["http.response.status_code"]], [true, "reset", 200]);
});

for (const [sampler, ownSpans] of [[undefined, 1], ["parentbased_always_on", 0]] as const) {
  Deno.test(`telemetry: over fetch a service gets one traceparent, and Deno adds ${ownSpans} spans with the sampler ${sampler}`, async () => {
    const received: (string | null)[] = [];
    await using blue = startBackend(({ headers }) => {
      received.push(headers.get("traceparent"), headers.get("baggage"));
      return new Response("ok");
    });
    const { spans } = await observed(
      { services: [{ name: "blue", url: blue.url, http2: true }] },
      (url) => get(url, { headers: TRACED }),
      { env: sampler === undefined ? {} : { OTEL_TRACES_SAMPLER: sampler } },
    );
    const { spanId } = bySpan(spans, "blue");
    assertEquals(received, [`00-${TRACE}-${spanId}-01`, "user=1"]);
    const added = spans.filter(({ kind, scope }) => kind === "client" && scope === "deno");
    assertEquals(added.map(({ parentSpanId }) => parentSpanId), Array.from({ length: ownSpans }, () => spanId));
  });
}

Deno.test("telemetry: a trace that is not sampled is propagated, and not recorded", async () => {
  await using blue = startBackend();
  const { spans } = await observed(
    { services: [{ name: "blue", url: blue.url }] },
    (url) => get(url, { headers: { ...TRACED, traceparent: `00-${TRACE}-${PARENT}-00` } }),
    { env: { OTEL_TRACES_SAMPLER: "parentbased_always_on" } },
  );
  assertEquals(spans, []);
  const traceparent = traceparentOf(blue) ?? "";
  assertMatch(traceparent, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
  assert(!traceparent.includes(PARENT));
});

Deno.test({
  name: "telemetry: workers record spans until the last shadow request has settled",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using blue = startBackend();
    const late = Promise.withResolvers<void>();
    await using dark = startBackend(async () => {
      await late.promise;
      return new Response("late");
    });
    const { spans } = await observed({
      services: [{ name: "blue", url: blue.url }, { name: "dark", url: dark.url, shadow: true }],
    }, async (url) => {
      await get(url, { headers: TRACED });
      await dark.received(1);
      late.resolve();
    }, { args: ["--workers", "2"], unstable: ["--unstable-net"] });
    assertEquals(traceparentOf(blue), `00-${TRACE}-${bySpan(spans, "blue").spanId}-01`);
    assertEquals(traceparentOf(dark), `00-${TRACE}-${bySpan(spans, "dark").spanId}-01`);
  },
});
