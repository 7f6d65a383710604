/** RFC 9110 §7.6 on the wire: fields of requests and of responses. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Transport } from "@zeek/conductor";
import type { ListenerKind } from "../../src/config/listener_kind.ts";
import { exchangeRaw, readUntil, startListening, startRawBackend } from "../_support/servers.ts";
import { COMBINATIONS } from "../_support/transports.ts";

/** The rule; the sent lines; the received lines with the same names in lower case; the received lines over fetch. */
type Row = readonly [rule: string, sent: readonly string[], arrives: readonly string[], overFetch?: readonly string[]];

/** Header lines from the node listener, for the rows in which they differ: it keeps order and repetition. */
const FROM_NODE: Readonly<Record<string, readonly string[]>> = {
  "lines of one name are one list": ["x-a: 1", "x-b: 2", "x-a: 3"],
  "TE promises trailers only if they are relayed": ["te: trailers", "connection: te"],
  "several Cookie lines are one list": ["cookie: a=1", "cookie: b=2"],
  "a name that only begins alike goes on": ["x-conductors: 1", "x-conductor: 2"],
};

const BOTH: readonly Row[] = [
  ["Connection goes no further", ["Connection: close"], []],
  ["fields that Connection names go no further", ["Connection: close, X-Hop, x-b", "X-Hop: 1", "X-B: 1"], []],
  ["Connection cannot take Content-Type away", ["Connection: content-type", "Content-Type: a/b"], [
    "content-type: a/b",
  ]],
  ["Keep-Alive goes no further", ["Keep-Alive: timeout=5"], []],
  ["Proxy-Connection goes no further", ["Proxy-Connection: keep-alive"], []],
  ["Proxy-Authenticate goes no further", ["Proxy-Authenticate: Basic"], []],
  ["Upgrade goes no further", ["Connection: upgrade", "Upgrade: h2c"], []],
  ["Trailer goes no further", ["Trailer: x-end"], []],
  ["an unknown field goes on", ["X-End: a, b"], ["x-end: a, b"]],
  ["Cache-Control goes on", ["Cache-Control: no-cache"], ["cache-control: no-cache"]],
  ["a field with an odd value goes on", [`X-Odd: "q;=,\\"`], [`x-odd: "q;=,\\"`]],
  ["an empty field goes on", ["X-Empty:"], ["x-empty:"]],
];

const REQUESTS: readonly Row[] = [
  ...BOTH,
  ["TE goes no further", ["TE: gzip"], []],
  ["TE promises trailers only if they are relayed", ["Connection: te", "TE: gzip, trailers"], []],
  // Fetch would decode the body under headers that describe the encoded bytes (denoland/deno#12291).
  ["Accept-Encoding goes on", ["Accept-Encoding: gzip;q=0.5, br"], ["accept-encoding: gzip;q=0.5, br"], [
    "accept-encoding: identity",
  ]],
  ["Proxy-Authorization goes no further", ["Proxy-Authorization: Basic eA=="], []],
  ["Expect goes no further", ["Expect: 100-continue"], []],
  ["Authorization goes on", ["Authorization: Bearer x"], ["authorization: Bearer x"]],
  // `Request` joins the lines before any transport.
  ["lines of one name are one list", ["X-A: 1", "X-B: 2", "X-A: 3"], ["x-a: 1, 3", "x-b: 2"]],
  ["several Cookie lines are one list", ["Cookie: a=1", "Cookie: b=2"], ["cookie: a=1; b=2"]],
  ["Range goes on", ["Range: bytes=0-1"], ["range: bytes=0-1"]],
  ["If-None-Match goes on", ['If-None-Match: "x"'], ['if-none-match: "x"']],
  ["Connection cannot take X-Forwarded-For away", ["Connection: X-Forwarded-For"], []],
  ["X-Conductor-Role cannot be chosen", ["X-Conductor-Role: shadow"], ["x-conductor-role: primary"]],
  ["x_forwarded_for does not replace ours", ["X_Forwarded_For: 10.0.0.1"], []],
  ["X.Forwarded.For does not replace ours", ["X.Forwarded.For: 10.0.0.1", "X-Forwarded_Host: evil"], []],
  ["X-Conductor-* goes no further", ["X-Conductor-Service: evil", "x-CONDUCTOR-New: 1", "X-Conductor-: 1"], []],
  ["X-Conductor-* goes no further in a spelling that a backend may read as the same", [
    "X_Conductor_Role: shadow",
    "X-Conductor_Role: shadow",
    "x_conductor-role: shadow",
    "X.Conductor.Role: shadow",
    "X~Conductor!Role: shadow",
  ], []],
  ["a name that only begins alike goes on", ["X-Conductors: 1", "X-Conductor: 2"], [
    "x-conductor: 2",
    "x-conductors: 1",
  ]],
  ["Connection cannot take X-Conductor-Role away", [
    "Connection: close, X-Conductor-Role, x_conductor_role",
    "X-Conductor-Role: shadow",
  ], ["x-conductor-role: primary"]],
  ["Connection cannot take Via away", ["Connection: via", "Via: 1.0 first"], ["via: 1.0 first, 1.1 conductor-"]],
];

const DATE = "date: Tue, 15 Nov 1994 08:12:31 GMT";

const RESPONSES: readonly Row[] = [
  ...BOTH,
  // Fetch returns a Headers object, which merges the lines.
  ["lines of one name stay apart", ["X-A: 1", "X-B: 2", "X-A: 3"], ["x-a: 1", "x-b: 2", "x-a: 3"], [
    "x-a: 1, 3",
    "x-b: 2",
  ]],
  ["Set-Cookie lines stay apart", ["Set-Cookie: a=1, x", "Set-Cookie: b=2"], ["set-cookie: a=1, x", "set-cookie: b=2"]],
  ["Date goes on as the service wrote it", [DATE], [DATE]],
  ["WWW-Authenticate goes on", ['WWW-Authenticate: Basic realm="x"'], ['www-authenticate: Basic realm="x"']],
  ["ETag and Vary go on", ['ETag: W/"1"', "Vary: accept"], ['etag: W/"1"', "vary: accept"]],
  ["X-Conductor-Service cannot be chosen", ["X-Conductor-Service: evil"], ["x-conductor-service: all"]],
  ["Server goes on", ["Server: x"], ["server: x"]],
];

/** Returns the lines of a head that have a sent name, as `name: value` with the name in lower case. */
function linesOf(head: string, sent: readonly string[]): string[] {
  const names = new Set(sent.map((line) => line.slice(0, line.indexOf(":")).toLowerCase()));
  const lines = head.split("\r\n\r\n")[0]!.split("\r\n").slice(1).map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return lines.filter(([name]) => names.has(name)).map(([name, value]) =>
    `${name}: ${value.replace(/(?<=conductor-)[0-9a-f]+$/, "")}`.trimEnd()
  );
}

/** Both heads of one exchange as received. */
interface Heads {
  readonly seen: string;
  readonly responseHead: string;
}

interface Lines {
  readonly create: () => Transport;
  readonly listener: ListenerKind;
  readonly request?: readonly string[];
  readonly response?: readonly string[];
}

/** Sends one request through conductor with the given header lines. */
async function pass({ create, listener, request = [], response = [] }: Lines): Promise<Heads> {
  let seen = "";
  await using backend = startRawBackend(async (connection) => {
    seen = await readUntil(connection);
    const head = ["HTTP/1.1 200 OK", "Content-Length: 2", ...response].join("\r\n");
    await connection.write(new TextEncoder().encode(`${head}\r\n\r\nok`));
  });
  await using front = await startListening(listener, { services: [{ name: "all", url: backend.url }] }, {
    transport: create(),
  });
  using client = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
  const head = ["GET /x HTTP/1.1", "Host: h", ...request].join("\r\n");
  await client.write(new TextEncoder().encode(`${head}\r\n\r\n`));
  // RFC 9110 §10.1.1: a request without a body may get 100 too.
  const responseHead = (await readUntil(client, "\r\n\r\nok")).replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, "");
  assertMatch(responseHead, /^HTTP\/1\.1 200 /);
  return { seen, responseHead };
}

for (const [over, create, listener] of COMBINATIONS) {
  for (const [rule, sent, arrives, overFetch = arrives] of REQUESTS) {
    Deno.test(`to a service: ${rule}, over ${over}`, async () => {
      const { seen } = await pass({ create, listener, request: sent });
      const kept = listener === "node" ? FROM_NODE[rule] : undefined;
      assertEquals(linesOf(seen, sent), kept ?? (over === "fetch" ? overFetch : arrives));
      assertStringIncludes(seen.toLowerCase(), "\r\nx-forwarded-for: 127.0.0.1\r\n");
    });
  }

  Deno.test(`to a service: X-Conductor-Role in a trailer is removed, over ${over}`, async () => {
    let seen = "";
    await using backend = startRawBackend(async (connection) => {
      seen = await readUntil(connection, "\r\n0\r\n\r\n");
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    });
    await using front = await startListening(listener, { services: [{ name: "all", url: backend.url }] }, {
      transport: create(),
    });
    const head =
      "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Conductor-Role";
    await exchangeRaw(front.port, `${head}\r\n\r\n3\r\nabc\r\n0\r\nX-Conductor-Role: shadow\r\n\r\n`);
    assertEquals(seen.match(/shadow/g), null);
    assertStringIncludes(seen, "abc");
  });

  Deno.test(`to a service: Connection cannot remove a trusted proxy's forwarding fields, over ${over}`, async () => {
    const sent = ["X-Forwarded-For: 198.51.100.7", "X-Forwarded-Host: shop.example", "X-Forwarded-Proto: https"];
    let seen = "";
    await using backend = startRawBackend(async (connection) => {
      seen = await readUntil(connection);
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    });
    await using front = await startListening(listener, {
      services: [{ name: "all", url: backend.url }],
      trustProxy: ["127.0.0.1"],
    }, { transport: create() });
    const connection = "Connection: close, x-forwarded-for, x-forwarded-host, x-forwarded-proto";
    await exchangeRaw(front.port, ["GET / HTTP/1.1", "Host: h", connection, ...sent, "", ""].join("\r\n"));
    assertEquals(linesOf(seen, sent).toSorted(), [
      "x-forwarded-for: 198.51.100.7, 127.0.0.1",
      "x-forwarded-host: shop.example",
      "x-forwarded-proto: https",
    ]);
  });

  for (const [rule, sent, arrives, overFetch = arrives] of RESPONSES) {
    Deno.test(`to the client: ${rule}, over ${over}`, async () => {
      const { responseHead } = await pass({ create, listener, response: sent });
      assertEquals(linesOf(responseHead, sent), over === "fetch" ? overFetch : arrives);
    });
  }

  Deno.test(`to the client: a missing Date is added, over ${over}`, async () => {
    const { responseHead } = await pass({ create, listener });
    assertMatch(responseHead, /\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/i);
  });

  Deno.test(`to the client: trailers are read and removed, and the body ends correctly, over ${over}`, async () => {
    await using backend = startRawBackend(async (connection) => {
      await readUntil(connection);
      const text =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n3\r\nabc\r\n0\r\nX-End: 1\r\n\r\n";
      await connection.write(new TextEncoder().encode(text));
    });
    await using front = await startListening(listener, { services: [{ name: "all", url: backend.url }] }, {
      transport: create(),
    });
    const responseHead = await exchangeRaw(front.port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert(!/x-end/i.test(responseHead), responseHead);
    assertStringIncludes(responseHead, "abc");
  });

  Deno.test(`to the client: 50 Set-Cookie lines are relayed in order, over ${over}`, async () => {
    const sent = Array.from({ length: 50 }, (_, index) => `Set-Cookie: c${index}=1; Path=/`);
    const { responseHead } = await pass({ create, listener, response: sent });
    assertEquals(linesOf(responseHead, sent), sent.map((line) => line.replace("Set-Cookie", "set-cookie")));
  });
}

/** Fields of a simple request, and fields that conductor adds. */
const EXPECTED = [
  "host",
  "x-b",
  "x-a",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "via",
  "x-request-id",
];

/** Fields that fetch adds. */
const FETCH_ADDS = ["accept", "accept-encoding", "accept-language", "user-agent"];

for (const [over, create, listener] of COMBINATIONS) {
  const added = over === "fetch" ? FETCH_ADDS : [];
  Deno.test(`to a service: the only added fields are ${["our own", ...added].join(", ")}, over ${over}`, async () => {
    const { seen } = await pass({ create, listener, request: ["X-B: 1", "X-A: 2"] });
    const names = seen.trimEnd().split("\r\n").slice(1).map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
    assertEquals(names.toSorted(), [...EXPECTED, "x-conductor-role", ...added].toSorted());
  });
}

/** Names of the header lines of a head as received, if they are among `sent`. */
function namesOf(head: string, sent: readonly string[]): string[] {
  const names = new Set(sent.map((line) => line.slice(0, line.indexOf(":")).toLowerCase()));
  return head.trimEnd().split("\r\n").slice(1).map((line) => line.slice(0, line.indexOf(":")))
    .filter((name) => names.has(name.toLowerCase()));
}

// The documentation describes names and order, because clients and services may depend on them.
for (const [over, create, listener] of COMBINATIONS) {
  const sent = ["X-Charlie: 1", "x-ALPHA: 2", "X-Bravo: 3"];

  // `Request` loses both.
  const isKept = listener === "node";
  Deno.test(`to a service: names and order are ${isKept ? "kept" : "lost"} over ${over}`, async () => {
    const { seen } = await pass({ create, listener, request: sent });
    const expected = isKept ? ["X-Charlie", "x-ALPHA", "X-Bravo"] : ["x-alpha", "x-bravo", "x-charlie"];
    assertEquals(namesOf(seen, sent), expected);
  });

  Deno.test(`to the client: names and order are ${over === "fetch" ? "lost" : "kept"} over ${over}`, async () => {
    const { responseHead } = await pass({ create, listener, response: sent });
    const expected = over === "fetch" ? ["x-alpha", "x-bravo", "x-charlie"] : ["X-Charlie", "x-ALPHA", "X-Bravo"];
    assertEquals(namesOf(responseHead.split("\r\n\r\n")[0]!, sent), expected);
  });

  Deno.test(`to a service: header fields of the configuration keep their names over ${over}`, async () => {
    let seen = "";
    await using backend = startRawBackend(async (connection) => {
      seen = await readUntil(connection);
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    });
    const services = [{ name: "all", url: backend.url, headers: { "X-Api-Key": "1" } }];
    await using front = await startListening(listener, { services }, { transport: create() });
    await exchangeRaw(front.port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assertEquals(namesOf(seen, ["X-Api-Key: 1"]), [over === "fetch" ? "x-api-key" : "X-Api-Key"]);
  });
}
