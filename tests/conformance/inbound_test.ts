/** Requests as raw bytes: the status of the response, and the target that a service receives. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fetchTransport } from "@zeek/conductor";
import {
  exchangeRaw,
  LISTENERS,
  readUntil,
  startBackend,
  startConductor,
  startListening,
} from "../_support/servers.ts";

/** The lines of the request; the status of the response; the target that the service receives. */
type Row = readonly [request: string, status: number, target?: string];

const CHUNKED = "Host: h\r\nTransfer-Encoding: chunked";

// RFC 9112 §3, RFC 9110 §4.2.4 and §7.1: targets and Host.
const TARGETS: readonly Row[] = [
  ["GET /a/../b HTTP/1.1\r\nHost: h", 200, "/b"],
  ["GET /a/%2e%2e/b?x=%2e%2e HTTP/1.1\r\nHost: h", 200, "/b?x=%2e%2e"],
  ["GET //evil.example/x HTTP/1.1\r\nHost: h", 200, "//evil.example/x"],
  ["GET /%61?q='%20' HTTP/1.1\r\nHost: h", 200, "/%61?q='%20'"],
  ["GET /x HTTP/1.1\r\nHost: [::1]:80", 200, "/x"],
  ["GET http://other.example/y?z HTTP/1.1\r\nHost: h", 200, "/y?z"],
  ["GET http://h.evil/y HTTP/1.1\r\nHost: h", 200, "/y"],
  ["GET http://u:p@other.example/y HTTP/1.1\r\nHost: h", 400],
  ["GET /x HTTP/1.1\r\nHost: a/p?q=", 400],
  ["GET /x HTTP/1.1\r\nHost: a b", 400],
  ["GET /x HTTP/1.1\r\nHost: a#b", 400],
  ["GET /x HTTP/1.1\r\nHost: user@a", 400],
  ["GET /x HTTP/1.1\r\nHost: a:b", 400],
  ["GET /x HTTP/1.1\r\nHost: a:999999", 400],
  ["GET /x HTTP/1.1\r\nHost:", 400],
  ["GET /x HTTP/1.1\r\nX-No: host", 400],
  ["GET /x HTTP/1.1\r\nHost: a\r\nHost: a", 400],
  ["GET /x HTTP/1.1\r\nHost: a\r\nHost: b", 400],
  ["GET /web/..%2fadmin HTTP/1.1\r\nHost: h", 400],
  ["GET /web/%2e%2e%5cadmin HTTP/1.1\r\nHost: h", 400],
  ["GET /web\\..\\admin HTTP/1.1\r\nHost: h", 400],
  ["GET /%zz HTTP/1.1\r\nHost: h", 400],
  ["GET /a%00b HTTP/1.1\r\nHost: h", 400],
  ["GET /a#b HTTP/1.1\r\nHost: h", 200, "/a"],
];

// RFC 9110 §9: methods.
const METHODS: readonly Row[] = [
  ["PURGE /x HTTP/1.1\r\nHost: h", 200, "/x"],
  ["TRACE /x HTTP/1.1\r\nHost: h", 405],
  ["CONNECT a.example:80 HTTP/1.1\r\nHost: h", 405],
  ["OPTIONS /x HTTP/1.1\r\nHost: h", 200, "/x"],
  ["OPTIONS * HTTP/1.1\r\nHost: h", 204],
  ["OPTIONS /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0", 204],
  ["OPTIONS /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 1", 200, "/x"],
  ["TRACE /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0", 405],
  ["GET /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0", 200, "/x"],
];

// RFC 9112 §6 and §7: framing.
const FRAMING: readonly Row[] = [
  [`POST /x HTTP/1.1\r\n${CHUNKED}\r\n\r\n3\r\nabc\r\n0\r\n`, 200, "/x"],
  [`POST /x HTTP/1.1\r\n${CHUNKED}\r\nTrailer: x\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n`, 200, "/x"],
  ["POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n", 501],
  ["POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n", 400],
  ["POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n", 400],
  [`POST /x HTTP/1.1\r\n${CHUNKED}\r\nContent-Length: 3\r\n\r\n0\r\n`, 400],
  ["POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -3", 400],
  ["POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400],
  ["POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400],
  ["GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 501],
  [`GET /x HTTP/1.1\r\n${CHUNKED}\r\n\r\n3\r\nabc\r\n0\r\n`, 501],
  ["GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0", 200, "/x"],
  ["GET /x HTTP/1.1\r\nHost : h", 400],
  ["GET /x HTTP/1.1\r\nHost: h\r\nX: a\r\n folded", 400],
];

/** Rows with another result over the node listener, which passes on bodies of GET. */
const OVER_NODE: ReadonlyMap<string, readonly [status: number, target?: string]> = new Map([
  ["GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", [200, "/x"]],
  [`GET /x HTTP/1.1\r\n${CHUNKED}\r\n\r\n3\r\nabc\r\n0\r\n`, [200, "/x"]],
]);

for (const listener of LISTENERS) {
  for (const row of [...TARGETS, ...METHODS, ...FRAMING]) {
    const [request] = row;
    const [status, target] = (listener === "node" ? OVER_NODE.get(request) : undefined) ?? [row[1], row[2]];
    const over = listener === "node" ? ", over the node listener" : "";
    Deno.test(`${JSON.stringify(request)} gets ${status}, and a service receives ${target ?? "nothing"}${over}`, async () => {
      await using backend = startBackend();
      await using front = await startListening(listener, { services: [{ name: "all", url: backend.url }] });
      const [head = "", ...rest] = request.split("\r\n\r\n");
      const response = await exchangeRaw(
        front.port,
        [`${head}\r\nConnection: close`, ...rest, ""].join("\r\n\r\n"),
      );
      assertMatch(response, new RegExp(`^HTTP/1.1 ${status} `));
      assertEquals(backend.seen.map((seen) => seen.target), target === undefined ? [] : [target]);
    });
  }
}

Deno.test("a quote in the query is encoded over fetch", async () => {
  await using backend = startBackend();
  await using front = startConductor({ services: [{ name: "all", url: backend.url }] }, {
    transport: fetchTransport(),
  });
  await exchangeRaw(front.port, "GET /%61?q='%20' HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  // The URL standard encodes quotes in a query.
  assertEquals(backend.seen[0]!.target, "/%61?q=%27%20%27");
});

// Columns: the path; the route, which is that of the plain path, or no route.
const SPELLINGS: readonly (readonly [path: string, route: string | undefined])[] = [
  ["/admin", "admin"],
  ["/%61dmin", "admin"],
  ["/web/../admin", "admin"],
  ["/web/%2E%2e/admin", "admin"],
  ["/./admin", "admin"],
  ["//admin", "rest"],
  ["/web//admin", "web"],
  ["/ADMIN", "rest"],
  ["/admin%2fx", "rest"],
  ["/web/..%2fadmin", undefined],
  ["/web%2f..%2fadmin", undefined],
  ["/web\\..\\admin", undefined],
];

for (const [path, route] of SPELLINGS) {
  Deno.test(`${path} reaches ${route ?? "no service"}, and the service reads the same path`, async () => {
    await using backend = startBackend((request) => new Response(new URL(request.url).pathname));
    await using front = startConductor({
      services: [
        { name: "admin", url: backend.url, pathPrefix: "/admin" },
        { name: "web", url: backend.url, pathPrefix: "/web" },
        { name: "rest", url: backend.url },
      ],
    });
    const response = await exchangeRaw(front.port, `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
    assertEquals(/x-conductor-service: (\w+)/i.exec(response)?.[1], route);
    // A backend that resolves dots must not find dots that matching has not seen.
    if (route === "admin") assertEquals(/\/admin$/.test(response) || response.includes("/%61dmin"), true, response);
  });
}

Deno.test("the response to OPTIONS * lists the allowed methods", async () => {
  await using front = startConductor({ services: [{ name: "all", url: "http://127.0.0.1:1" }] });
  const response = await exchangeRaw(front.port, "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  assertStringIncludes(response.toLowerCase(), "\r\nallow: get, head, post, put, patch, delete, options\r\n");
});

Deno.test("Max-Forwards is decremented for OPTIONS, and unchanged for other methods", async () => {
  await using backend = startBackend();
  await using front = startConductor({ services: [{ name: "all", url: backend.url }] });
  for (const [method, sent, seen] of [["OPTIONS", "7", "6"], ["GET", "7", "7"], ["OPTIONS", "x", "x"]]) {
    const head = `${method} /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: ${sent}\r\nConnection: close\r\n\r\n`;
    await exchangeRaw(front.port, head);
    assertEquals(backend.seen.at(-1)!.headers.get("max-forwards"), seen);
  }
});

Deno.test("Expect: 100-continue gets a 100 response, and is not forwarded", async () => {
  await using backend = startBackend();
  await using front = startConductor({ services: [{ name: "all", url: backend.url }] });
  using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
  const write = (text: string) => client.write(new TextEncoder().encode(text));
  await write("POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
  assertMatch(await readUntil(client), /^HTTP\/1\.1 100 /);
  await write("hello");
  assertMatch(await readUntil(client, "ok"), /^HTTP\/1\.1 200 /);
  assertEquals([backend.seen[0]!.body, backend.seen[0]!.headers.get("expect")], ["hello", null]);
});

Deno.test("Upgrade is removed, and the request is forwarded without it", async () => {
  await using backend = startBackend();
  await using front = startConductor({ services: [{ name: "all", url: backend.url }] });
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n";
  using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
  await client.write(new TextEncoder().encode(`GET /x HTTP/1.1\r\nHost: h\r\n${upgrade}\r\n`));
  assertMatch(await readUntil(client, "ok"), /^HTTP\/1\.1 200 /);
  assertEquals(backend.seen[0]!.headers.get("upgrade"), null);
});
