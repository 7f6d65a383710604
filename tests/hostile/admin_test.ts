/** Attacks on the admin listener, and on its effects on the data port. */

import { assert, assertEquals, assertLess, assertMatch, assertNotMatch } from "@std/assert";
import { delay } from "@std/async/delay";
import { COMPARE, CONFIG, SERVICE } from "../../src/config/fields.ts";
import { ATTACK_MS, attackTest, underAttack } from "../_support/attack.ts";
import { exchangeRaw, startBackend, startConductor } from "../_support/servers.ts";
import { TRANSPORTS } from "../_support/transports.ts";
import { startWatched, type WatchedConductor } from "../_support/cli_process.ts";

const TOKEN = "a-token-of-some-length";
const ADMIN = { port: 0, token: TOKEN };
const BEARER = { authorization: `Bearer ${TOKEN}` };
const AUTHORIZATION = `Authorization: Bearer ${TOKEN}\r\n`;

async function statusOf(url: string | URL, headers: HeadersInit = {}): Promise<number> {
  const response = await fetch(url, { headers, redirect: "manual" });
  await response.body?.cancel();
  return response.status;
}

const SESSION = `conductor-admin-9090=${"5".repeat(64)}`;

/** Cookies from a client, and the cookies that each service receives. */
const COOKIES: [sent: readonly string[], received: string | null][] = [
  [[SESSION], null],
  [[`a=1; ${SESSION}`], "a=1"],
  [[`${SESSION}; a=1`], "a=1"],
  [[`a=1; ${SESSION}; b="2"; c`], 'a=1; b="2"; c'],
  [[`a=1;${SESSION};b=2`], "a=1;b=2"],
  [[`a=1;  ${SESSION}  ;  b=2`], "a=1;  b=2"],
  [[`${SESSION}; ${SESSION}2; a=1; conductor-admin-1=x`], "a=1"],
  [["a=1", SESSION], "a=1"],
  [[SESSION, "a=1; b=2"], "a=1; b=2"],
  [[" conductor-admin-9090 = x ; a=1"], "a=1"],
  [["a=conductor-admin-9090; conductor-admin=x; my-conductor-admin-1=2"], null],
  [["a=1;;  b=2 ;"], null],
];

for (const [over, create] of TRANSPORTS) {
  Deno.test(`the data port over ${over} forwards no cookie of the admin listener, and all other cookies unchanged`, async () => {
    await using backend = startBackend();
    await using front = startConductor({
      wait: "all",
      services: [
        { name: "primary", url: backend.url, primary: true },
        { name: "secondary", url: backend.url },
        { name: "shadow", url: backend.url, shadow: true },
      ],
    }, { transport: create() });
    for (const [index, [sent, received]] of COOKIES.entries()) {
      const lines = sent.map((value) => `Cookie: ${value}\r\n`).join("");
      await exchangeRaw(front.port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}Connection: close\r\n\r\n`);
      await backend.received(3 * (index + 1));
      const expected = received ?? (sent[0]!.includes(SESSION) ? null : sent.join("; "));
      const cookies = backend.seen.slice(-3).map(({ headers }) => headers.get("cookie"));
      assertEquals(cookies, Array(3).fill(expected), sent.join(" | "));
    }
  });
}

/** Every field of the configuration that changes what the admin listener shows. */
function everything(url: string): { config: Record<string, unknown>; services: Record<string, unknown>[] } {
  const rules = {
    sample: 1,
    maxBody: "1KiB",
    headers: ["content-type", "x-version"],
    ignore: ["$.time", "header:date"],
    normalise: [{ pattern: "[0-9]+", replacement: "N", path: "$.id" }],
    arrays: ["$.items"],
    tolerance: [{ absolute: 1, relative: 0.1, path: "$.price" }],
    redact: ["$.password"],
    samples: "bodies",
    endpoints: ["/users/{id}"],
    version: "header:x-version",
    nullIsMissing: true,
    ignoreCase: ["$.state"],
    instants: true,
    numericTexts: true,
    equivalentStatuses: [[200, 204]],
  };
  const common = {
    url,
    stripPrefix: true,
    timeout: 5,
    failOn: "5xx",
    host: "preserve",
    headers: { "X-Api-Key": "s3cr3t-key", "X-Plain": "shown" },
    removeHeaders: ["cookie"],
    responseHeaders: { "X-Frame-Options": "DENY" },
    breaker: { failures: 5, window: 10, openFor: 1, maxOpenFor: 60 },
    health: { path: "/health", interval: 1, timeout: 1, unhealthyAfter: 3, healthyAfter: 2, expect: "200" },
    http2: false,
    maxConnectionAge: "1m",
    compare: rules,
  };
  const shadowOptions = {
    shadow: true,
    sample: { rate: 0.5, by: "cookie:id" },
    ramp: { from: 0.1, over: "1h" },
    methods: ["GET"],
    maxInFlight: 4,
    maxRate: 10,
    maxBodySize: "1KiB",
    body: true,
    credentials: false,
  };
  return {
    services: [
      { ...common, name: "main", pathPrefix: "/api", primary: true, upgrade: true, compare: undefined },
      { ...common, name: "second", pathPrefix: "/api", hedge: { after: "p95", maxExtra: 0.1, unsafe: true } },
      { ...common, ...shadowOptions, name: "shadow", pathPrefix: "/api" },
      { name: "control", url, pathPrefix: "/api", shadow: true, control: true },
      { name: "exact", url, pathExact: "/exact" },
      { name: "path", url: "https://127.0.0.1:1", path: "/", tls: { serverName: "a.example" } },
    ],
    config: {
      admin: ADMIN,
      listener: "auto",
      clientTimeouts: { header: "15s" },
      upgradeIdleTimeout: "1m",
      timeout: 5,
      wait: "primary",
      failOn: "5xx",
      relayFailures: true,
      stripPrefix: false,
      safeShadows: true,
      identify: false,
      serverTiming: true,
      forwarded: true,
      trustProxy: ["10.0.0.0/8", "::1"],
      maxBodySize: "1MiB",
      bodyWindow: "64KiB",
      limits: { maxInFlight: 100, maxInFlightPerClient: 90, maxConnectionsPerService: 10, maxQueuedPerService: 5 },
      compare: { ...rules, noise: "replay", noiseSample: 0.1, replayable: "POST /graphql", maxMemory: "1MiB" },
      shutdownDelay: "0s",
      shutdownTimeout: 1,
      logging: { level: "info", output: "stdout" },
      metrics: { enabled: true, endpoint: "/metrics", enablePrometheus: true },
    },
  };
}

const PATHS = [
  "/",
  "/healthz",
  "/readyz",
  "/metrics",
  "/config",
  "/api/state",
  "/api/exchanges",
  "/api/exchanges?after=1",
  "/api/report",
  "/api/report?minRequests=1",
  "/api/mismatches",
  "/api/mismatches?after=1",
  "/api/noise",
  "/assets/main.js",
  "/login",
  "/logout",
  "/nothing",
];

Deno.test("no path of the admin listener fails with every field of the configuration in use", async () => {
  await using backend = startBackend(() => Response.json({ id: 1, time: Math.random() }));
  const { config, services } = everything(backend.url);
  // Fields without an effect on the listener, or set by the test itself.
  const elsewhere = ["$schema", "port", "hostname", "tls", "services", "weight", "socketMode"];
  const missing = Object.keys(CONFIG.fields).filter((key) => !elsewhere.includes(key) && !(key in config));
  const used = new Set(services.flatMap((service) => Object.keys(service)));
  missing.push(...Object.keys(SERVICE.fields).filter((key) => !elsewhere.includes(key) && !used.has(key)));
  missing.push(...Object.keys(COMPARE.fields).filter((key) => !(key in (config.compare as object))));
  assertEquals(missing, [], "fields that no configuration of this test has");

  await using target = await startWatched(services, config);
  for (let count = 0; count < 3; count++) await (await fetch(`${target.url}/api/users/1`)).text();
  for (const path of PATHS) {
    for (const method of ["GET", "HEAD", "POST", "OPTIONS"]) {
      const response = await fetch(new URL(path, target.adminUrl), { method, headers: BEARER });
      await response.text();
      assertLess(response.status, 500, `${method} ${path}`);
    }
  }
  const { compare, services: shown } = await (await fetch(`${target.adminUrl}config`, { headers: BEARER })).json();
  assertEquals(compare.replaySample, 0.1);
  assertEquals(shown[2].compare.headers, ["content-type", "x-version"]);
  assertEquals(shown[1].headers, { "X-Api-Key": "[redacted, 10 bytes]", "X-Plain": "shown" });
});

const LONG = "x".repeat(40_000);

/** Requests that a server must survive, with PORT as its port, and the allowed statuses. */
const MALFORMED: [request: string, statuses: readonly number[]][] = [
  ...[
    "[",
    "%",
    "a b",
    "a/b",
    "a?b",
    "a#b",
    "a@b",
    "a\\b",
    "[::1",
    "[::1]x",
    "a:99999",
    "a:b",
    "\xe9",
    "<a>",
    `"a"`,
    LONG,
  ].map((
    host,
  ): [string, number[]] => [`GET /?token=T0KEN HTTP/1.1\r\nHost: ${host}\r\n\r\n`, [400, 414]]),
  ["GET /?token=T0KEN HTTP/1.1\r\nHost: 999.1.1.1:PORT\r\n\r\n", [403]],
  ["GET /?token=T0KEN HTTP/1.1\r\nHost:\r\n\r\n", [400]],
  ["GET /?token=T0KEN HTTP/1.0\r\n\r\n", [400]],
  ["GET /?token=T0KEN HTTP/1.1\r\n\r\n", [400]],
  ["GET /?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\nHost: a\r\n\r\n", [400]],
  ["GET http://[/?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [400]],
  ["GET http://evil.example/?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [403]],
  ["GET http://a%00b/?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [400, 403]],
  ["GET ftp://localhost:PORT/?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [400, 401, 403]],
  ["GET //evil.example/api/state?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401]],
  ["GET /%%%?token=T0KEN&%zz=%ff&%=% HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401]],
  ["GET /?%zz&token=%ff%fe HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401]],
  [`GET /?token=${LONG} HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n`, [414]],
  ["GET /../../etc/passwd?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401]],
  ["GET /assets/../config?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401]],
  ["GET /assets/%2e%2e/config?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401]],
  ["GET /session-00000000000000000000000000000000/?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401]],
  ["CONNECT localhost:PORT HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [400, 401, 403, 405]],
  ["TRACE /?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401, 405]],
  ["OPTIONS * HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401, 405]],
  ["PROPFIND /?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", [401, 405]],
  ["GET /api/state?token=T0KEN HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Length: 5\r\n\r\nT0KEN", [401]],
  [`GET /api/state HTTP/1.1\r\nHost: localhost:PORT\r\nAuthorization: Bearer ${LONG}\r\n\r\n`, [401]],
  [`GET /api/state HTTP/1.1\r\nHost: localhost:PORT\r\nAuthorization: Bearer\t\xff\r\n\r\n`, [401]],
];

const POSTS: [headers: string, body: string, status: number][] = [
  ["Content-Type: application/json\r\n", "{", 400],
  ["Content-Type: application/json\r\n", "[[[[", 400],
  ["Content-Type: application/json\r\n", "null", 400],
  ["Content-Type: application/json\r\n", '{"route":{"T0KEN":1},"path":["T0KEN"]}', 400],
  ["Content-Type: application/json\r\n", '{"__proto__":{"route":"a"},"path":"$.a"}', 400],
  ["Content-Type: application/json\r\n", '{"route":"a","path":"(((("}', 400],
  ["Content-Type: application/json\r\n", "\xff\xfe\x00", 400],
  ["Content-Type: application/json\r\n", `"${"T0KEN".repeat(2_000)}"`, 400],
  ["Content-Type: text/plain\r\n", '{"route":"a","path":"$.a"}', 415],
  ["Content-Type: application/x-www-form-urlencoded\r\n", "route=a&path=$.a", 415],
  ["", '{"route":"a","path":"$.a"}', 415],
];

function statusOfRaw(response: string): number {
  return Number(response.slice("HTTP/1.1 ".length).slice(0, 3));
}

/** Asserts that every malformed request gets its status, and that the log has neither an error nor its target. */
async function assertSurvives(port: string, { process }: WatchedConductor, isAdmin: boolean): Promise<void> {
  for (const [text, statuses] of MALFORMED) {
    const request = text.replaceAll("PORT", port).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    const status = statusOfRaw(await exchangeRaw(Number(port), request));
    const label = `${text.slice(0, 100)}: ${status}`;
    if (isAdmin) assert(statuses.includes(status), label);
    else assert(status !== 500, label);
  }
  assertNotMatch(process.stdout.text + process.stderr.text, /"level":"error"|unexpectedly/);
}

Deno.test("a malformed request to the admin listener is rejected, without its target or a stack in the log", async () => {
  await using backend = startBackend();
  await using target = await startWatched([{ name: "a", url: backend.url }], {
    admin: { ...ADMIN, hostname: "0.0.0.0" },
  });
  const { port } = new URL(target.adminUrl);
  await assertSurvives(port, target, true);
  for (const [headers, body, expected] of POSTS) {
    const length = new TextEncoder().encode(body).length;
    const status = statusOfRaw(
      await exchangeRaw(
        Number(port),
        `POST /api/noise HTTP/1.1\r\nHost: localhost:${port}\r\n${AUTHORIZATION}${headers}` +
          `Content-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
      ),
    );
    assertEquals(status, expected, headers + body.slice(0, 50));
  }
  assertNotMatch(target.process.stdout.text + target.process.stderr.text, /T0KEN|"level":"error"/);
});

Deno.test("a malformed request to the data port causes no server error", async () => {
  await using backend = startBackend();
  await using target = await startWatched([{ name: "a", url: backend.url }]);
  await assertSurvives(new URL(target.url).port, target, false);
});

Deno.test("guesses at the token are limited and logged, and another client's token still works", async () => {
  await using backend = startBackend();
  const guess = async ({ adminUrl }: WatchedConductor, signal: AbortSignal) => {
    const statuses = new Map<number, number>();
    const url = adminUrl.replace("localhost", "127.0.0.1");
    const one = async (worker: number) => {
      for (let count = 0; !signal.aborted && count < 20_000; count++) {
        const wrong = `wrong-token-${worker}-${count}`;
        const status = count % 2 === 0
          ? await statusOf(`${url}config`, { authorization: `Bearer ${wrong}` })
          : await statusOf(`${url}?token=${wrong}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all([1, 2, 3, 4].map(one));
    assertEquals([...statuses.keys()].sort(), [401, 429]);
    assertLess(statuses.get(401)!, 10 + ATTACK_MS / 1_000);
    // After too many guesses, the right token is rejected like a wrong one.
    const refused = await fetch(`${url}config`, { headers: BEARER });
    await refused.body?.cancel();
    assertEquals([refused.status, Number(refused.headers.get("retry-after")) > 0], [429, true]);
  };
  const { failures, attacked } = await underAttack(guess, {
    services: [{ name: "a", url: backend.url }],
    config: { admin: { ...ADMIN, hostname: "::" } },
    async afterwards({ adminUrl, process: { stdout } }) {
      assertEquals(await statusOf(`${adminUrl.replace("localhost", "[::1]")}config`, BEARER), 200);
      const lines = stdout.text.split("\n").filter((line) => line.includes("wrong tokens"));
      assertMatch(lines[0]!, /"level":"warn".*"wrong":1,"refused":0,"clients":\["127\.0\.0\.1"\]/);
      assertLess(lines.length, 3 + ATTACK_MS / 10_000);
      assertNotMatch(stdout.text, /wrong-token|a-token-of/);
    },
  });
  assertEquals(failures, 0);
  assertLess(attacked.p50Ms, 100);
});

attackTest({
  name: "readers of events that do not read hold little memory, and do not lock out other clients",
  async fn() {
    await using backend = startBackend();
    const attack = async ({ adminUrl }: WatchedConductor, signal: AbortSignal) => {
      const { port } = new URL(adminUrl);
      const open: Deno.Conn[] = [];
      const request = `GET /api/events HTTP/1.1\r\nHost: localhost:${port}\r\n${AUTHORIZATION}\r\n`;
      for (let count = 0; count < 500 && !signal.aborted; count++) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
        await connection.write(new TextEncoder().encode(request));
        open.push(connection);
        if (count % 50 === 0) await delay(10);
      }
      const response = await fetch(`${adminUrl.replace("localhost", "[::1]")}api/events`, { headers: BEARER });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes("event: state")) text += (await reader.read()).value;
      await reader.cancel();
      for (const connection of open) connection.close();
    };
    const { growthMiB, failures } = await underAttack(attack, {
      services: [{ name: "a", url: backend.url }],
      config: { admin: { ...ADMIN, hostname: "::" } },
    });
    assertEquals(failures, 0);
    assertLess(growthMiB, 100);
  },
});

Deno.test("one client's requests to the admin listener leave most of the time to the data port", async () => {
  await using backend = startBackend();
  const attack = async ({ adminUrl }: WatchedConductor, signal: AbortSignal) => {
    const paths = ["config", "metrics", "api/state", "api/exchanges", "api/report", "readyz"];
    const one = async (worker: number) => {
      for (let count = 0; !signal.aborted && count < 50_000; count++) {
        const status = await statusOf(adminUrl + paths[(worker + count) % paths.length]);
        assert([200, 404, 503].includes(status), `${status}`);
      }
    };
    await Promise.all(Array.from({ length: 4 }, (_, worker) => one(worker)));
  };
  const { failures, attacked } = await underAttack(attack, {
    services: Array.from(
      { length: 200 },
      (_, index) => ({ name: `service-${index}`, url: backend.url, path: `/${index}` }),
    ),
    config: { admin: { port: 0 } },
    probePath: "/1",
  });
  assertEquals(failures, 0);
  assertLess(attacked.p50Ms, 150);
});
