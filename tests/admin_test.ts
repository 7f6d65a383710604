import { assert, assertEquals, assertMatch, assertNotMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { FakeTime } from "@std/testing/time";

import type { ExchangesView, StateView } from "../src/admin/api.ts";
import { viewConfig } from "../src/admin/config_view.ts";
import { MAX_STREAMS } from "../src/admin/event_streams.ts";
import { type AdminHandler, createAdminHandler } from "../src/admin/handler.ts";
import { whyUnready } from "../src/admin/readiness.ts";
import type { AdminSource } from "../src/admin/source.ts";
import { viewState } from "../src/admin/state_view.ts";
import type { Config } from "../src/config/config.ts";
import { ConfigError } from "../src/config/config_error.ts";
import { readConfig } from "../src/config/read.ts";
import { validateConfig } from "../src/config/validate.ts";
import { Comparisons } from "../src/compare/comparisons.ts";
import { NoiseMarks } from "../src/compare/noise_marks.ts";
import { ExchangeRing, type NewExchange } from "../src/observe/exchange_ring.ts";
import { Metrics } from "../src/observe/metrics.ts";
import { serve } from "../src/server/serve.ts";
import { exchangeRaw, type TestServer } from "./_support/servers.ts";

const TOKEN = "a-token-of-some-length";
const { config: CONFIG } = validateConfig({ services: [{ name: "a", url: "http://localhost:1" }] });

interface Shown extends AdminSource {
  readonly ring: ExchangeRing;
  draining: boolean;
  /** How often anything has been asked for. */
  asked: number;
  padding: string;
}

function createSource(config: Config = CONFIG): Shown {
  const ring = new ExchangeRing(200);
  const metrics = new Metrics();
  metrics.follow(config);
  const comparisons = new Comparisons();
  comparisons.follow(config);
  const source: Shown = {
    config,
    ring,
    draining: false,
    asked: 0,
    padding: "",
    state(): Promise<StateView> {
      source.asked++;
      return Promise.resolve(viewState(config, {
        version: `0.0.0${source.padding}`,
        draining: source.draining,
        workers: { count: 1, crashes: 0 },
        process: {},
        metrics: metrics.snapshot(),
      }));
    },
    exchanges(after): Promise<ExchangesView> {
      source.asked++;
      return Promise.resolve(ring.after(after));
    },
    comparisons(after) {
      source.asked++;
      return Promise.resolve(comparisons.read(after));
    },
    marks: new NoiseMarks(),
  };
  return source;
}

function exchange(parts: Partial<NewExchange> = {}): NewExchange {
  return {
    requestId: "r",
    timeMs: 0,
    method: "GET",
    path: "/",
    route: "",
    headers: [],
    status: 200,
    fallback: false,
    durationMs: 1,
    attempts: [],
    ...parts,
  };
}

interface Admin extends TestServer {
  readonly source: Shown;
}

interface StartOptions {
  readonly hostname?: string;
  readonly token?: string;
  readonly source?: Shown;
}

/** An admin listener on loopback, which takes itself for one at `hostname`. */
function startAdmin({ hostname = "127.0.0.1", token, source = createSource() }: StartOptions = {}): Admin {
  const server = serve((request) => handler.handle(request), { hostname: "127.0.0.1", port: 0 });
  const handler: AdminHandler = createAdminHandler(source, { hostname, port: server.port, token });
  return {
    source,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    async [Symbol.asyncDispose]() {
      handler.close();
      await server.shutdown();
    },
  };
}

/** Sends a request in raw bytes, with PORT in it replaced. */
async function ask({ port }: TestServer, lines: readonly string[], line = "GET /api/state HTTP/1.1"): Promise<number> {
  const head = [line, ...lines, "Connection: close", "", ""].join("\r\n").replaceAll("PORT", String(port));
  return Number((await exchangeRaw(port, head)).split(" ")[1]);
}

for (
  const [path, status, type] of [
    ["/", 200, "text/html"],
    ["/healthz", 200, "text/plain"],
    ["/readyz", 200, "text/plain"],
    ["/metrics", 200, "application/json"],
    ["/api/state", 200, "application/json"],
    ["/api/exchanges", 200, "application/json"],
    ["/api/exchanges?after=abc", 200, "application/json"],
    ["/config", 200, "application/json"],
    ["/nothing", 404, "text/plain"],
    ["/healthz/", 404, "text/plain"],
    ["/../config.yaml", 404, "text/plain"],
  ] as const
) {
  Deno.test(`the admin listener answers ${path} with ${status}, safely`, async () => {
    await using admin = startAdmin();
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(admin.url + path, { method });
      const text = await response.text();
      const { headers } = response;
      assertEquals([response.status, headers.get("content-type")?.split(";")[0]], [status, type]);
      assertEquals(text === "", method === "HEAD");
      assertStringIncludes(headers.get("content-security-policy") ?? "", "default-src 'none'; script-src 'self';");
      assertEquals(headers.get("x-content-type-options"), "nosniff");
      assertEquals(headers.get("referrer-policy"), "no-referrer");
      assertEquals(headers.get("cache-control"), "no-store");
      assertEquals(headers.get("access-control-allow-origin"), null);
    }
  });
}

for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
  Deno.test(`the admin listener answers ${method} with 405`, async () => {
    await using admin = startAdmin();
    const response = await fetch(`${admin.url}/api/state`, { method });
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
  });
}

/** What is configured, what a client says of itself, and what it gets; PORT is the listener's. */
const ORIGINS: [hostname: string, lines: readonly string[], status: number][] = [
  ["127.0.0.1", ["Host: 127.0.0.1:PORT"], 200],
  ["127.0.0.1", ["Host: localhost:PORT"], 200],
  ["127.0.0.1", ["Host: LOCALHOST:PORT"], 200],
  ["127.0.0.1", ["Host: [::1]:PORT"], 200],
  ["127.0.0.1", ["Host: evil.example:PORT"], 403],
  ["127.0.0.1", ["Host: localhost.evil.example:PORT"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:1"], 403],
  ["127.0.0.1", ["Host: 10.0.0.1:PORT"], 403],
  ["127.0.0.1", ["Host: 0.0.0.0:PORT"], 403],
  ["admin.internal", ["Host: admin.internal:PORT"], 200],
  ["admin.internal", ["Host: other.internal:PORT"], 403],
  ["::1", ["Host: [::1]:PORT"], 200],
  ["fd00:0::1", ["Host: [fd00::1]:PORT"], 200],
  ["0.0.0.0", ["Host: 10.0.0.1:PORT"], 200],
  ["::", ["Host: [fd00::1]:PORT"], 200],
  ["0.0.0.0", ["Host: evil.example:PORT"], 403],
  ["0.0.0.0", ["Host: 10.0.0.1.evil.example:PORT"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:PORT"], 200],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: http://localhost:PORT"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: https://127.0.0.1:PORT"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:1"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: http://evil.example"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Origin: null"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: same-origin"], 200],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: none"], 200],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"], 403],
  ["127.0.0.1", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 200],
];

for (const [hostname, lines, status] of ORIGINS) {
  Deno.test(`the admin listener at ${hostname} answers ${lines.join(", ")} with ${status}`, async () => {
    await using admin = startAdmin({ hostname });
    assertEquals(await ask(admin, lines), status);
  });
}

Deno.test("the admin listener answers a request without Host with 403", async () => {
  await using admin = startAdmin();
  assertEquals(await ask(admin, [], "GET /api/state HTTP/1.0"), 403);
});

Deno.test("probes reach the admin listener by any address and without the token, and learn one word", async () => {
  await using admin = startAdmin({ token: TOKEN, hostname: "0.0.0.0" });
  for (const path of ["/healthz", "/readyz"]) {
    assertEquals(await ask(admin, ["Host: pod-7.example"], `GET ${path} HTTP/1.1`), 200);
  }
});

for (
  const [title, headers, status] of [
    ["nothing", {}, 401],
    ["the token", { authorization: `Bearer ${TOKEN}` }, 200],
    ["the token with another scheme's capitals", { authorization: `bearer ${TOKEN}` }, 200],
    ["another token", { authorization: `Bearer ${TOKEN}x` }, 401],
    ["a part of the token", { authorization: `Bearer ${TOKEN.slice(0, -1)}` }, 401],
    ["the token as a password", { authorization: `Basic ${btoa(`:${TOKEN}`)}` }, 401],
    ["the token as a cookie", { cookie: `conductor-admin-PORT=${TOKEN}` }, 401],
    ["an empty cookie", { cookie: "conductor-admin-PORT=" }, 401],
  ] as const
) {
  Deno.test(`the admin listener with a token answers who shows ${title} with ${status}`, async () => {
    await using admin = startAdmin({ token: TOKEN });
    const sent = Object.entries(headers).map(([name, value]) => [name, value.replace("PORT", String(admin.port))]);
    for (const path of ["/", "/api/state", "/api/exchanges", "/metrics", "/config", "/nothing"]) {
      const response = await fetch(admin.url + path, { headers: sent as [string, string][] });
      await response.body?.cancel();
      assertEquals(response.status, path === "/nothing" && status === 200 ? 404 : status, path);
      if (status === 401) assertEquals(response.headers.get("www-authenticate"), "Bearer");
    }
  });
}

Deno.test("a browser exchanges the token for a cookie that works for events, too, and does not tell the token", async () => {
  await using admin = startAdmin({ token: TOKEN });
  const response = await fetch(`${admin.url}/?token=${TOKEN}`, { redirect: "manual" });
  await response.body?.cancel();
  assertEquals([response.status, response.headers.get("location")], [303, "/"]);
  const field = response.headers.get("set-cookie") ?? "";
  assertMatch(field, /^conductor-admin-\d+=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/$/);
  assertNotMatch(field, new RegExp(TOKEN));
  const cookie = field.split(";")[0]!;
  for (const path of ["/", "/api/events", "/api/state"]) {
    const shown = await fetch(admin.url + path, { headers: { cookie: `a=b; ${cookie}` } });
    await shown.body?.cancel();
    assertEquals(shown.status, 200, path);
  }
  await using other = startAdmin({ token: `${TOKEN}-2` });
  const foreign = cookie.replace(String(admin.port), String(other.port));
  const refused = await fetch(other.url, { headers: { cookie: foreign } });
  await refused.body?.cancel();
  assertEquals(refused.status, 401);
});

Deno.test("a wrong ?token is answered with 401 and sets no cookie", async () => {
  await using admin = startAdmin({ token: TOKEN });
  for (const given of ["", "wrong", `${TOKEN}%20`]) {
    const response = await fetch(`${admin.url}/?token=${given}`, { redirect: "manual" });
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("set-cookie")], [401, null]);
  }
});

Deno.test("/readyz says 503 while the server drains, and /healthz 200", async () => {
  await using admin = startAdmin();
  admin.source.draining = true;
  const ready = await fetch(`${admin.url}/readyz`);
  assertEquals([ready.status, await ready.text()], [503, "not ready: draining\n"]);
  const alive = await fetch(`${admin.url}/healthz`);
  assertEquals([alive.status, await alive.text()], [200, "ok\n"]);
});

for (
  const [states, expected] of [
    [[{ service: "a", breaker: "closed" }], undefined],
    [[{ service: "a", breaker: "open" }], undefined],
    [[{ service: "a", breaker: "open" }, { service: "b", health: "unhealthy" }], "no primary"],
    [[{ service: "a", breaker: "open" }, { service: "b", breaker: "half-open" }], undefined],
    [[{ service: "c", breaker: "open" }, { service: "d", health: "unhealthy" }], undefined],
    [[{ service: "e", health: "unhealthy" }], "no primary"],
  ] as const
) {
  Deno.test(`whyUnready() says ${expected} with ${JSON.stringify(states)}`, () => {
    const routes: StateView["routes"] = [
      {
        route: "path /",
        members: [
          { service: "a", role: "primary" },
          { service: "b", role: "primary" },
          { service: "c", role: "secondary" },
          { service: "d", role: "shadow" },
        ],
      },
      { route: "path /e", members: [{ service: "e", role: "primary" }] },
    ];
    const metrics = { ...new Metrics().snapshot(), states };
    assertEquals(whyUnready({ draining: false, routes, metrics }), expected);
  });
}

Deno.test("values from the wire arrive as JSON text", async () => {
  await using admin = startAdmin();
  const hostile = `</script><script>alert(1)</script>\u2028\u0000\x1b[31m\u202e"\\`;
  admin.source.ring.add(exchange({ path: hostile, method: hostile, headers: [[hostile, hostile]] }));
  const text = await (await fetch(`${admin.url}/api/exchanges`)).text();
  // deno-lint-ignore no-control-regex
  assertNotMatch(text, /[\u2028\x00\x1b\u202e]/);
  const { exchanges: [record] } = JSON.parse(text) as ExchangesView;
  assertEquals([record?.path, record?.method, record?.headers], [hostile, hostile, [[hostile, hostile]]]);
});

Deno.test("/config and all other answers keep every kind of secret", async () => {
  const secret = "s3cr3t-of-the-environment";
  const text = `
port: 0
admin: {port: 0, token: "\${env:SECRET}"}
services:
  - name: a
    url: http://localhost:1/\${env:SECRET}
    headers: {Authorization: "Bearer \${env:SECRET}", X-Plain: shown, X-Odd: "\${env:SECRET}", X-Literal-Token: s3cr3t-literal}
    responseHeaders: {Set-Cookie: "a=\${env:SECRET}"}
    health: {path: "/health?key=\${env:SECRET}"}
  - {name: b, url: "\${env:URL}", pathPrefix: /b, host: "\${env:SECRET}.example"}
`;
  const environment: Record<string, string> = { SECRET: secret, URL: "http://localhost:1/s3cr3t-path" };
  const read = await readConfig(text, { readFile: () => Promise.reject(), readEnv: (name) => environment[name] });
  const { config } = validateConfig(read.value, read.source);
  await using admin = startAdmin({ source: createSource(config) });
  for (const path of ["/", "/healthz", "/readyz", "/metrics", "/api/state", "/api/exchanges", "/config"]) {
    const response = await fetch(admin.url + path);
    const shown = JSON.stringify([...response.headers]) + await response.text();
    assertNotMatch(shown, /s3cr3t/, path);
  }
  const { services: [shown], admin: settings } = viewConfig(config) as {
    services: [{ headers: Record<string, string>; failOn: unknown }];
    admin: unknown;
  };
  assertEquals(shown.headers["X-Plain"], "shown");
  assertEquals(shown.headers["X-Odd"], "[redacted, 25 bytes]");
  assertEquals(shown.failOn, [{ from: 500, to: 599 }]);
  assertEquals(settings, { port: 0, hostname: "127.0.0.1", token: "[redacted, 25 bytes]" });
});

Deno.test("viewConfig() shows the names of compared header fields as a list", () => {
  const { config } = validateConfig({
    services: [
      { name: "a", url: "http://x", primary: true },
      { name: "b", url: "http://y", shadow: true, compare: { headers: ["etag", "x-b"] } },
    ],
  });
  const { services: [, shown] } = viewConfig(config) as { services: [unknown, { compare: { headers: string[] } }] };
  assertEquals(shown.compare.headers, ["etag", "x-b"]);
});

/** Reads server-sent events until there are enough. */
async function readEvents(response: Response, count: number): Promise<{ event: string; id?: string; data: unknown }[]> {
  const events = [];
  let text = "";
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  while (events.length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const fields = Object.fromEntries(text.slice(0, end).split("\n").map((line) => line.split(/: (.*)/s, 2)));
      text = text.slice(end + 2);
      if (fields.event !== undefined) events.push({ ...fields, data: JSON.parse(fields.data) });
    }
  }
  await reader.cancel();
  return events;
}

Deno.test("/api/events sends the state and what is recent, then what is new; Last-Event-ID goes on", async () => {
  await using admin = startAdmin();
  for (let count = 0; count < 3; count++) admin.source.ring.add(exchange());
  const events = await readEvents(await fetch(`${admin.url}/api/events`), 3);
  const first = events.find(({ event }) => event === "exchanges");
  assertEquals(first?.id, "3");
  assertEquals((first?.data as ExchangesView).exchanges.map(({ id }) => id), [1, 2, 3]);
  assert(events.some(({ event, data }) => event === "state" && (data as StateView).version === "0.0.0"));

  admin.source.ring.add(exchange());
  const resumed = await fetch(`${admin.url}/api/events`, { headers: { "last-event-id": "3" } });
  const next = (await readEvents(resumed, 2)).find(({ event }) => event === "exchanges");
  assertEquals([next?.id, (next?.data as ExchangesView).exchanges.length], ["4", 1]);
});

Deno.test("/api/events costs nothing once the last reader has left", async () => {
  using time = new FakeTime();
  const source = createSource();
  const { handle } = createAdminHandler(source, { hostname: "127.0.0.1", port: 80, token: undefined });
  const [first, second] = await Promise.all([1, 2].map(() => handle(requestEvents())));
  await pass(time, 3);
  assert(source.asked > 10);
  await first!.body!.cancel();
  await second!.body!.cancel();
  const { asked } = source;
  await pass(time, 60);
  assertEquals(source.asked, asked);
});

Deno.test("/api/events takes so many readers and no more", async () => {
  const { handle, close } = createAdminHandler(createSource(), { hostname: "127.0.0.1", port: 80, token: undefined });
  const responses = await Promise.all(Array.from({ length: MAX_STREAMS + 1 }, () => handle(requestEvents())));
  assertEquals(responses.map(({ status }) => status), [...Array(MAX_STREAMS).fill(200), 503]);
  close();
  const texts = await Promise.all(responses.map((response) => response.text()));
  assertMatch(texts[0]!, /^retry: 1000\n\n/);
});

Deno.test("/api/events skips states for a slow reader, in bounded memory, and cuts off one that reads nothing", async () => {
  using time = new FakeTime();
  const source = createSource();
  source.padding = "x".repeat(100_000);
  const { handle, close } = createAdminHandler(source, { hostname: "127.0.0.1", port: 80, token: undefined });
  const slow = (await handle(requestEvents())).body!.getReader();
  const idle = (await handle(requestEvents())).body!.getReader();
  await pass(time, 20);
  let waiting = 0;
  for (let events = 0; events < 4; events++) waiting += (await slow.read()).value?.length ?? 0;
  assert(waiting > 200_000 && waiting < 500_000, `${waiting} bytes were waiting`);
  source.ring.add(exchange());
  await pass(time, 20);
  await assertRejects(async () => {
    while (!(await idle.read()).done);
  });
  assertMatch(new TextDecoder().decode((await slow.read()).value), /^event: exchanges\nid: 1\n/);
  close();
  await slow.cancel();
});

/** Lets what each timer starts come to its end before the next one. */
async function pass(time: FakeTime, seconds: number): Promise<void> {
  for (let quarters = 0; quarters < 4 * seconds; quarters++) await time.tickAsync(250);
}

function requestEvents(): Request {
  return new Request("http://127.0.0.1:80/api/events", { headers: { host: "127.0.0.1:80" } });
}

for (
  const [admin, message] of [
    [{ port: 1, hostname: "0.0.0.0" }, "admin.token: is required where other machines can reach the admin listener"],
    [{ port: 1, hostname: "10.1.2.3" }, "admin.token: is required where other machines can reach the admin listener"],
    [{ port: 1, hostname: "::" }, "admin.token: is required where other machines can reach the admin listener"],
    [{ port: 1, token: "short" }, "admin.token: must be a token: 16 to 512 letters, digits and -._~+/= in quotes"],
    [
      { port: 1, token: "with spaces, and long" },
      "admin.token: must be a token: 16 to 512 letters, digits and -._~+/= in quotes",
    ],
    [{ port: 8080 }, "admin.port: must be another than the port that requests come to"],
    [{}, "admin.port: is required"],
  ] as const
) {
  Deno.test(`a configuration with admin ${JSON.stringify(admin)} is refused: ${message}`, () => {
    const input = { admin, services: [{ name: "a", url: "http://localhost:1" }] };
    try {
      validateConfig(input);
    } catch (error) {
      assert(error instanceof ConfigError);
      assertEquals(error.message, message);
      assertNotMatch(error.message, /with spaces/);
      return;
    }
    throw new Error("not refused");
  });
}

for (const hostname of ["127.0.0.1", "localhost", "::1", "127.8.8.8"]) {
  Deno.test(`a configuration with admin at ${hostname} needs no token`, () => {
    const { config } = validateConfig({
      admin: { port: 0, hostname },
      services: [{ name: "a", url: "http://localhost:1" }],
    });
    assertEquals(config.admin, { port: 0, hostname, shownHostname: hostname, token: undefined });
  });
}
