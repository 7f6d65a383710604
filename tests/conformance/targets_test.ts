/** Bytes outside ASCII in a request: matching and services get them as sent, or the client gets 400. */

import { assertEquals, assertMatch } from "@std/assert";
import { conductor, type ConfigInput, type Transport } from "@zeek/conductor";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { exchangeHttp2 } from "../_support/http2_client.ts";
import { toBytes } from "../_support/latin1.ts";
import { readToEnd } from "../_support/raw_response.ts";
import { startConductor, startListening } from "../_support/servers.ts";
import { type SocketBackend, startSocketBackend } from "../_support/socket_backend.ts";
import { COMBINATIONS, TRANSPORTS } from "../_support/transports.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/** Three bytes of UTF-8: one character beyond U+00FF. */
const NICHI = "\xe6\x97\xa5";
/** Two bytes of UTF-8: one character up to U+00FF. */
const E_ACUTE = "\xc3\xa9";

/** Starts a backend that records the heads of its requests, one character for each byte. */
async function startRecorder(): Promise<SocketBackend & { readonly heads: string[] }> {
  const heads: string[] = [];
  const backend = await startSocketBackend(async ({ head }, { write }) => {
    heads.push(head);
    await write(OK);
  });
  return { ...backend, heads };
}

function targetsOf(heads: readonly string[]): string[] {
  return heads.map((head) => head.slice(head.indexOf(" ") + 1, head.indexOf(" HTTP/1.1\r\n")));
}

/** Returns the status of the response to a raw request head over HTTP/1.1. */
async function statusOf(port: number, requestLine: string, ...lines: readonly string[]): Promise<number> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const host = lines.some((line) => /^host:/i.test(line)) ? [] : ["Host: h"];
  await connection.write(toBytes([requestLine, ...host, ...lines, "Connection: close", "", ""].join("\r\n")));
  return Number((await readToEnd(connection)).slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
}

async function http2StatusOf(port: number, target: string, authority = "h"): Promise<number | "refused"> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  return await exchangeHttp2(connection, [
    [":method", "GET"],
    [":scheme", "http"],
    [":authority", authority],
    [":path", target],
  ]);
}

// Columns: the client's target; the target over `fetch`.
const CARRIED: readonly (readonly [sent: string, overFetch: string])[] = [
  [`/${NICHI}`, "/%E6%97%A5"],
  [`/caf${E_ACUTE}`, "/caf%C3%A9"],
  [`/x?q=${NICHI}&r=caf${E_ACUTE}`, "/x?q=%E6%97%A5&r=caf%C3%A9"],
  [`/${NICHI}/%e6%97%a5?${E_ACUTE}=%C3%A9`, "/%E6%97%A5/%e6%97%a5?%C3%A9=%C3%A9"],
  ["/\xf0\x9f\x98\x80", "/%F0%9F%98%80"],
  // As Latin-1, these characters would be the bytes of an overlong `../`.
  ["/web/\xc3\x80\xc2\xae\xc3\x80\xc2\xae\xc3\x80\xc2\xaf", "/web/%C3%80%C2%AE%C3%80%C2%AE%C3%80%C2%AF"],
  // U+FFFD as sent by the client. Invalid UTF-8 does not arrive as U+FFFD.
  ["/\xef\xbf\xbd", "/%EF%BF%BD"],
  ["/caf%E9?%E9", "/caf%E9?%E9"],
];

/** Targets that must not reach a service, because a lenient decoder finds another path in them. */
const REFUSED: readonly string[] = [
  "/caf\xe9",
  "/x?caf\xe9",
  "/web/\xc0\xae\xc0\xae\xc0\xaf",
  "/web/%C0%AE%C0%AE%C0%AF",
  "/web/%c0%ae%c0%ae/admin",
  "/web/%C1%9C..",
  "/web/%E0%80%AE%E0%80%AE/admin",
  "/web/..%E0%80%AFadmin",
  "/web/%F0%80%80%AE%F0%80%80%AE/admin",
  "/web/%F8%80%80%80%AE/admin",
  "/web/%FC%80%80%80%80%AE/admin",
  "/web/..;/admin",
  "/web/..;x=1/admin",
  "/web/%2e%2e%3b/admin",
  "/web/a%2f..;/admin",
  "/\xed\xa0\x80",
  "/a\x7fb",
  "/x?a\x7fb",
  "/x?a\x01b",
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const [version, send] of [["HTTP/1.1", http1], ["HTTP/2", http2StatusOf]] as const) {
    // The node listener has no HTTP/2, and refuses bytes outside ASCII (docs/reference/limits.md).
    if (listener === "node" && version === "HTTP/2") continue;
    for (const [sent, overFetch] of CARRIED.filter(([sent]) => listener === "deno" || /^[ -~]*$/.test(sent))) {
      Deno.test(`${name(sent)} over ${version} reaches primary and shadow as sent, over ${over}`, async () => {
        await using primary = await startRecorder();
        await using shadow = await startRecorder();
        await using front = await startListening(listener, {
          services: [{ name: "a", url: primary.url }, { name: "b", url: shadow.url, shadow: true }],
        }, { transport: create() });
        assertEquals(await send(front.port, sent), 200);
        await front.event(({ type, ...more }) => type === "settled" && "service" in more && more.service === "b");
        const expected = over === "fetch" ? overFetch : sent;
        assertEquals([targetsOf(primary.heads), targetsOf(shadow.heads)], [[expected], [expected]]);
      });
    }
  }
}

const SENDERS = [["HTTP/1.1", http1, "deno"], ["HTTP/2", http2StatusOf, "deno"], ["HTTP/1.1", http1, "node"]] as const;

for (const [version, send, listener] of SENDERS) {
  const alsoRefused = listener === "deno"
    ? []
    : CARRIED.filter(([sent]) => !/^[ -~]*$/.test(sent)).map(([sent]) => sent);
  for (const sent of [...REFUSED, ...alsoRefused]) {
    Deno.test(`${name(sent)} over ${version} reaches no service with the ${listener} listener`, async () => {
      await using backend = await startRecorder();
      await using front = await startListening(listener, { services: [{ name: "a", url: backend.url }] });
      const status = await send(front.port, sent);
      assertEquals([status === "refused" ? 400 : status, backend.heads], [400, []]);
    });
  }
}

async function http1(port: number, target: string): Promise<number> {
  return await statusOf(port, `GET ${target} HTTP/1.1`);
}

function name(sent: string): string {
  return sent.replaceAll(/[^\x21-\x7e]/g, (character) => `<${character.charCodeAt(0).toString(16)}>`);
}

Deno.test({
  name: "a target outside ASCII arrives as sent over TLS, where HTTP/2 is negotiated",
  ignore: !hasOpenssl,
  async fn() {
    await using backend = await startRecorder();
    await using certificate = await makeCertificate();
    const { cert, key } = certificate;
    const handle = conductor({ services: [{ name: "a", url: backend.url }] });
    const options = { port: 0, hostname: "127.0.0.1", cert, key, onListen() {} };
    await using server = Deno.serve(options, (request) => handle(request));
    using connection = await Deno.connectTls({
      port: server.addr.port,
      hostname: "127.0.0.1",
      caCerts: [cert],
      alpnProtocols: ["h2"],
    });
    const fields = [[":method", "GET"], [":scheme", "https"], [":authority", "h"], [":path", `/${NICHI}?${E_ACUTE}`]];
    assertEquals(await exchangeHttp2(connection, fields as [string, string][]), 200);
    assertEquals(targetsOf(backend.heads), [`/${NICHI}?${E_ACUTE}`]);
  },
});

// Every spelling of a path matches the same route, and loses the same prefix.
for (const pattern of ["/日本", "/%E6%97%A5%E6%9C%AC", "/%e6%97%a5%e6%9c%ac"]) {
  for (const sent of [`/${NICHI}\xe6\x9c\xac/x`, "/%E6%97%A5%E6%9C%AC/x", "/%e6%97%A5\xe6\x9c\xac/x"]) {
    Deno.test(`${name(sent)} matches ${pattern}, and the prefix is stripped from the bytes as sent`, async () => {
      await using backend = await startRecorder();
      await using other = await startRecorder();
      await using front = startConductor({
        services: [
          { name: "a", url: `${backend.url}/base`, pathPrefix: pattern, stripPrefix: true },
          { name: "b", url: other.url },
        ],
      });
      assertEquals(await http1(front.port, `${sent}/${E_ACUTE}`), 200);
      assertEquals([targetsOf(backend.heads), other.heads], [[`/base/x/${E_ACUTE}`], []]);
    });
  }
}

Deno.test("the log and the events contain a target outside ASCII in percent-encoded form", async () => {
  await using backend = await startRecorder();
  await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
  await http1(front.port, `/caf${E_ACUTE}`);
  const responded = await front.event(({ type }) => type === "responded");
  assertEquals("path" in responded && responded.path, "/caf%C3%A9");
});

Deno.test("a transport of the embedding program gets a target that is valid in a URL", async () => {
  await using backend = await startRecorder();
  const transport: Transport = async ({ origin, target }) => {
    const { status, headers } = await fetch(origin + target);
    return { ok: true, response: { status, headers: [...headers], body: null } };
  };
  await using front = startConductor({ services: [{ name: "a", url: backend.url }] }, { transport });
  assertEquals(await http1(front.port, `/caf${E_ACUTE}?${NICHI}`), 200);
  assertEquals(targetsOf(backend.heads), ["/caf%C3%A9?%E6%97%A5"]);
});

// Bytes elsewhere in the head. Columns: the name; the lines; the status of the response; the line that a service
// receives.
const ELSEWHERE: readonly (readonly [name: string, lines: readonly string[], status: number, arrives?: string])[] = [
  ["obs-text in a value", ["X-A: caf\xe9 \xff\x80"], 200, "x-a: caf\xe9 \xff\x80"],
  ["UTF-8 in a value", [`X-A: ${NICHI}`], 200, `x-a: ${NICHI}`],
  ["UTF-8 in a User-Agent", [`User-Agent: ${NICHI}`], 200, `user-agent: ${NICHI}`],
  ["obs-text in Via", ["Via: 1.1 caf\xe9"], 200, "via: 1.1 caf\xe9, 1.1 conductor-"],
  [
    "obs-text in a forwarding field",
    ["X-Forwarded-Host: caf\xe9", "X-Forwarded-For: \xe9"],
    200,
    "x-forwarded-host: caf\xe9",
  ],
  ["obs-text in Forwarded", ["Forwarded: for=\xe9"], 200, "forwarded: for=\xe9, for=127.0.0.1"],
  ["obs-text in the trace", ["Traceparent: \xe9", "Tracestate: \xe9"], 200],
  ["obs-text in a request id", ["X-Request-Id: \xe9"], 200],
  ["obs-text in Connection", ["Connection: \xe9, close"], 200],
  ["UTF-8 in Host", [`Host: h${NICHI}`], 400],
  ["obs-text in Host", ["Host: h\xe9"], 400],
];

for (const [over, create, listener] of COMBINATIONS) {
  for (const [what, lines, status, arrives] of ELSEWHERE) {
    Deno.test(`${what} is ${status}, over ${over}`, async () => {
      await using backend = await startRecorder();
      const config: ConfigInput = {
        services: [{ name: "a", url: backend.url, host: "preserve" }],
        trustProxy: ["127.0.0.1"],
        forwarded: true,
      };
      await using front = await startListening(listener, config, { transport: create() });
      assertEquals(await statusOf(front.port, "GET /x HTTP/1.1", ...lines), status);
      assertEquals(backend.heads.length, status === 200 ? 1 : 0);
      if (arrives !== undefined) {
        assertMatch(backend.heads[0]!, new RegExp(`\r\n${RegExp.escape(arrives)}`, "i"));
      }
    });
  }
}

/** Requests that a transport cannot send. */
const UNSENDABLE: readonly (readonly [name: string, method: string, target: string])[] = [
  ["a target of 30,000 bytes that fetch makes three times as long", "GET", `/${NICHI.repeat(10_000)}`],
  ["a method that fetch forbids", "TRACK", "/"],
  ["a method that fetch changes to GET", "get", "/"],
];

for (const [what, method, target] of UNSENDABLE) {
  Deno.test(`${what} is 400 over fetch, and opens no breaker`, async () => {
    await using backend = await startRecorder();
    await using front = startConductor({
      services: [{ name: "a", url: backend.url, breaker: { failures: 1 } }],
    }, { transport: TRANSPORTS.find(([over]) => over === "fetch")![1]() });
    assertEquals(await statusOf(front.port, `${method} ${target} HTTP/1.1`), 400);
    assertEquals(
      front.events.filter(({ type }) => type === "settled").map((event) => "failure" in event && event.failure),
      [
        "unsendable",
      ],
    );
    assertEquals(await statusOf(front.port, "GET / HTTP/1.1"), 200);
  });
}

Deno.test("a shadow with credentials: false gets the bytes of the target as sent, without the secrets", async () => {
  await using primary = await startRecorder();
  await using shadow = await startRecorder();
  await using front = startConductor({
    services: [
      { name: "main", url: primary.url, primary: true },
      { name: "bare", url: shadow.url, shadow: true, credentials: false },
    ],
  });
  const target = `/${NICHI};jsessionid=1/a?q=${E_ACUTE}&token=${NICHI}&r=1`;
  assertEquals(await statusOf(front.port, `GET ${target} HTTP/1.1`), 200);
  await front.event(({ type, ...event }) => type === "settled" && "service" in event && event.service === "bare");
  assertEquals(targetsOf(primary.heads), [target]);
  assertEquals(targetsOf(shadow.heads), [`/${NICHI}/a?q=${E_ACUTE}&r=1`]);
});
