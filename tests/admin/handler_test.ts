import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";

import type { ExchangesView, StateView } from "../../src/admin/api.ts";
import { viewConfig } from "../../src/admin/config_view.ts";
import { MAX_STREAMS, MAX_STREAMS_PER_CLIENT } from "../../src/admin/event_streams.ts";
import { Guesses } from "../../src/admin/guesses.ts";
import { type AdminHandler, createAdminHandler } from "../../src/admin/handler.ts";
import { whyUnready } from "../../src/admin/readiness.ts";
import { MAX_SESSIONS, Sessions } from "../../src/admin/sessions.ts";
import type { AdminSource } from "../../src/admin/source.ts";
import { viewState } from "../../src/admin/state_view.ts";
import type { Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/read/config_error.ts";
import { readConfig } from "../../src/config/read/read.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { ComparisonStore } from "../../src/compare/comparison_store.ts";
import { NoiseMarks } from "../../src/compare/noise_marks.ts";
import { ExchangeRing, type NewExchange } from "../../src/observe/exchange_record.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { serve } from "../../src/server/serve.ts";
import { exchangeRaw, readUntil, type TestServer } from "../_support/servers.ts";

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
  metrics.reconfigure(config);
  const comparisons = new ComparisonStore();
  comparisons.reconfigure(config);
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
      if (method === "HEAD") assertEquals(headers.get("content-length"), null);
      assertStringIncludes(headers.get("content-security-policy") ?? "", "default-src 'none'; script-src 'self';");
      assertEquals(headers.get("x-content-type-options"), "nosniff");
      // With `no-referrer`, browsers send `Origin: null` with forms.
      assertEquals(headers.get("referrer-policy"), type === "text/html" ? "same-origin" : "no-referrer");
      assertEquals(headers.get("x-frame-options"), "DENY");
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
  ["0.0.0.0", ["Host: 999.1.1.1:PORT"], 403],
  ["0.0.0.0", ["Host: 08.1.1.1:PORT"], 403],
  ["0.0.0.0", ["Host: [1::2::3]:PORT"], 400],
  ["0.0.0.0", ["Host: [::ffff:10.0.0.1]:PORT"], 200],
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

Deno.test("the admin listener refuses a request without Host with 400, except for probes", async () => {
  await using admin = startAdmin();
  assertEquals(await ask(admin, [], "GET /api/state HTTP/1.0"), 400);
  assertEquals(await ask(admin, [], "GET /healthz HTTP/1.0"), 200);
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

/** Sends the token, and returns the path and the cookie of the session. */
async function logIn({ url }: TestServer): Promise<{ path: string; cookie: string; field: string }> {
  const response = await fetch(`${url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token: TOKEN }),
    redirect: "manual",
  });
  await response.body?.cancel();
  assertEquals(response.status, 303);
  const field = response.headers.get("set-cookie")!;
  return { path: response.headers.get("location")!, cookie: field.split(";")[0]!, field };
}

async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(url, { redirect: "manual", ...init });
  await response.body?.cancel();
  return response.status;
}

Deno.test("a browser exchanges the token for a session whose cookie works only below an unguessable path", async () => {
  await using admin = startAdmin({ token: TOKEN });
  const given = await fetch(`${admin.url}/?token=${TOKEN}`, { redirect: "manual" });
  await given.body?.cancel();
  const { path, cookie, field } = await logIn(admin);
  for (const location of [given.headers.get("location"), path]) assertMatch(location!, /^\/session-[0-9a-f]{32}\/$/);
  const fields = new RegExp(
    `^conductor-admin-\\d+=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=${path}; Max-Age=43200$`,
  );
  assertMatch(field, fields);
  assertNotMatch(field + path, new RegExp(TOKEN));

  const headers = { cookie: `a=b; ${cookie}` };
  for (const below of ["", "api/events", "api/state", "config", "metrics", "assets/main.js"]) {
    assertEquals(await statusOf(admin.url + path + below, { headers }), 200, below);
    assertEquals(await statusOf(`${admin.url}/${below}`, { headers }), 401, below);
    assertEquals(await statusOf(admin.url + path + below), 401, below);
    assertEquals(await statusOf(admin.url + given.headers.get("location") + below, { headers }), 401, below);
  }
  assertEquals(await statusOf(`${admin.url}${path}nothing`, { headers }), 404);
});

Deno.test("each login opens a new session, and a new listener accepts no earlier one", async () => {
  await using admin = startAdmin({ token: TOKEN });
  const [first, second] = [await logIn(admin), await logIn(admin)];
  assert(first.path !== second.path && first.cookie !== second.cookie);
  await using restarted = startAdmin({ token: TOKEN });
  const headers = { cookie: first.cookie.replace(String(admin.port), String(restarted.port)) };
  assertEquals(await statusOf(restarted.url + first.path, { headers }), 401);
});

Deno.test("a logout ends the session and its event streams, but no other session", async () => {
  await using admin = startAdmin({ token: TOKEN });
  const [left, stays] = [await logIn(admin), await logIn(admin)];
  const [headers, other] = [{ cookie: left.cookie }, { cookie: stays.cookie }];
  const stream = await fetch(`${admin.url}${left.path}api/events`, { headers });
  assertEquals(await statusOf(`${admin.url}${left.path}logout`, { headers }), 405);
  const foreign = { cookie: left.cookie, origin: "http://evil.example" };
  assertEquals(await statusOf(`${admin.url}${left.path}logout`, { method: "POST", headers: foreign }), 403);
  const logout = await fetch(`${admin.url}${left.path}logout`, { method: "POST", headers, redirect: "manual" });
  await logout.body?.cancel();
  assertEquals([logout.status, logout.headers.get("location")], [303, "/"]);
  assertMatch(
    logout.headers.get("set-cookie")!,
    /=; HttpOnly; SameSite=Strict; Path=\/session-[0-9a-f]{32}\/; Max-Age=0$/,
  );
  await stream.text();
  assertEquals(await statusOf(admin.url + left.path, { headers }), 401);
  assertEquals(await statusOf(admin.url + stays.path, { headers: other }), 200);
});

Deno.test("a browser without a session gets a form for the token, other clients a line of text", async () => {
  await using admin = startAdmin({ token: TOKEN });
  const page = await fetch(admin.url, { headers: { accept: "text/html,*/*" } });
  assertEquals([page.status, page.headers.get("content-type")], [401, "text/html; charset=utf-8"]);
  assertStringIncludes(await page.text(), '<form method="post" action="/login">');
  const text = await fetch(admin.url);
  assertEquals([text.status, text.headers.get("content-type")], [401, "text/plain; charset=utf-8"]);
  await text.body?.cancel();
  for (
    const [body, type, expected] of [
      ["token=wrong", "application/x-www-form-urlencoded", 401],
      ["", "application/x-www-form-urlencoded", 401],
      [`token=${TOKEN}`, "text/plain", 415],
      [`token=${"x".repeat(5_000)}`, "application/x-www-form-urlencoded", 413],
    ] as const
  ) {
    const init = { method: "POST", body, headers: { "content-type": type } };
    assertEquals(await statusOf(`${admin.url}/login`, init), expected, body.slice(0, 20));
  }
  assertEquals(await statusOf(`${admin.url}/login`, { headers: { authorization: `Bearer ${TOKEN}` } }), 404);
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

Deno.test("/api/events ends the oldest stream of a client with too many streams", async () => {
  const { handle, close } = createAdminHandler(createSource(), { hostname: "127.0.0.1", port: 80, token: undefined });
  const other = await handle(requestEvents(), peer(2));
  const responses = [];
  for (let count = 0; count <= MAX_STREAMS_PER_CLIENT; count++) responses.push(await handle(requestEvents(), peer(1)));
  assertMatch(await responses[0]!.text(), /^retry: 1000\n\n/);
  close();
  for (const response of [other, ...responses.slice(1)]) assertMatch(await response.text(), /event: state/);
});

Deno.test("/api/events makes room for a new network if another one has all streams, but not if each has one", async () => {
  const { handle, close } = createAdminHandler(createSource(), { hostname: "127.0.0.1", port: 80, token: TOKEN });
  const login = async (number: number) => {
    const url = `http://127.0.0.1:80/?token=${TOKEN}`;
    const response = await handle(new Request(url, { headers: { host: "127.0.0.1:80" } }), peer(number));
    const headers = { host: "127.0.0.1:80", cookie: response.headers.get("set-cookie")!.split(";")[0]! };
    const events = new URL(`${response.headers.get("location")}api/events`, url);
    return await handle(new Request(events, { headers }), peer(number));
  };
  const greedy = [];
  for (let count = 0; count < MAX_STREAMS; count++) greedy.push(await login(1));
  assertEquals((await login(1)).status, 503);
  for (let number = 2; number <= MAX_STREAMS; number++) assertEquals((await login(number)).status, 200, `${number}`);
  assertEquals((await login(MAX_STREAMS + 1)).status, 503);
  close();
});

Deno.test("a session and its stream end after an hour without a request, and after twelve hours in any case", async () => {
  using time = new FakeTime();
  const hour = 3_600_000;
  const options = { hostname: "127.0.0.1", port: 80, token: TOKEN, now: () => time.now };
  const { handle, close } = createAdminHandler(createSource(), options);
  const send = (path: string, cookie = "") => {
    return handle(new Request(`http://127.0.0.1:80${path}`, { headers: { host: "127.0.0.1:80", cookie } }), peer(1));
  };
  const login = async () => {
    const response = await send(`/?token=${TOKEN}`);
    return { path: response.headers.get("location")!, cookie: response.headers.get("set-cookie")!.split(";")[0]! };
  };
  const [idle, used] = [await login(), await login()];
  for (let hours = 0; hours < 11.9; hours += 0.9) {
    time.tick(0.9 * hour);
    const expected = hours + 0.9 < 12 ? 200 : 401;
    assertEquals((await send(used.path + "config", used.cookie)).status, expected, `${hours}`);
  }
  assertEquals((await send(idle.path, idle.cookie)).status, 401);

  const watched = await login();
  const stream = await send(`${watched.path}api/events`, watched.cookie);
  const text = stream.text();
  const minutes = async (count: number) => {
    for (let minute = 0; minute < count; minute++) await time.tickAsync(60_000);
  };
  await minutes(90);
  assertEquals((await send(watched.path + "config", watched.cookie)).status, 200);
  await minutes(12 * 60);
  assertMatch(await text, /^retry/);
  close();
});

Deno.test("a client whose requests take too much time gets 503 for a while, and other clients do not", async () => {
  let nowMs = 0;
  const source = createSource();
  const read = source.exchanges;
  source.exchanges = (after) => {
    nowMs += 40;
    return read(after);
  };
  const options = { hostname: "127.0.0.1", port: 80, token: undefined, now: () => nowMs };
  const { handle } = createAdminHandler(source, options);
  const ask = async (number: number) => {
    const headers = { host: "127.0.0.1:80" };
    const response = await handle(new Request("http://127.0.0.1:80/api/exchanges", { headers }), peer(number));
    await response.body?.cancel();
    return [response.status, response.headers.get("retry-after")];
  };
  let served = 0;
  while ((await ask(1))[0] === 200 && served < 1_000) served++;
  assert(served > 5 && served < 20, `${served}`);
  assertEquals([await ask(1), await ask(2)], [[503, "1"], [200, null]]);
  nowMs += 1_000;
  assertEquals(await ask(1), [200, null]);
});

Deno.test("probes get a response without a read of the state after their requests take too much time", async () => {
  let nowMs = 0;
  const source = createSource();
  const read = source.state;
  source.state = () => {
    nowMs += 40;
    return read();
  };
  const { handle } = createAdminHandler(source, { hostname: "::", port: 80, token: TOKEN, now: () => nowMs });
  for (let count = 0; count < 1_000; count++) {
    const response = await handle(new Request("http://pod:80/readyz", { headers: { host: "pod:80" } }), peer(1));
    assertEquals([response.status, await response.text()], [200, "ready\n"]);
  }
  assertLess(source.asked, 100);
});

Deno.test("/readyz notices that the server drains while other clients take all the time there is", async () => {
  let nowMs = 0;
  const source = createSource();
  const { state } = source;
  let draining = false;
  source.state = async () => {
    nowMs += 40;
    return { ...await state(), draining };
  };
  const options = { hostname: "127.0.0.1", port: 80, token: undefined, now: () => nowMs };
  const { handle } = createAdminHandler(source, options);
  const ask = async (path: string, number: number) => {
    const headers = { host: "127.0.0.1:80" };
    const response = await handle(new Request(`http://127.0.0.1:80${path}`, { headers }), peer(number));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await ask("/readyz", 9), 200);
  draining = true;
  for (let count = 0; count < 100; count++) for (const number of [1, 2, 3]) await ask("/api/state", number);
  assertEquals(await ask("/api/state", 4), 503);
  assertEquals(await ask("/readyz", 9), 503);
});

Deno.test("an exception is answered with 500 without details, and reported", async () => {
  const source = createSource();
  source.state = () => Promise.reject(new Error("the secret of the request"));
  const reports: [string, unknown][] = [];
  const onError = (...report: [string, unknown]) => reports.push(report);
  const { handle } = createAdminHandler(source, { hostname: "127.0.0.1", port: 80, token: undefined, onError });
  const response = await handle(
    new Request("http://127.0.0.1:80/api/state?secret", { headers: { host: "127.0.0.1" } }),
  );
  assertEquals([response.status, await response.text()], [500, "Internal error\n"]);
  assertEquals(reports.map(([message]) => message), ["admin request failed unexpectedly"]);
});

Deno.test("Guesses reports wrong tokens once per interval, and limits guesses from many networks", () => {
  using time = new FakeTime();
  const reports: unknown[] = [];
  const guesses = new Guesses({ now: () => time.now, onGuesses: (report) => reports.push(report) });
  guesses.right("known");
  guesses.wrong("a");
  assertEquals(reports, [{ wrong: 1, refused: 0, clients: ["a"] }]);
  for (let count = 1; count < 10; count++) guesses.wrong("a");
  assertEquals([guesses.waitMs("a"), guesses.waitMs("b")], [10_000, 0]);
  assertEquals(reports.length, 1);
  time.tick(10_000);
  assertEquals(reports[1], { wrong: 9, refused: 1, clients: ["a"] });
  assertEquals(guesses.waitMs("a"), 0);
  for (let count = 0; count < 200; count++) guesses.wrong(`10.0.0.${count}`);
  assert(guesses.waitMs("new") > 0);
  assertEquals(guesses.waitMs("known"), 0);
  time.tick(10_000);
  assertEquals(reports[2], { wrong: 200, refused: 1, clients: ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"] });
  time.tick(10_000);
  assertEquals(reports.length, 3);
  guesses.close();
});

Deno.test("sessions are bounded: a new one replaces the least recently used", () => {
  let nowMs = 0;
  const sessions = new Sessions(() => nowMs++);
  const [first, second] = [sessions.open(), sessions.open()];
  assert(sessions.use(first.id, first.secret));
  for (let count = 2; count < MAX_SESSIONS; count++) sessions.open();
  assert(!sessions.use(first.id, second.secret), "another session's secret");
  sessions.open();
  assertEquals([sessions.keep(first.id), sessions.keep(second.id)], [true, false]);
});

Deno.test("/api/events skips states for a slow reader, in bounded memory, and cuts off one that reads nothing", async () => {
  using time = new FakeTime();
  const source = createSource();
  source.padding = "x".repeat(100_000);
  const { handle, close } = createAdminHandler(source, { hostname: "127.0.0.1", port: 80, token: undefined });
  const slow = (await handle(requestEvents())).body!.getReader();
  const idle = (await handle(requestEvents())).body!.getReader();
  await pass(time, 5);
  let waiting = 0;
  for (let events = 0; events < 4; events++) waiting += (await slow.read()).value?.length ?? 0;
  assert(waiting > 200_000 && waiting < 500_000, `${waiting} bytes were waiting`);
  source.ring.add(exchange());
  await pass(time, 12);
  await assertRejects(async () => {
    while (!(await idle.read()).done);
  });
  assertMatch(new TextDecoder().decode((await slow.read()).value), /^event: exchanges\nid: 1\n/);
  await slow.cancel();
  close();
});

/** Beginnings of requests to change something. Each announces more bytes than it sends. */
const INCOMPLETE_POSTS: readonly (readonly [name: string, path: string, head: readonly string[], sent: string])[] = [
  ["a login without a body", "/login", ["Content-Type: application/x-www-form-urlencoded"], ""],
  ["a login with half a body", "/login", ["Content-Type: application/x-www-form-urlencoded"], "token=a"],
  ["a noise mark without a body", "/api/noise", ["Content-Type: application/json"], ""],
  ["a noise mark with half a body", "/api/noise", ["Content-Type: application/json"], '{"route":"'],
];

async function sendPost(port: number, path: string, lines: readonly string[], sent: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = [`POST ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${TOKEN}`, ...lines];
  await connection.write(new TextEncoder().encode([...head, "Content-Length: 100", "", sent].join("\r\n")));
  return connection;
}

for (const [name, path, lines, sent] of INCOMPLETE_POSTS) {
  Deno.test(`the admin listener answers ${name} with 408 after 10 s`, async () => {
    const { setTimeout: setRealTimeout } = globalThis;
    using time = new FakeTime();
    await using admin = startAdmin({ token: TOKEN });
    using connection = await sendPost(admin.port, path, lines, sent);
    let response: string | undefined;
    const receiving = readUntil(connection).then((text) => response = text);
    let seconds = 0;
    for (; response === undefined && seconds < 40; seconds++) {
      await new Promise((resolve) => setRealTimeout(resolve, 20));
      await time.tickAsync(1_000);
    }
    if (response === undefined) connection.close();
    assertMatch(await receiving.catch(() => ""), /^HTTP\/1\.1 408 /);
    assert(seconds >= 10, `answered after ${seconds} s`);
  });

  Deno.test(`the admin listener reports no error of its own when a client leaves during ${name}`, async () => {
    const errors: unknown[] = [];
    const responded = Promise.withResolvers<Response>();
    const source = createSource();
    const server = serve((request) => {
      const response = handler.handle(request);
      response.then(responded.resolve);
      return response;
    }, { hostname: "127.0.0.1", port: 0 });
    const handler: AdminHandler = createAdminHandler(source, {
      hostname: "127.0.0.1",
      port: server.port,
      token: TOKEN,
      onError: (...report) => errors.push(report),
    });
    (await sendPost(server.port, path, lines, sent)).close();
    assertEquals((await responded.promise).status, 400);
    assertEquals(errors, []);
    handler.close();
    await server.shutdown();
  });
}

/** Lets what each timer starts come to its end before the next one. */
async function pass(time: FakeTime, seconds: number): Promise<void> {
  for (let quarters = 0; quarters < 4 * seconds; quarters++) await time.tickAsync(250);
}

function requestEvents(): Request {
  return new Request("http://127.0.0.1:80/api/events", { headers: { host: "127.0.0.1:80" } });
}

/** A connection from another address. */
function peer(number: number): { remoteAddr: { hostname: string } } {
  return { remoteAddr: { hostname: `10.0.0.${number}` } };
}

for (
  const [admin, message] of [
    [{ port: 1, hostname: "0.0.0.0" }, "admin.token: is required if other machines can reach the admin listener"],
    [{ port: 1, hostname: "10.1.2.3" }, "admin.token: is required if other machines can reach the admin listener"],
    [{ port: 1, hostname: "::" }, "admin.token: is required if other machines can reach the admin listener"],
    [{ port: 1, token: "short" }, "admin.token: must be a token: 16 to 512 letters, digits and -._~+/= in quotes"],
    [
      { port: 1, token: "with spaces, and long" },
      "admin.token: must be a token: 16 to 512 letters, digits and -._~+/= in quotes",
    ],
    [{ port: 8080 }, "admin.port: must differ from the `port` of the top level"],
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
