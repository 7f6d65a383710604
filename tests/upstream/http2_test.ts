/** Services with HTTP/2. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fetchTransport } from "@zeek/conductor";

import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { startRelay } from "../_support/relay.ts";
import { readUntil, refusingUrl, startBackend, startConductor, startRawBackend } from "../_support/servers.ts";
import { startHoldingRelay, startImpostor, startTlsBackend } from "../_support/tls_backends.ts";
import { bodyOf, transportRequest } from "../_support/transports.ts";

const PREFACE = /^PRI \* HTTP\/2\.0\r\n\r\nSM\r\n\r\n/;
const body = new TextEncoder().encode("x");

Deno.test("fetchTransport() speaks HTTP/2 by prior knowledge with an http backend", async () => {
  await using backend = startBackend((_, body) => new Response(`got ${body}`));
  await using relay = await startRelay(backend.port);
  const transport = fetchTransport();
  assertEquals(await bodyOf(await transport(transportRequest(relay.url, { http2: true }))), "got ");
  assertEquals(
    await bodyOf(await transport(transportRequest(relay.url, { http2: true, method: "POST", body }))),
    "got x",
  );
  const stream = new Blob([body]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
  assertEquals(
    await bodyOf(await transport(transportRequest(relay.url, { http2: true, method: "PUT", body: stream }))),
    "got x",
  );
  assertEquals(relay.hellos.length, 3);
  for (const hello of relay.hellos) assertMatch(hello, PREFACE);
});

Deno.test("fetchTransport() keeps an HTTP/2 connection only for requests that may be repeated", async () => {
  await using backend = startBackend();
  await using relay = await startRelay(backend.port);
  const transport = fetchTransport();
  for (const method of ["GET", "GET", "OPTIONS"]) {
    await bodyOf(await transport(transportRequest(relay.url, { http2: true, method })));
  }
  assertEquals(relay.hellos.length, 1);
  relay.break("close");
  await relay.idle();
  await bodyOf(await transport(transportRequest(relay.url, { http2: true, method: "DELETE" })));
  await relay.idle();
});

Deno.test({
  name: "fetchTransport() negotiates HTTP/2 with an https backend, and offers no other version",
  ignore: !hasOpenssl,
  fn: async () => {
    const hello = Promise.withResolvers<string>();
    await using impostor = startImpostor((_, bytes) => hello.resolve(bytes));
    const transport = fetchTransport();
    assertEquals(await bodyOf(await transport(transportRequest(impostor.url, { http2: true }))), "tls");
    assertMatch(await hello.promise, /h2/);
    assert(!(await hello.promise).includes("http/1.1"));

    await using certificate = await makeCertificate();
    await using backend = startTlsBackend(certificate);
    const tls = { ca: certificate.cert, serverName: undefined, insecure: false };
    const more = { http2: true, tls };
    assertEquals(await bodyOf(await transport(transportRequest(backend.url, more))), "GET ");
    assertEquals(
      await bodyOf(await transport(transportRequest(backend.url, { ...more, method: "POST", body }))),
      "POST x",
    );
    assertEquals(await bodyOf(await transport(transportRequest(backend.url, { http2: true }))), "tls");
  },
});

Deno.test("fetchTransport() records protocol for an http backend that does not speak HTTP/2", async () => {
  await using backend = startRawBackend(async (connection) => {
    await readUntil(connection);
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"));
  });
  assertEquals(await bodyOf(await fetchTransport()(transportRequest(backend.url, { http2: true }))), "protocol");
});

Deno.test({
  name: "fetchTransport() records tls for an https backend that does not speak HTTP/2",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate();
    const { cert, key } = certificate;
    using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key, alpnProtocols: ["http/1.1"] });
    const refused = listener.accept().then(async (connection) => {
      await connection.handshake().catch(() => {});
      connection.close();
    });
    const tls = { ca: cert, serverName: undefined, insecure: false };
    const url = `https://127.0.0.1:${listener.addr.port}/`;
    assertEquals(await bodyOf(await fetchTransport()(transportRequest(url, { http2: true, tls }))), "tls");
    await refused;
  },
});

/** Requests that wait for one connection. */
const PARALLEL = 10;

async function kindsOf(url: string, more: Parameters<typeof transportRequest>[1] = {}): Promise<string[]> {
  const transport = fetchTransport();
  const requests = Array.from({ length: PARALLEL }, () => transport(transportRequest(url, { http2: true, ...more })));
  return await Promise.all(requests.map(async (request) => bodyOf(await request)));
}

Deno.test({
  name: "fetchTransport() records tls for every parallel HTTP/2 request to a certificate that cannot be verified",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate();
    await using backend = startTlsBackend(certificate);
    assertEquals(new Set(await kindsOf(backend.url)), new Set(["tls"]));
  },
});

Deno.test("fetchTransport() records the cause for every parallel HTTP/2 request that cannot connect", async () => {
  assertEquals(new Set(await kindsOf(refusingUrl())), new Set(["refused"]));
  assertEquals(new Set(await kindsOf("http://no-such-host.invalid/")), new Set(["dns"]));
});

Deno.test({
  name: "fetchTransport() connects again if the request that was opening the HTTP/2 connection is aborted",
  ignore: !hasOpenssl,
  fn: async () => {
    await using certificate = await makeCertificate();
    await using backend = startTlsBackend(certificate);
    const released = Promise.withResolvers<void>();
    await using relay = startHoldingRelay(backend.port, () => released.promise);
    const transport = fetchTransport();
    const tls = { ca: certificate.cert, serverName: undefined, insecure: false };
    const first = new AbortController();
    const aborted = transport(transportRequest(relay.url, { http2: true, tls, signal: first.signal }));
    await relay.untilHeld(1);
    const others = Array.from({ length: PARALLEL }, () => transport(transportRequest(relay.url, { http2: true, tls })));
    // Takes longer than the others need to start waiting.
    await using plain = startBackend();
    assertEquals(await bodyOf(await transport(transportRequest(plain.url))), "ok");
    first.abort();
    assertEquals(await bodyOf(await aborted), "aborted");
    released.resolve();
    const results = await Promise.all(others.map(async (other) => bodyOf(await other)));
    assertEquals(new Set(results), new Set(["GET "]));
  },
});

/** Requests that must not be repeated. */
const UNSAFE: readonly (readonly [method: string, hasBody: boolean])[] = [
  ["POST", true],
  ["POST", false],
  ["PUT", true],
  ["DELETE", false],
  ["OPTIONS", true],
];

for (const end of ["close", "reset"] as const) {
  for (const [method, hasBody] of UNSAFE) {
    const request = `${method} with ${hasBody ? "a" : "no"} body`;
    Deno.test(`fetchTransport() never sends a ${request} twice over HTTP/2 when its connection breaks (${end})`, async () => {
      const released = Promise.withResolvers<void>();
      let hanging = 0;
      await using backend = startBackend(async ({ url }) => {
        if (new URL(url).pathname === "/once" && hanging++ === 0) await released.promise;
        return new Response("ok");
      });
      await using relay = await startRelay(backend.port);
      const transport = fetchTransport();
      assertEquals(await bodyOf(await transport(transportRequest(relay.url, { http2: true }))), "ok");
      const more = { http2: true, method, body: hasBody ? body : null };
      const result = transport(transportRequest(`${relay.url}/once`, more)).then(bodyOf);
      await backend.received(2);
      relay.break(end);
      const outcome = await result;
      released.resolve();
      assertEquals(outcome, "reset");
      assertEquals(backend.seen.filter(({ target }) => target === "/once").length, 1);
    });
  }
}

Deno.test("conductor reaches a service with http2 over HTTP/2, and another one over HTTP/1.1", async () => {
  await using backend = startBackend((_, body) => new Response(`got ${body}`));
  await using modern = await startRelay(backend.port);
  await using plain = await startRelay(backend.port);
  await using front = startConductor({
    services: [
      { name: "modern", url: modern.url, primary: true, http2: true },
      { name: "plain", url: plain.url },
    ],
  });
  const response = await fetch(front.url, { method: "POST", body: "x" });
  assertEquals([response.headers.get("x-conductor-service"), await response.text()], ["modern", "got x"]);
  assertMatch(modern.hellos[0]!, PREFACE);
  assertMatch(plain.hellos[0]!, /^POST \/ HTTP\/1\.1\r\n/);
});
