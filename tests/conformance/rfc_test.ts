/**
 * Requirements of RFC 9110 §6 to §10, RFC 9112 §2 to §9 and RFC 9113 §8 that no other test covers.
 * docs/reference/rfc-conformance.md lists all requirements, and names the rows of these tables.
 */

import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import type { ListenerKind } from "../../src/config/listener_kind.ts";
import { exchangeHttp2, type Http2Outcome } from "../_support/http2_client.ts";
import { exchangeOnce } from "../_support/raw_response.ts";
import { LISTENERS, startConductor, startListening } from "../_support/servers.ts";
import { type SocketRequest, startSocketBackend } from "../_support/socket_backend.ts";
import { COMBINATIONS } from "../_support/transports.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** A request, the response that the client gets, and the request that the service gets. */
interface RequestRow {
  readonly name: string;
  readonly request: string;
  readonly response: RegExp;
  /** The response of the node listener, if it differs. */
  readonly fromNode?: RegExp;
  /** The request at the service; absent if no service gets it. */
  readonly seen?: RegExp;
  readonly unseen?: RegExp;
  /**
   * The only listener of the row.
   *
   * @default Both.
   */
  readonly listener?: ListenerKind;
}

const REQUESTS: readonly RequestRow[] = [
  {
    name: "a request of HTTP/1.0 is forwarded as HTTP/1.1, and its response is HTTP/1.0",
    request: "GET / HTTP/1.0\r\nHost: h\r\n\r\n",
    response: /^HTTP\/1\.0 200 /,
    // RFC 9110 §2.5 permits it: a server sends its own version.
    fromNode: /^HTTP\/1\.1 200 (?![^]*transfer-encoding)/i,
    seen: /^GET \/ HTTP\/1\.1\r\n/,
  },
  {
    name: "an absolute target without a path is forwarded as a slash",
    request: "GET http://other.example?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 200 /,
    seen: /^GET \/\?q HTTP\/1\.1\r\nhost: other\.example\r\n/,
  },
  {
    name: "the Host of an absolute target replaces the Host field",
    request: "GET http://other.example/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 200 /,
    seen: /\r\nhost: other\.example\r\n/,
    unseen: /\r\nhost: h\r\n/,
  },
  {
    name: "the asterisk target of another method than OPTIONS is refused",
    request: "GET * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 400 /,
  },
  {
    name: "white space before the first field of a request is refused",
    request: "GET / HTTP/1.1\r\n X: a\r\nHost: h\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 400 /,
  },
  {
    name: "a bare CR in a request is refused",
    request: "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 400 /,
  },
  {
    name: "a request of HTTP/1.0 with a transfer coding is refused, and the connection closed",
    request: "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n",
    response: /^HTTP\/1\.1 400 /,
  },
  {
    name: "a request with both framings is refused, and the connection closed",
    request: "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    response: /^HTTP\/1\.1 400 /,
  },
  {
    name: "a request whose last coding is not chunked is refused, and the connection closed",
    request: "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    response: /^HTTP\/1\.1 400 /,
  },
  {
    name: "a request with an invalid length is refused, and the connection closed",
    request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2x\r\n\r\nok",
    response: /^HTTP\/1\.1 400 /,
  },
  {
    name: "unknown chunk extensions of a request are ignored",
    request:
      'POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;a;b="c"\r\nok\r\n0;d\r\n\r\n',
    response: /^HTTP\/1\.1 200 /,
    seen: /\r\n2\r\nok\r\n0\r\n\r\n$/,
    unseen: /;/,
  },
  {
    name: "trailers of a request are not merged into its header fields",
    request:
      "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-End: 1\r\n\r\n",
    response: /^HTTP\/1\.1 200 /,
    seen: /^POST /,
    unseen: /^(?:(?!\r\n\r\n)[^])*x-end/i,
  },
  {
    name: "no request after one with Connection: close is processed",
    request: "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /second HTTP/1.1\r\nHost: h\r\n\r\n",
    response: /^HTTP\/1\.1 200 [^]*ok$/,
    seen: /^GET \/ /,
    unseen: /second/,
  },
  {
    name: "Via names this conductor after the proxies before it",
    request: "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 fred, 1.1 p.example\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 200 /,
    seen: /\r\nvia: 1\.0 fred, 1\.1 p\.example, 1\.1 conductor-[0-9a-f]+\r\n/,
  },
  {
    name: "Max-Forwards is never larger than the largest supported number",
    request: "OPTIONS / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 99999999999999999999999\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 200 /,
    seen: /\r\nmax-forwards: 9007199254740991\r\n/i,
  },
  {
    name: "Max-Forwards is not added",
    request: "OPTIONS / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 200 /,
    seen: /^OPTIONS \/ /,
    unseen: /max-forwards/i,
  },
  {
    name: "Upgrade of a request of HTTP/1.0 is ignored",
    request: "GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    response: /^HTTP\/1\.0 200 /,
    fromNode: /^HTTP\/1\.1 200 /,
    seen: /^GET \/ /,
    unseen: /upgrade/i,
  },
  {
    name: "a 405 of conductor lists the allowed methods",
    request: "TRACE / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 405 [^]*\r\nallow: GET, /i,
  },
  {
    name: "a CONNECT without a port is refused",
    request: "CONNECT a.example HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    response: /^HTTP\/1\.1 40[05] /,
  },
  {
    name: "a local reply has a Date",
    request: "TRACE / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    response: /\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/i,
  },
  // `Deno.serve` does not keep these two requirements. A Deno that does fails here.
  {
    name: "limit: a target of more than 64 KiB gets 400 instead of 414",
    request: `GET /${"x".repeat(65_530)} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
    response: /^HTTP\/1\.1 400 |^$/,
    listener: "deno",
  },
  {
    name: "limit: a target of more than 128 KiB gets 431 instead of 414",
    request: `GET /${"x".repeat(140_000)} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
    response: /^HTTP\/1\.1 431 |^$/,
    listener: "node",
  },
  {
    name: "limit: an expectation in a request of HTTP/1.0 is not ignored",
    request: "POST / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    response: /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.0 200 /,
    fromNode: /^HTTP\/1\.1 200 /,
    seen: /^POST \/ /,
  },
];

/** Sends bytes, and returns those that arrive until the end of the connection, in order or not. */
async function exchangeText(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const buffer = new Uint8Array(65_536);
  let response = "";
  try {
    await connection.write(new TextEncoder().encode(request));
    for (let count; (count = await connection.read(buffer)) !== null;) {
      response += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
  } catch {
    // The server has closed a connection with unread bytes.
  }
  return response;
}

for (const { name, request, response, fromNode, seen, unseen, listener: only } of REQUESTS) {
  for (const listener of only === undefined ? LISTENERS : [only]) {
    Deno.test(`RFC 9110 and 9112: ${name}, with the ${listener} listener`, async () => {
      const expected = listener === "node" && fromNode !== undefined ? fromNode : response;
      const requests: SocketRequest[] = [];
      await using backend = await startSocketBackend(async (received, { write }) => {
        requests.push(received);
        await write(OK);
      });
      await using front = await startListening(listener, {
        services: [{ name: "a", url: backend.url, host: "preserve" }],
      });
      assertMatch(await exchangeText(front.port, request), expected);
      assertEquals(requests.length, seen === undefined ? 0 : 1);
      const text = requests.map(({ head, body }) => `${head}\r\n\r\n${body}`).join("");
      if (seen !== undefined) assertMatch(text, seen);
      if (unseen !== undefined) assertNotMatch(text, unseen);
    });
  }
}

/** A response of the service, and the response that the client gets. */
interface ResponseRow {
  readonly name: string;
  readonly method?: string;
  readonly text: string;
  readonly status: number;
  readonly body?: string;
  readonly has?: RegExp;
  readonly hasNot?: RegExp;
}

const RESPONSES: readonly ResponseRow[] = [
  {
    name: "a response of HTTP/1.0 is relayed as HTTP/1.1",
    text: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    status: 200,
    body: "ok",
  },
  {
    name: "a HEAD keeps its length, and has no body",
    method: "HEAD",
    text: "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n",
    status: 200,
    body: "",
    has: /^content-length: 1234$/im,
  },
  {
    name: "a body in a response to HEAD is not relayed",
    method: "HEAD",
    text: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    status: 200,
    body: "",
  },
  {
    name: "a 204 has no length",
    text: "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
    status: 204,
    body: "",
    hasNot: /^content-length/im,
  },
  {
    name: "a 204 has no transfer coding",
    text: "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    status: 204,
    body: "",
    hasNot: /^transfer-encoding/im,
  },
  {
    name: "chunk extensions are ignored",
    text: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a;b="c"\r\nok\r\n0;d\r\n\r\n',
    status: 200,
    body: "ok",
  },
  {
    name: "content with no-transform is unchanged",
    text:
      "HTTP/1.1 200 OK\r\ncache-control: no-transform\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\n\x1f\x8bxyz",
    status: 200,
    body: "\x1f\x8bxyz",
    has: /^content-encoding: gzip$/im,
  },
  {
    name: "Allow is unchanged",
    text: "HTTP/1.1 405 X\r\nallow: GET, UNKNOWN ,, x\r\ncontent-length: 0\r\n\r\n",
    status: 405,
    has: /^allow: GET, UNKNOWN ,, x$/im,
  },
  {
    name: "a transfer coding besides chunked is refused",
    text: "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    status: 502,
  },
  {
    name: "an unknown status is relayed",
    text: "HTTP/1.1 299 \r\ncontent-length: 2\r\n\r\nok",
    status: 299,
    body: "ok",
  },
  {
    name: "an unknown field is relayed",
    text: "HTTP/1.1 200 OK\r\nx-unknown: a\r\ncontent-length: 2\r\n\r\nok",
    status: 200,
    has: /^x-unknown: a$/im,
  },
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const { name, method = "GET", text, status, body, has, hasNot } of RESPONSES) {
    Deno.test(`RFC 9110 and 9112: ${name}, over ${over}`, async () => {
      await using backend = await startSocketBackend((_, { write }) => write(text));
      await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] }, {
        transport: create(),
      });
      const response = await exchangeOnce(front.port, `${method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
      assertEquals(response.status, status);
      if (body !== undefined) assertEquals(response.body, body);
      const lines = response.lines.join("\n");
      if (has !== undefined) assertMatch(lines, has);
      if (hasNot !== undefined) assertNotMatch(lines, hasNot);
    });
  }
}

for (const listener of LISTENERS) {
  Deno.test(`RFC 9112: the responses to pipelined requests are in order with the ${listener} listener`, async () => {
    const second = Promise.withResolvers<void>();
    await using backend = await startSocketBackend(async ({ head }, { write }) => {
      if (head.startsWith("GET /2 ")) second.resolve();
      else await Promise.race([second.promise, new Promise((resolve) => setTimeout(resolve, 50))]);
      await write(`HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n${head[5]}`);
    });
    await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] });
    const request = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    assertMatch(await exchangeText(front.port, request), /\r\n\r\n1HTTP\/1\.1 [^]*\r\n\r\n2$/);
  });
}

type Fields = readonly (readonly [name: string, value: string])[];

const GET: Fields = [[":method", "GET"], [":scheme", "http"], [":path", "/"], [":authority", "a.example"]];

function without(name: string): Fields {
  return GET.filter(([field]) => field !== name);
}

// RFC 9113 §8. Columns: the rule; the fields; the outcome; the request at the service, absent if it gets none.
const HTTP2_REQUESTS: readonly (readonly [name: string, fields: Fields, outcome: Http2Outcome, seen?: RegExp])[] = [
  ["an upper-case field name", [...GET, ["X", "a"]], "refused"],
  ["a colon in a field name", [...GET, ["x:y", "a"]], "refused"],
  ["a space in a field name", [...GET, ["x y", "a"]], "refused"],
  ["a CR in a field value", [...GET, ["x", "a\rb"]], "refused"],
  ["an LF in a field value", [...GET, ["x", "a\nb"]], "refused"],
  ["a NUL in a field value", [...GET, ["x", "a\0b"]], "refused"],
  ["white space before a field value", [...GET, ["x", " a"]], 400],
  ["white space after a field value", [...GET, ["x", "a\t"]], 400],
  ["Connection", [...GET, ["connection", "x"]], "refused"],
  ["Keep-Alive", [...GET, ["keep-alive", "timeout=5"]], "refused"],
  ["Proxy-Connection", [...GET, ["proxy-connection", "x"]], "refused"],
  ["Transfer-Encoding", [...GET, ["transfer-encoding", "chunked"]], "refused"],
  ["Upgrade", [...GET, ["upgrade", "h2c"]], "refused"],
  ["TE with another member than trailers", [...GET, ["te", "gzip"]], "refused"],
  ["several Cookie fields", [...GET, ["cookie", "a=1"], ["cookie", "b=2"]], 200, /\r\ncookie: a=1; b=2\r\n/],
  ["a pseudo-header field after a field", [["x", "1"], ...GET], "refused"],
  ["a repeated pseudo-header field", [...GET, [":path", "/2"]], "refused"],
  ["a pseudo-header field of responses", [...GET, [":status", "200"]], "refused"],
  ["an unknown pseudo-header field", [...GET, [":other", "x"]], "refused"],
  ["no :method", without(":method"), "refused"],
  ["no :scheme", without(":scheme"), "refused"],
  ["no :path", without(":path"), "refused"],
  ["an empty :path", [...without(":path"), [":path", ""]], "refused"],
  ["the :path * of another method than OPTIONS", [...without(":path"), [":path", "*"]], 400],
  ["user information in :authority", [...without(":authority"), [":authority", "u@a.example"]], 400],
  [":authority and another Host", [...GET, ["host", "b.example"]], 200, /\r\nhost: a\.example\r\n/],
  ["Host without :authority", [...without(":authority"), ["host", "b.example"]], 200, /\r\nhost: b\.example\r\n/],
];

for (const [name, fields, outcome, seen] of HTTP2_REQUESTS) {
  Deno.test(`RFC 9113: a request with ${name} is ${outcome}`, async () => {
    const heads: string[] = [];
    await using backend = await startSocketBackend(async ({ head }, { write }) => {
      heads.push(`${head}\r\n`);
      await write(OK);
    });
    await using front = startConductor({ services: [{ name: "a", url: backend.url, host: "preserve" }] });
    using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    assertEquals(await exchangeHttp2(connection, fields), outcome);
    assertEquals(heads.length, seen === undefined ? 0 : 1);
    if (seen !== undefined) assertMatch(heads[0]!, seen);
  });
}
