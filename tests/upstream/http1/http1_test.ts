/** The transport over Deno's sockets: requests on the wire, and results of responses. */

import { assert, assertEquals } from "@std/assert";
import type { TransportRequest, TransportResult } from "@zeek/conductor";
import { http1Transport } from "../../../src/upstream/http1/http1.ts";
import { readUntil, refusingUrl, startBackend, startRawBackend } from "../../_support/servers.ts";
import { type SocketRequest, startSocketBackend } from "../../_support/socket_backend.ts";
import { bodyOf, outcomeOf, transportRequest } from "../../_support/transports.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Sends a request to a backend that responds with the given bytes, and closes. */
async function exchange(
  response: string,
  more: Partial<TransportRequest> = {},
): Promise<{ result: TransportResult; body: string; seen: SocketRequest }> {
  const seen: SocketRequest[] = [];
  await using backend = await startSocketBackend(async (request, { write, close }) => {
    seen.push(request);
    await write(response);
    close();
  });
  const result = await http1Transport()(transportRequest(`${backend.url}/x`, more));
  return { result, body: await bodyOf(result).catch((error) => error.kind), seen: seen[0]! };
}

Deno.test("http1Transport() sends headers unchanged and in order, and adds only Host", async () => {
  const headers = [["x-b", "1"], ["X-A", "2 "], ["x-b", "3"], ["accept-encoding", "br, gzip;q=0"]] as const;
  const { seen } = await exchange(OK, { headers, host: "shop.example", target: "/%61?q='|" });
  assertEquals(seen.head.split("\r\n"), [
    "GET /%61?q='| HTTP/1.1",
    "host: shop.example",
    "x-b: 1",
    "X-A: 2 ",
    "x-b: 3",
    "accept-encoding: br, gzip;q=0",
  ]);
});

Deno.test("http1Transport() sends characters below 256 as one byte each, and refuses others", async () => {
  const { seen } = await exchange(OK, { headers: [["x", "caf\xe9"]] });
  assertEquals(seen.head.split("\r\n").at(-1), "x: caf\xe9");
  const { result } = await exchange(OK, { headers: [["x", "\u20ac"]] });
  assertEquals(outcomeOf(result), "unsendable");
});

// Text that gets this far by mistake must not become a header line or a request.
const INJECTIONS: readonly Partial<TransportRequest>[] = [
  { headers: [["x", "a\r\ny: b"]] },
  { headers: [["x", "a\nb"]] },
  { headers: [["x\r\ny", "a"]] },
  { target: "/ HTTP/1.1\r\nhost: x\r\n\r\nGET /" },
  { host: "a\r\nx: b" },
  { method: "GET / HTTP/1.1\r\nx: " },
];

for (const more of INJECTIONS) {
  Deno.test(`http1Transport() sends nothing of ${JSON.stringify(more)}`, async () => {
    const { result, seen } = await exchange(OK, more);
    assertEquals([outcomeOf(result), seen], ["unsendable", undefined]);
  });
}

function streamOf(...pieces: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
}

// Columns: name, request, framing header, bytes of the body on the wire.
const BODIES: readonly (readonly [
  name: string,
  more: () => Partial<TransportRequest>,
  framing: string | undefined,
  body: string,
])[] = [
  ["no body", () => ({ method: "DELETE" }), undefined, ""],
  ["no body where one is expected", () => ({ method: "POST" }), "content-length: 0", ""],
  ["bytes", () => ({ method: "PUT", body: new TextEncoder().encode("abc") }), "content-length: 3", "abc"],
  [
    "a stream of known length",
    () => ({ method: "POST", body: streamOf("a", "", "bc"), contentLength: 3 }),
    "content-length: 3",
    "abc",
  ],
  [
    "a stream of unknown length",
    () => ({ method: "POST", body: streamOf("a", "", "bc") }),
    "transfer-encoding: chunked",
    "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
  ],
];

for (const [name, more, framing, body] of BODIES) {
  Deno.test(`http1Transport() frames ${name} with ${framing ?? "nothing"}`, async () => {
    const { seen } = await exchange(OK, more());
    assertEquals(seen.head.split("\r\n").slice(2), framing === undefined ? [] : [framing]);
    assertEquals(seen.body, body);
  });
}

for (const pieces of [["ab"], ["abc", "d"]]) {
  Deno.test(`http1Transport() aborts a body of ${pieces.join("").length} bytes with a Content-Length of 3`, async () => {
    let arrived = "";
    await using backend = startRawBackend(async (connection) => {
      arrived = await readUntil(connection, "never").catch(() => "reset");
    });
    const request = transportRequest(backend.url, { method: "POST", body: streamOf(...pieces), contentLength: 3 });
    assert(!(await http1Transport()(request)).ok);
    assert(!arrived.endsWith("\r\n\r\nabcd"), "more than the body was sent");
  });
}

function fields(count: number): string {
  return Array.from({ length: count }, (_, index) => `x${index}: a\r\n`).join("");
}

// Columns: name, response, outcome, body.
const RESPONSES: readonly (readonly [name: string, response: string, outcome: string, body?: string])[] = [
  ["a line of 256,000", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(256_000)}\r\ncontent-length: 0\r\n\r\n`, "status 200", ""],
  ["a longer line", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(262_144)}\r\ncontent-length: 0\r\n\r\n`, "head-too-large"],
  ["1,000 fields", `HTTP/1.1 200 OK\r\n${fields(999)}content-length: 0\r\n\r\n`, "status 200", ""],
  ["1,001 fields", `HTTP/1.1 200 OK\r\n${fields(1_000)}content-length: 0\r\n\r\n`, "head-too-large"],
  ["100 interim responses", "HTTP/1.1 103 X\r\na: b\r\n\r\n".repeat(100) + OK, "status 200", "ok"],
  ["HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", "status 200", "ok"],
  ["HTTP/1.0 without one", "HTTP/1.0 200 OK\r\n\r\nuntil the end", "status 200", "until the end"],
  ["HTTP/1.0 in chunks", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "protocol"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n", "protocol"],
  ["no reason, and no space before it", "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", "status 200", "ok"],
  [
    "trailers, which are dropped",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-end: 1\r\nx-more: 2\r\n\r\n",
    "status 200",
    "ok",
  ],
  ["a body that is cut short", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", "reset"],
  ["a large body that is cut short", "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\nok", "status 200", "reset"],
  ["chunks that are cut short", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nok", "status 200", "reset"],
];

for (const [name, response, outcome, expected] of RESPONSES) {
  Deno.test(`http1Transport() returns ${outcome} for ${name}${expected === "reset" ? ", then a reset" : ""}`, async () => {
    const { result, body } = await exchange(response);
    assertEquals([outcomeOf(result), body], [outcome, expected ?? outcome]);
  });
}

Deno.test("http1Transport() does not change headers and body of a response", async () => {
  const lines = ["X-B: 1", "Set-Cookie: a=1", "x-a:2", "X-B: 3", "content-encoding: gzip", "Content-Length: 4"];
  const { result, body } = await exchange(`HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\n\x1f\x8b\x08\x00`);
  assert(result.ok);
  assertEquals(result.response.headers.map(([name, value]) => `${name}: ${value}`), [
    ...lines.slice(0, 2),
    "x-a: 2",
    ...lines.slice(3),
  ]);
  assertEquals(body, "\x1f\x8b\x08\x00");
});

Deno.test("http1Transport() reports a refused connection, and a failed TLS handshake", async () => {
  assertEquals(outcomeOf(await http1Transport()(transportRequest(refusingUrl()))), "refused");
  await using plain = startBackend();
  const request = transportRequest(plain.url.replace("http:", "https:"));
  assertEquals(outcomeOf(await http1Transport()(request)), "tls");
});

Deno.test("http1Transport() returns the response of a backend that closes before it has read the upload", async () => {
  for (const body of [new Uint8Array(16 * 1024 * 1024), streamOf(..."abcdefgh")]) {
    await using backend = startRawBackend(async (connection) => {
      await readUntil(connection);
      await connection.write(new TextEncoder().encode("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno"));
      // Closing with unread bytes resets the connection.
    });
    const result = await http1Transport()(transportRequest(backend.url, { method: "POST", body }));
    assertEquals([outcomeOf(result), await bodyOf(result)], ["status 413", "no"]);
  }
});

Deno.test("http1Transport() cancels an upload after an early response, and does not reuse its connection", async () => {
  const ends: string[] = [];
  const cancelled = Promise.withResolvers<void>();
  await using backend = startRawBackend(async (connection) => {
    await readUntil(connection, "1\r\na\r\n");
    await connection.write(new TextEncoder().encode(OK));
    ends.push(await readUntil(connection, "0\r\n\r\n").catch(() => ""));
  });
  const transport = http1Transport();
  const upload = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("a")),
      cancel: () => cancelled.resolve(),
    });
  for (let turn = 0; turn < 2; turn++) {
    const result = await transport(transportRequest(backend.url, { method: "POST", body: upload() }));
    assertEquals(await bodyOf(result), "ok");
    await cancelled.promise;
  }
  assertEquals(ends[0], "");
});
