/** Content-Length of requests (RFC 9110 §8.6, RFC 9112 §6.3): a body arrives completely, or the request is refused. */

import { assertEquals, assertMatch } from "@std/assert";
import type { ListenerKind } from "../../src/config/listener_kind.ts";
import { exchangeHttp2 } from "../_support/http2_client.ts";
import { readUntil, startConductor, startListening } from "../_support/servers.ts";
import { type SocketBackend, type SocketRequest, startSocketBackend } from "../_support/socket_backend.ts";
import { COMBINATIONS, TRANSPORTS } from "../_support/transports.ts";

/** Starts a backend that records its requests. */
async function startRecorder(): Promise<SocketBackend & { readonly requests: SocketRequest[] }> {
  const requests: SocketRequest[] = [];
  const backend = await startSocketBackend(async (request, { write }) => {
    requests.push(request);
    const length = request.head.startsWith("HEAD") ? "" : "content-length: 0\r\n";
    await write(`HTTP/1.1 200 OK\r\n${length}\r\n`);
  });
  return { ...backend, requests };
}

/** Method; values of Content-Length; body; status of the response. Only with status 200, a service gets the body. */
type Row = readonly [method: string, lengths: readonly string[], body: string, status: number];

const BOTH: readonly Row[] = [
  ["GET", ["3"], "abc", 501],
  ["GET", ["3", "3"], "abc", 501],
  ["GET", ["3", "3", "3"], "abc", 501],
  ["GET", ["003"], "abc", 501],
  ["HEAD", ["3", "3"], "abc", 501],
  ["GET", ["0"], "", 200],
  ["GET", ["0", "0"], "", 200],
  ["GET", ["000"], "", 200],
  ["HEAD", ["0", "0"], "", 200],
  ["POST", ["3"], "abc", 200],
  ["POST", ["3", "3"], "abc", 200],
  ["POST", ["003"], "abc", 200],
  ["POST", ["0", "0"], "", 200],
  ["DELETE", ["3", "3"], "abc", 200],
  ["OPTIONS", ["3", "3"], "abc", 200],
  ["POST", ["3", "4"], "abc", 400],
  ["GET", ["3", "0"], "abc", 400],
  ["GET", ["0", "3"], "", 400],
  ["POST", ["3", "+3"], "abc", 400],
  ["POST", ["3, 3"], "abc", 400],
  ["POST", ["-3"], "abc", 400],
  ["POST", ["+3"], "abc", 400],
  ["POST", ["0x3"], "abc", 400],
  ["POST", ["3.0"], "abc", 400],
  ["POST", ["3 3"], "abc", 400],
  ["POST", ["3,"], "abc", 400],
  ["POST", [""], "abc", 400],
  ["POST", ["99999999999999999999"], "abc", 400],
];

const HTTP1: readonly Row[] = [
  ...BOTH,
  // Larger than a safe integer. HTTP/2 counts the bytes, and refuses such a request when the body ends.
  ["POST", ["9007199254740992"], "abc", 413],
  ["POST", ["18446744073709551615"], "abc", 413],
  ["GET", ["18446744073709551615"], "abc", 501],
];

async function http1(port: number, [method, lengths, body]: Row): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const head = [`${method} / HTTP/1.1`, "Host: h", ...lengths.map((length) => `Content-Length: ${length}`)];
  await connection.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n${body}`));
  return Number(/^HTTP\/1\.1 (\d+) /.exec(await readUntil(connection))?.[1]);
}

async function http2(port: number, [method, lengths, body]: Row): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const fields = [[":method", method], [":scheme", "http"], [":authority", "h"], [":path", "/"]] as const;
  const outcome = await exchangeHttp2(connection, [
    ...fields,
    ...lengths.map((length) => ["content-length", length] as const),
  ], body);
  return outcome === "refused" ? 400 : outcome;
}

/** The node listener refuses repeated lengths, and forwards the bodies of GET and HEAD (docs/reference/limits.md). */
function statusWith(listener: ListenerKind, [, lengths, , status]: Row): number {
  if (listener === "deno") return status;
  if (lengths.length > 1) return 400;
  if (status !== 501) return status;
  return Number(lengths[0]) > Number.MAX_SAFE_INTEGER ? 413 : 200;
}

for (const [over, create, listener] of COMBINATIONS) {
  for (const [version, send, rows] of [["HTTP/1.1", http1, HTTP1], ["HTTP/2", http2, BOTH]] as const) {
    // The node listener has no HTTP/2.
    for (const row of listener === "node" && version === "HTTP/2" ? [] : rows) {
      const [method, lengths, body] = row;
      const status = statusWith(listener, row);
      const name = `${method} with the lengths [${lengths.join("; ")}]`;
      Deno.test(`${name} over ${version} is ${status}, and reaches services completely, over ${over}`, async () => {
        await using backend = await startRecorder();
        await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
          transport: create(),
        });
        assertEquals(await send(front.port, row), status);
        const received = backend.requests.map(({ head, body }) =>
          /^transfer-encoding: chunked\r?$/im.test(head) ? body.split("\r\n")[1] : body
        );
        assertEquals(received, status === 200 ? [body] : []);
      });
    }
  }
}

for (const [over, create] of TRANSPORTS) {
  Deno.test(`the body of a refused GET is not read as another request over ${over}`, async () => {
    await using backend = await startRecorder();
    await using front = startConductor({ services: [{ name: "a", url: backend.url }] }, { transport: create() });
    const hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    const lengths = `Content-Length: ${hidden.length}\r\n`.repeat(2);
    using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    const next = "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    await connection.write(
      new TextEncoder().encode(`GET /refused HTTP/1.1\r\nHost: h\r\n${lengths}\r\n${hidden}${next}`),
    );
    const text = await readUntil(connection, "\0never\0");
    assertEquals(text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 501", "HTTP/1.1 200"]);
    assertEquals(backend.requests.map(({ head }) => head.split(" ")[1]), ["/next"]);
  });

  Deno.test(`a length that was sent twice is forwarded once over ${over}`, async () => {
    await using backend = await startRecorder();
    await using front = startConductor({ services: [{ name: "a", url: backend.url }] }, { transport: create() });
    assertEquals(await http1(front.port, ["POST", ["3", "3"], "abc", 200]), 200);
    assertEquals(backend.requests[0]!.head.match(/^content-length: .*$/gim)?.map((line) => line.trim()), [
      "content-length: 3",
    ]);
  });
}

Deno.test("maxBodySize applies to a length that was sent twice", async () => {
  await using backend = await startRecorder();
  await using front = startConductor({ maxBodySize: "2B", services: [{ name: "a", url: backend.url }] });
  assertEquals([await http1(front.port, ["POST", ["3", "3"], "abc", 413]), backend.requests], [413, []]);
});

// A limit of Deno's server (docs/reference/limits.md). A failure shows that the limit is gone.
Deno.test("limit: GET with a body but without a length over HTTP/2 is forwarded without the body", async () => {
  await using backend = await startRecorder();
  await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
  assertEquals(await http2(front.port, ["GET", [], "abc", 200]), 200);
  assertEquals(backend.requests.map(({ body }) => body), [""]);
  assertMatch(backend.requests[0]!.head, /^GET \/ HTTP\/1\.1\r\n/);
});
