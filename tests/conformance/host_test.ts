/**
 * Host and authority (RFC 9112 §3.2, RFC 9113 §8.3.1, RFC 3986 §3.2): an invalid one gets 400, and reaches no service.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { conductor } from "@zeek/conductor";
import type { ListenerKind } from "../../src/config/listener_kind.ts";
import { serve } from "../../src/server/serve.ts";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { exchangeHttp2 } from "../_support/http2_client.ts";
import { toBytes } from "../_support/latin1.ts";
import { readToEnd } from "../_support/raw_response.ts";
import { LISTENERS, startConductor, startListening } from "../_support/servers.ts";
import { type SocketBackend, startSocketBackend } from "../_support/socket_backend.ts";

/** Starts a backend that records the heads of its requests. */
async function startRecorder(): Promise<SocketBackend & { readonly heads: string[] }> {
  const heads: string[] = [];
  const backend = await startSocketBackend(async ({ head }, { write }) => {
    heads.push(head);
    await write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
  return { ...backend, heads };
}

/** Sends a raw head and returns the status of the response. */
async function statusOf(connection: Deno.Conn, lines: readonly string[]): Promise<number> {
  await connection.write(toBytes([...lines, "", ""].join("\r\n")));
  return Number((await readToEnd(connection)).slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
}

/** Sends a request with a Host, and returns the status of the response; 400 if the server refused the request. */
type Send = (port: number, host: string) => Promise<number>;

const CLOSE = "Connection: close";

async function http1(port: number, ...lines: readonly string[]): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  return await statusOf(connection, lines);
}

async function http2(port: number, ...fields: readonly (readonly [string, string])[]): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const status = await exchangeHttp2(connection, [[":method", "GET"], [":scheme", "http"], [":path", "/x"], ...fields]);
  return status === "refused" ? 400 : status;
}

type Way = readonly [name: string, send: Send, listener: ListenerKind];

/** Returns the ways over both listeners. The node listener has no HTTP/2. */
function withListeners(ways: readonly (readonly [name: string, send: Send])[]): Way[] {
  return LISTENERS.flatMap((listener) =>
    ways.filter(([name]) => listener === "deno" || !name.startsWith("HTTP/2")).map((
      [name, send],
    ): Way => [`${name} with the ${listener} listener`, send, listener])
  );
}

const WAYS: readonly Way[] = withListeners([
  ["HTTP/1.0", (port, host) => http1(port, "GET /x HTTP/1.0", `Host: ${host}`, CLOSE)],
  ["HTTP/1.1", (port, host) => http1(port, "GET /x HTTP/1.1", `Host: ${host}`, CLOSE)],
  [
    "HTTP/1.1 next to an absolute target",
    (port, host) => http1(port, "GET http://h/x HTTP/1.1", `Host: ${host}`, CLOSE),
  ],
  ["HTTP/2 as host", (port, host) => http2(port, ["host", host])],
  ["HTTP/2 as host next to :authority", (port, host) => http2(port, [":authority", "h"], ["host", host])],
]);

/** Ways to send an authority in the target. */
const TARGETS: readonly Way[] = withListeners([
  ["HTTP/1.0 in the target", (port, host) => http1(port, `GET http://${host}/x HTTP/1.0`, "Host: h", CLOSE)],
  ["HTTP/1.1 in the target", (port, host) => http1(port, `GET http://${host}/x HTTP/1.1`, "Host: h", CLOSE)],
  ["HTTP/2 as :authority", (port, host) => http2(port, [":authority", host])],
]);

const VALID: readonly string[] = [
  "h",
  "H.Example.",
  "h:80",
  "h:",
  "h:0",
  "h:65535",
  "h:00080",
  "a_b-c~d.e",
  "!$&'()*+,;=",
  "%61%C3%A9",
  "999.1.1.1",
  "127.0.0.1:8080",
  "[::1]",
  "[2001:db8::1]:80",
  "[::ffff:192.0.2.1]",
  "[1:2:3:4:5:6:7::]",
  "[v1.a:b]",
];

const INVALID: readonly string[] = [
  "h\xe9",
  "h\xe6\x97\xa5",
  "\xff",
  "a b",
  "a, b",
  "u@a",
  "u:p@a",
  "@a",
  ":80",
  ":",
  "a:b",
  "a:+80",
  "a:-1",
  "a:0x50",
  "a:65536",
  "a:69999",
  "a:999999",
  "a:80:80",
  "::1",
  "[::1",
  "::1]",
  "[]",
  "[1]",
  "[.]",
  "[:::]",
  "[1::2::3]",
  "[1:2:3:4:5:6:7]",
  "[1:2:3:4:5:6:7:8:9]",
  "[12345::]",
  "[g::]",
  "[127.0.0.1]",
  "[::256.0.0.1]",
  "[::01.0.0.1]",
  "[fe80::1%25eth0]",
  "[fe80::1%eth0]",
  "[::1]a",
  "a[::1]",
  "[[::1]]",
  "[v.a]",
  "[v1.]",
  "[vg.a]",
  "a%",
  "a%4",
  "a%zz",
  'a"b',
  "a<b",
  "a>b",
  "a\\b",
  "a^b",
  "a`b",
  "a{b",
  "a}b",
  "a|b",
  "a".repeat(1_025),
];

/** Values that end the authority of a target, so they are invalid only as a field. */
const INVALID_FIELDS: readonly string[] = [
  "",
  "a/b",
  "a?b",
  "a#b",
  "/",
  "http://a",
  "a/p?q=",
  "a\tb",
  "a\x01b",
  "a\x7fb",
];

function name(text: string): string {
  const short = text.length > 64 ? `${text.slice(0, 8)}…` : text;
  return JSON.stringify(short.replaceAll(/[^\x20-\x7e…]/g, (c) => `<${c.charCodeAt(0).toString(16)}>`));
}

for (const [over, send, listener] of [...WAYS, ...TARGETS]) {
  for (const host of VALID) {
    // Deno refuses a percent sign in `:authority`.
    if (host.includes("%") && over.includes(":authority") && !over.includes("next to")) continue;
    Deno.test(`the host ${name(host)} is forwarded over ${over}`, async () => {
      await using backend = await startRecorder();
      await using front = await startListening(listener, {
        services: [{ name: "a", url: backend.url, host: "preserve" }],
      });
      assertEquals(await send(front.port, host), 200);
      // The authority of the target takes precedence over Host (RFC 9112 §3.2.2).
      const expected = over.includes(" next to ") ? "h" : host;
      assertStringIncludes(backend.heads[0]!, `\r\nhost: ${expected}\r\n`);
      assertStringIncludes(backend.heads[0]!, `\r\nx-forwarded-host: ${expected}\r\n`);
    });
  }
}

for (const [ways, hosts] of [[[...WAYS, ...TARGETS], INVALID], [WAYS, INVALID_FIELDS]] as const) {
  for (const [over, send, listener] of ways) {
    for (const host of hosts) {
      Deno.test(`the host ${name(host)} gets 400 over ${over}`, async () => {
        await using backend = await startRecorder();
        await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] });
        assertEquals([await send(front.port, host), backend.heads], [400, []]);
      });
    }
  }
}

// Columns: the name; the lines; the status of the response; that of the node listener, which knows the version.
const HEADS: readonly (readonly [name: string, lines: readonly string[], status: number, fromNode?: number])[] = [
  ["no Host", ["GET /x HTTP/1.1"], 400],
  ["no Host in HTTP/1.0", ["GET /x HTTP/1.0"], 400],
  ["no Host, but Connection", ["GET /x HTTP/1.1", CLOSE], 400],
  ["two Host lines", ["GET /x HTTP/1.1", "Host: a", "Host: b"], 400],
  ["the same Host line twice", ["GET /x HTTP/1.1", "Host: a", "Host: a"], 400],
  ["two Host lines in HTTP/1.0", ["GET /x HTTP/1.0", "Host: a", "Host: b"], 400],
  ["the same Host line twice in HTTP/1.0", ["GET /x HTTP/1.0", "Host: a", "Host: a"], 400],
  ["two Host lines, one of them empty", ["GET /x HTTP/1.0", "Host: a", "Host:"], 400],
  ["two Host lines next to an absolute target", ["GET http://a/x HTTP/1.1", "Host: a", "Host: a"], 400],
  ["a space before the colon", ["GET /x HTTP/1.1", "Host : a"], 400],
  ["a folded Host", ["GET /x HTTP/1.1", "Host:", " a"], 400],
  ["a Host line that continues the request line", ["GET /x HTTP/1.1", " Host: a"], 400],
  ["white space around Host", ["GET /x HTTP/1.1", "hOsT: \t a \t", CLOSE], 200],
  ["an absolute target without Host", ["GET http://a/x HTTP/1.1", CLOSE], 400],
  ["an absolute target without Host in HTTP/1.0", ["GET http://a/x HTTP/1.0", CLOSE], 400, 200],
  ["an absolute target without Host, to be kept alive", ["GET http://a/x HTTP/1.1", "Keep-Alive: timeout=5"], 400],
  ["an absolute target without Host from an old proxy", ["GET http://a/x HTTP/1.1", "Proxy-Connection: close"], 400],
  ["an absolute target without Host, with an upgrade", ["GET http://a/x HTTP/1.1", "Upgrade: h2c"], 400],
  ["an absolute target without Host, with a coding", ["POST http://a/x HTTP/1.1", "Transfer-Encoding: chunked"], 400],
  ["an absolute target without a host", ["GET http:///x HTTP/1.1", CLOSE], 400],
  ["an absolute target without slashes", ["GET http:/x HTTP/1.1", "Host: a", CLOSE], 400],
  ["another scheme", ["GET ftp://a/x HTTP/1.1", "Host: a", CLOSE], 400],
  ["a scheme in upper case", ["GET HTTP://a/x HTTP/1.1", "Host: a", CLOSE], 200],
  ["the scheme https without TLS", ["GET https://a/x HTTP/1.1", "Host: a", CLOSE], 200],
  ["an absolute target in authority form", ["GET a:80 HTTP/1.1", "Host: a", CLOSE], 400],
  ["a target without a slash", ["GET x HTTP/1.1", "Host: a", CLOSE], 400],
];

const HEADS_BY_LISTENER = HEADS.flatMap(([what, lines, status, fromNode = status]) => [
  [what, lines, status, "deno"] as const,
  [what, lines, fromNode, "node"] as const,
]);

for (const [what, lines, status, listener] of HEADS_BY_LISTENER) {
  Deno.test(`${what} is ${status} with the ${listener} listener`, async () => {
    await using backend = await startRecorder();
    await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] });
    using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
    await connection.write(toBytes([...lines, "", ""].join("\r\n")));
    const buffer = new Uint8Array(65_536);
    const head = new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
    assertEquals([Number(head.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)), backend.heads.length], [
      status,
      status === 200 ? 1 : 0,
    ]);
  });
}

// Columns: the name; the fields besides method and path; the status of the response.
const FIELDS: readonly (readonly [name: string, fields: readonly (readonly [string, string])[], status: number])[] = [
  ["neither :authority nor host", [], 400],
  ["an empty :authority", [[":authority", ""]], 400],
  ["two :authority fields", [[":authority", "a"], [":authority", "a"]], 400],
  ["two host fields", [["host", "a"], ["host", "b"]], 400],
  ["two host fields next to :authority", [[":authority", "a"], ["host", "a"], ["host", "a"]], 400],
  ["an :authority that ends early", [[":authority", "a/b"]], 400],
  ["an :authority with a query", [[":authority", "a?b"]], 400],
  ["an :authority with a fragment", [[":authority", "a#b"]], 400],
  ["host equal to :authority", [[":authority", "a"], ["host", "a"]], 200],
  // RFC 9113 §8.3.1: `:authority` decides, as the target does in HTTP/1.1. Deno does not tell the two apart.
  ["host different from :authority", [[":authority", "a"], ["host", "b"]], 200],
  ["Connection", [[":authority", "a"], ["connection", "close"]], 400],
];

for (const [what, fields, status] of FIELDS) {
  Deno.test(`${what} over HTTP/2 is ${status}`, async () => {
    await using backend = await startRecorder();
    await using front = startConductor({ services: [{ name: "a", url: backend.url, host: "preserve" }] });
    assertEquals(await http2(front.port, ...fields), status);
    assertEquals(backend.heads.map((head) => /\r\nhost: (.*)\r\n/.exec(head)?.[1]), status === 200 ? ["a"] : []);
  });
}

Deno.test("another scheme over HTTP/2 is 400", async () => {
  await using front = startConductor({ services: [{ name: "a", url: "http://127.0.0.1:1" }] });
  using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
  const fields = [[":method", "GET"], [":scheme", "ftp"], [":authority", "a"], [":path", "/x"]] as const;
  assertEquals(await exchangeHttp2(connection, fields), 400);
});

Deno.test({
  name: "over TLS, HTTP/1 without Host is 400 if a field shows the version, and HTTP/2 needs no Host",
  ignore: !hasOpenssl,
  async fn() {
    await using backend = await startRecorder();
    await using certificate = await makeCertificate();
    const handle = conductor({ services: [{ name: "a", url: backend.url }] });
    const { cert, key } = certificate;
    const server = await serve(handle, { hostname: "127.0.0.1", port: 0, tls: { cert, key } });
    await using _ = { [Symbol.asyncDispose]: () => server.shutdown() };
    const connect = (protocol: string) =>
      Deno.connectTls({
        port: server.port,
        hostname: "127.0.0.1",
        caCerts: [cert],
        alpnProtocols: [protocol],
      });
    const localhost = `localhost:${server.port}`;
    for (const requestLine of ["GET /x HTTP/1.1", "GET /x HTTP/1.0", "GET https://a/x HTTP/1.1"]) {
      using connection = await connect("http/1.1");
      assertEquals(await statusOf(connection, [requestLine, CLOSE]), 400);
    }
    using old = await connect("http/1.1");
    assertEquals(await statusOf(old, ["GET /x HTTP/1.1", `Host: ${localhost}`, CLOSE]), 200);
    using connection = await connect("h2");
    const fields = [[":method", "GET"], [":scheme", "https"], [":authority", localhost], [":path", "/x"]] as const;
    assertEquals(await exchangeHttp2(connection, fields), 200);
    assertEquals(backend.heads.length, 2);
  },
});

// Limits of Deno's server (docs/reference/limits.md). A row that fails shows that a limit is gone.
Deno.test("limit: an absolute target without Host is accepted if no field shows that it is HTTP/1", async () => {
  await using backend = await startRecorder();
  await using front = startConductor({ services: [{ name: "a", url: backend.url, host: "preserve" }] });
  using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
  await connection.write(toBytes("GET http://a/x HTTP/1.1\r\n\r\n"));
  await connection.read(new Uint8Array(1_024));
  assertStringIncludes(backend.heads[0]!, "\r\nhost: a\r\n");
});
