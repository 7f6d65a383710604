/** Clients that try to open the breaker of a healthy service. */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { ATTACK_MS, attackTest, IS_FULL, underAttack } from "../_support/attack.ts";
import { toBytes } from "../_support/latin1.ts";
import { readUntil, startBackend, startConductor } from "../_support/servers.ts";
import { type SocketRequest, startSocketBackend } from "../_support/socket_backend.ts";
import { startWatched, type WatchedConductor } from "../_support/cli_process.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/** Head size above which the service closes the connection without a response, in bytes. */
const MAX_HEAD_BYTES = 16_384;
/** Number of concurrent attackers. Each sends its requests in sequence. */
const ATTACKERS = IS_FULL ? 16 : 4;
const MAX_GROWTH_MIB = 400;
const MAX_LATENCY_MS = 2_000;
/** More than the buffers of the sockets hold. */
const LARGE_BYTES = 64_000_000;
const LARGE = "x".repeat(1_000_000);

/** Response of a healthy service; `undefined` if it closes the connection without one. */
function respond({ head }: SocketRequest): string | undefined {
  const [, method = "", target = ""] = /^(\S+) (\S+)/.exec(head) ?? [];
  if (target.startsWith("/redirect")) return `HTTP/1.1 302 Found\r\nlocation: ${target}\r\ncontent-length: 0\r\n\r\n`;
  if (target.startsWith("/reflect")) {
    const lines = head.split("\r\n").slice(1).filter((line) => !/^(?:content-length|transfer-encoding):/i.test(line));
    return `HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n${"y: 1\r\n".repeat(10)}content-length: 0\r\n\r\n`;
  }
  if (head.length > MAX_HEAD_BYTES || target.startsWith("/upload")) return undefined;
  if (/^via:(?:[^,\r]*,){10}/im.test(head)) return "HTTP/1.1 508 Loop Detected\r\ncontent-length: 0\r\n\r\n";
  if (!/^(?:GET|HEAD|POST)$/.test(method)) return "HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\n\r\n";
  return OK;
}

function get(target: string, ...lines: readonly string[]): string {
  return [`GET ${target} HTTP/1.1`, "Host: h", "Connection: close", ...lines, "", ""].join("\r\n");
}

const CHUNKED = "Host: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";

/** Requests of the attackers. Unfinished requests are aborted. */
const ATTACKS: readonly string[] = [
  get("/\xe6\x97\xa5"),
  get("/caf\xc3\xa9?q=\xf0\x9f\x98\x80"),
  get("/%C0%AE%C0%AE%C0%AF"),
  get(`/redirect?${"q".repeat(33_000)}`),
  get(`/redirect?${"\xc3\xa9".repeat(30_000)}`),
  get("/reflect", `Access-Control-Request-Headers: ${"x-a, ".repeat(8_000)}`),
  get("/reflect", ...Array.from({ length: 118 }, (_, index) => `X-${index}: 1`)),
  get("/", `Cookie: ${"c".repeat(40_000)}`),
  get("/", `Via: ${"1.1 conductor-0, ".repeat(9)}1.1 conductor-1`),
  get("/").replace("GET", "BREW"),
  get("/").replace("GET", "!#$%&'*+-.^_`|~"),
  get("/", "Expect: 100-continue", "TE: gzip", "Range: bytes=5-1", "Upgrade: h2c"),
  get("/", "Connection: host, via, x-conductor-role", "X-Conductor-Role: shadow"),
  `POST /upload HTTP/1.1\r\n${CHUNKED}5\r\nhello\r\n0\r\n\r\n`,
  `POST / HTTP/1.1\r\n${CHUNKED}5\r\nhel`,
  `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n${"a".repeat(50_000)}`,
  "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
];

/** Sends a request, and disconnects after the first bytes of a response, or at once if the request is unfinished. */
async function attackOnce(port: number, request: string): Promise<void> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const bytes = toBytes(request);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  if (request.includes("Connection: close") && !request.endsWith("hel")) await connection.read(new Uint8Array(1_024));
}

/** Sends an upload byte by byte, until the attack ends or a response arrives. */
async function trickle(port: number, signal: AbortSignal): Promise<void> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(toBytes(`POST /slow HTTP/1.1\r\n${CHUNKED}`));
  let isOver = false;
  connection.read(new Uint8Array(1_024)).catch(() => {}).then(() => isOver = true);
  while (!signal.aborted && !isOver) {
    await connection.write(toBytes("1\r\nx\r\n"));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Sends upload after upload, each as soon as the previous one is rejected. Accepted uploads stay open. */
async function occupy(port: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
    if (signal.aborted) return;
    const leave = () => void connection.closeWrite().catch(() => {});
    signal.addEventListener("abort", leave);
    await connection.write(toBytes(`POST /slow HTTP/1.1\r\n${CHUNKED}1\r\nx\r\n`));
    await connection.read(new Uint8Array(1_024));
    signal.removeEventListener("abort", leave);
  }
}

async function attack({ url }: WatchedConductor, signal: AbortSignal): Promise<void> {
  const port = Number(new URL(url).port);
  const attackers = Array.from({ length: ATTACKERS }, async (_, first) => {
    for (let turn = first; !signal.aborted; turn++) {
      await attackOnce(port, ATTACKS[turn % ATTACKS.length]!).catch(() => {});
    }
  });
  await Promise.all([...attackers, trickle(port, signal).catch(() => {})]);
}

attackTest({
  name: "no client can open the breaker of a healthy service",
  async fn() {
    await using backend = await startSocketBackend(async (request, { write, reset }) => {
      const response = respond(request);
      if (response === undefined) reset();
      else await write(response);
    });
    const report = await underAttack(attack, {
      services: [{ name: "main", url: backend.url, breaker: { failures: 1 }, timeout: "1500ms" }],
      durationMs: Math.max(ATTACK_MS, 3_000),
    });
    assertEquals(report.failures, 0);
    assertLess(report.growthMiB, MAX_GROWTH_MIB);
    assertLess(report.attacked.maxMs, MAX_LATENCY_MS);
  },
});

Deno.test("no client can block a service that has recovered", async () => {
  let isUp = false;
  await using backend = startBackend(() => new Response(null, { status: isUp ? 200 : 503 }));
  await using front = startConductor({
    services: [{ name: "main", url: backend.url, breaker: { failures: 1, openFor: "50ms", maxOpenFor: "50ms" } }],
  });
  const statusOf = async () => {
    const response = await fetch(front.url);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf(), 503);
  isUp = true;
  const leaving = new AbortController();
  // Each upload tries to be the probe, and then never ends. There are enough of them to precede any other client.
  const holding = Array.from({ length: 10 * ATTACKERS }, () => occupy(front.port, leaving.signal).catch(() => {}));
  const startMs = performance.now();
  while (await statusOf() !== 200) {
    assertLess(performance.now() - startMs, 1_500);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  leaving.abort();
  await Promise.all(holding);
});

Deno.test("clients that reach a timeout or a limit of the node listener do not open the breaker", async () => {
  await using backend = await startSocketBackend(async ({ head }, { write, reset }) => {
    if (head.startsWith("GET /fail")) return reset();
    if (!head.startsWith("GET /large")) return await write(OK);
    await write(`HTTP/1.1 200 OK\r\ncontent-length: ${LARGE_BYTES}\r\n\r\n`);
    for (let sent = 0; sent < LARGE_BYTES; sent += LARGE.length) await write(LARGE);
  });
  const services = [{ name: "main", url: backend.url, breaker: { failures: 1, openFor: "1h", maxOpenFor: "1h" } }];
  await using target = await startWatched(services, {
    listener: "node",
    clientTimeouts: { header: "300ms", request: "300ms", write: "300ms" },
    limits: { maxConnections: 4 },
  });
  const port = Number(new URL(target.url).port);
  const statusOf = async (path: string) => {
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const response = await fetch(new URL(path, target.url), { client });
    await response.body?.cancel();
    return response.status;
  };
  for (const request of [`POST / HTTP/1.1\r\n${CHUNKED}5\r\nhel`, "GET / HTTP/1.1\r\nHost"]) {
    using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
    await connection.write(toBytes(request));
    assertMatch(await readUntil(connection, "\0never\0"), /^HTTP\/1.1 408 /);
    assertEquals(await statusOf("/"), 200);
  }
  {
    using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
    await connection.write(toBytes(get("/large")));
    const cut = new RegExp('"path":"/large"');
    await target.process.stdout.seen(cut);
    assertEquals(await statusOf("/"), 200);
  }
  {
    using held = new DisposableStack();
    for (let count = 0; count < 4; count++) held.use(await Deno.connect({ port, hostname: "127.0.0.1" }));
    using refused = await Deno.connect({ port, hostname: "127.0.0.1" });
    assertMatch(await readUntil(refused, "\0never\0"), /^HTTP\/1.1 503 /);
  }
  // The ends of the four connections may arrive after the next one begins.
  const startMs = performance.now();
  while (await statusOf("/") === 503) assertLess(performance.now() - startMs, 5_000);
  assertEquals(await statusOf("/"), 200);
  // A fault of the service opens the breaker at once.
  assertEquals(await statusOf("/fail"), 502);
  assertEquals(await statusOf("/"), 502);
});
