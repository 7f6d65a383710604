/** WebSockets and other protocols through the node listener, with clients and servers of npm's `ws`. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { ConfigInput } from "@zeek/conductor";
import { TimeoutQueues } from "../../src/lib/timeout_queues.ts";
import { OpenTunnels } from "../../src/policy/open_tunnels.ts";
import { MirroredTunnels } from "../../src/proxy/mirrored_tunnels.ts";
import { Tunnel } from "../../src/proxy/tunnel.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import {
  exchangeRaw,
  readUntil,
  refusingUrl,
  startConductor,
  startRawBackend,
  untilRefused,
} from "../_support/servers.ts";
import { freePort } from "../_support/ports.ts";
import { startRawTlsBackend } from "../_support/tls_backends.ts";
import { connect, startEchoServer, startUpgradeFront } from "../_support/web_sockets.ts";

const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
const HANDSHAKE = `GET /socket HTTP/1.1\r\nHost: a.example\r\n${UPGRADE}` +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/** One primary with `upgrade: true`. */
function configOf(url: string, more: object = {}): ConfigInput {
  return { services: [{ name: "api", url, primary: true, upgrade: true, ...more }] };
}

for (const over of ["http", "https", "https without verification"]) {
  const isSecure = over !== "http";
  Deno.test({
    name: `a WebSocket over ${over} keeps subprotocol, compression, pings, fragments, large messages and close codes`,
    ignore: isSecure && !hasOpenssl,
    async fn() {
      await using certificate = isSecure ? await makeCertificate() : undefined;
      const tls = certificate && { cert: certificate.cert, key: certificate.key };
      await using echo = await startEchoServer({ deflate: true, ...(tls && { tls }) });
      await using front = await startUpgradeFront({
        ...configOf(echo.url, tls && { tls: over === "https" ? { ca: tls.cert } : { insecure: true } }),
        ...(tls && { tls }),
      });
      await using client = await connect(front.url, ["chat.v2", "chat.v1"], { perMessageDeflate: true });
      assertEquals(client.socket.protocol, "chat.v2");
      assert(client.socket.extensions.includes("permessage-deflate"));

      const pong = new Promise((resolve) => client.socket.on("pong", (data: Uint8Array) => resolve(`${data}`)));
      client.socket.ping("beat");
      assertEquals(await pong, "beat");

      client.socket.send("frag", { fin: false });
      client.socket.send("ment", { fin: true });
      assertEquals(await client.messages(1), ["fragment"]);

      const large = new Uint8Array(5 * 2 ** 20).map((_, index) => (index * 7 + (index >> 8)) & 255);
      client.socket.send(large);
      assertEquals((await client.messages(2))[1], large);

      client.socket.close(4001, "done");
      assertEquals(await client.closed, 4001);
      await echo.until(({ closed }) => closed.length === 1);
      assertEquals(echo.closed, [4001]);
      const { closeCode, protocol, clientBytes } = await front.event("tunnel-closed");
      assertEquals([closeCode, protocol], [4001, "websocket"]);
      assert(clientBytes > 1_000, `${clientBytes} bytes`);
    },
  });
}

Deno.test("20,000 pipelined messages arrive in order", async () => {
  await using echo = await startEchoServer();
  await using front = await startUpgradeFront(configOf(echo.url));
  await using client = await connect(front.url);
  for (let index = 0; index < 20_000; index++) client.socket.send(`message ${index}`);
  const messages = await client.messages(20_000);
  for (const [index, message] of messages.entries()) assertEquals(message, `message ${index}`);
});

Deno.test("a failing primary falls back to the next service with `upgrade`", async () => {
  await using echo = await startEchoServer();
  await using front = await startUpgradeFront({
    services: [
      { name: "broken", url: refusingUrl(), primary: true, upgrade: true },
      { name: "spare", url: echo.url, upgrade: ["websocket"] },
    ],
  });
  await using client = await connect(front.url);
  client.socket.send("hello");
  assertEquals(await client.messages(1), ["hello"]);
  const { service, role } = await front.event("tunnel-opened");
  assertEquals([service, role], ["spare", "secondary"]);
});

Deno.test("a tunnel that is not selected is closed", async () => {
  await using first = await startEchoServer();
  await using second = await startEchoServer();
  await using front = await startUpgradeFront({
    services: [
      { name: "first", url: first.url, primary: true, upgrade: true },
      { name: "second", url: second.url, upgrade: true },
    ],
  });
  await using client = await connect(front.url);
  await second.until(({ closed }) => closed.length === 1);
  assertEquals(second.closed, [1006]);
  client.socket.send("hello");
  assertEquals(await client.messages(1), ["hello"]);
});

Deno.test("a 401 response to a handshake is relayed with header and body, and the connection stays usable", async () => {
  await using refusing = await startEchoServer({ refuseWith: 401 });
  await using front = await startUpgradeFront(configOf(refusing.url));
  await assertRejects(() => connect(front.url), Error, "status 401");
  const response = await exchangeRaw(
    front.port,
    `${HANDSHAKE}\r\nGET /next HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`,
  );
  assert(response.startsWith("HTTP/1.1 401 "), response);
  assert(/www-authenticate: Bearer/i.test(response), response);
  assert(response.includes("refused"), response);
  assertEquals(front.instance.admission.uploadsInFlight, 0);
});

Deno.test("a service without `upgrade` gets the request without Upgrade", async () => {
  await using backend = startRawBackend(async (connection) => {
    const head = await readUntil(connection);
    await connection.write(new TextEncoder().encode(
      `HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX-Upgrade: ${/upgrade/i.test(head)}\r\nConnection: close\r\n\r\n.`,
    ));
  });
  for (const upgrade of [false, "mqtt"]) {
    await using front = await startUpgradeFront(configOf(backend.url, { upgrade }));
    const response = await exchangeRaw(front.port, HANDSHAKE.replace("Upgrade\r\n", "Upgrade, close\r\n") + "\r\n");
    assert(/^HTTP\/1.1 200 .*x-upgrade: false/is.test(response), response);
  }
});

Deno.test("a service gets only the protocols that it may switch to, and Sec-WebSocket fields as sent", async () => {
  const heads: string[] = [];
  await using backend = startRawBackend(async (connection) => {
    heads.push(await readUntil(connection));
    await connection.write(new TextEncoder().encode("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
  });
  await using front = await startUpgradeFront(configOf(backend.url));
  const request = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings, close\r\n" +
    "Upgrade: h2c, WebSocket\r\nHTTP2-Settings: AAMAAABk\r\nSec-WebSocket-Extensions: a; b=1,  c\r\n\r\n";
  assert((await exchangeRaw(front.port, request)).startsWith("HTTP/1.1 204"));
  const lines = heads[0]!.split("\r\n");
  assertEquals(lines.filter((line) => /^(connection|upgrade|http2-settings|sec-)/i.test(line)), [
    "Sec-WebSocket-Extensions: a; b=1,  c",
    "connection: upgrade",
    "upgrade: WebSocket",
  ]);
});

for (
  const [name, head] of [
    ["a 101 response with another protocol is a failure of the service", "Connection: Upgrade\r\nUpgrade: h2c\r\n"],
    ["a 101 response without a protocol is a failure of the service", "Connection: Upgrade\r\n"],
    ["a 101 response without the option upgrade in Connection is a failure of the service", "Upgrade: websocket\r\n"],
  ] as const
) {
  Deno.test(name, async () => {
    await using backend = startRawBackend(async (connection) => {
      await readUntil(connection);
      await connection.write(
        new TextEncoder().encode(`HTTP/1.1 101 Switching Protocols\r\n${head}\r\nHTTP/1.1 200 OK\r\n\r\n`),
      );
      await readUntil(connection, "\0");
    });
    await using front = await startUpgradeFront(configOf(backend.url));
    const response = await exchangeRaw(front.port, HANDSHAKE.replace("Upgrade\r\n", "Upgrade, close\r\n") + "\r\n");
    assert(response.startsWith("HTTP/1.1 502 "), response);
    assertEquals((await front.event("settled")).failure, "protocol");
  });
}

/** Returns a 101 response, and the first bytes of the protocol. */
function switching(protocol: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\nearly `;
}

/** Switches to a protocol, then calls `serve`. */
function startProtocol(protocol: string, serve: (connection: Deno.Conn) => Promise<void>) {
  return startRawBackend(async (connection) => {
    await readUntil(connection);
    await connection.write(new TextEncoder().encode(switching(protocol)));
    await serve(connection);
  });
}

/** Connects with an upgrade, and returns the connection with everything up to the first bytes of the protocol. */
async function switchTo(
  port: number,
  protocol: string,
  first = "",
): Promise<{ connection: Deno.TcpConn; head: string }> {
  const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const request = `GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: ${protocol}\r\n\r\n${first}`;
  await connection.write(new TextEncoder().encode(request));
  return { connection, head: await readUntil(connection, "early ") };
}

Deno.test("a protocol other than WebSocket is relayed byte for byte, with bytes before the 101 and half-closed ends", async () => {
  const got = Promise.withResolvers<string>();
  await using backend = await startProtocol("line/1", async (connection) => {
    got.resolve(await readUntil(connection, "\0never"));
    await connection.write(new TextEncoder().encode("last words"));
  });
  await using front = await startUpgradeFront(configOf(backend.url, { upgrade: "line" }));
  const { connection, head } = await switchTo(front.port, "line/1", "first ");
  using _ = connection;
  assert(
    /^HTTP\/1.1 101 .*connection: upgrade\r\nupgrade: line\/1\r\n.*x-conductor-service: api\r\n/is.test(head),
    head,
  );
  await connection.write(new TextEncoder().encode("second"));
  await connection.closeWrite();
  assertEquals(await got.promise, "first second");
  assertEquals(await readUntil(connection, "\0never"), "last words");
  const { cause, closeCode, clientBytes, serviceBytes } = await front.event("tunnel-closed");
  assertEquals([cause, closeCode, clientBytes, serviceBytes], ["client", undefined, 12, 16]);
});

for (const isVerified of [true, false]) {
  Deno.test({
    name: `a client can end its side of a tunnel over TLS ${isVerified ? "with" : "without"} verification`,
    ignore: !hasOpenssl,
    async fn() {
      await using certificate = await makeCertificate();
      const got = Promise.withResolvers<string>();
      await using backend = startRawTlsBackend(certificate, async (connection) => {
        await connection.write(new TextEncoder().encode(switching("line")));
        got.resolve(await readUntil(connection, "\0never"));
        await connection.write(new TextEncoder().encode("last words"));
      });
      const tls = isVerified ? { ca: certificate.cert } : { insecure: true };
      await using front = await startUpgradeFront(configOf(backend.url, { tls }));
      const { connection } = await switchTo(front.port, "line", "first ");
      using _ = connection;
      await connection.closeWrite();
      assertEquals(await got.promise, "first ");
      assertEquals(await readUntil(connection, "\0never"), "last words");
    },
  });
}

Deno.test("a reader that stalls slows the other side, in both directions", async () => {
  const total = 64 * 2 ** 20;
  let written = 0;
  const write = async (connection: Deno.Conn) => {
    const chunk = new Uint8Array(2 ** 20);
    for (written = 0; written < total; written += chunk.length) {
      for (let sent = 0; sent < chunk.length;) sent += await connection.write(chunk.subarray(sent));
    }
  };
  const stall = Promise.withResolvers<void>();
  for (const direction of ["to the client", "to the service"]) {
    await using backend = await startProtocol(
      "bulk",
      async (connection) => await (direction === "to the client" ? write(connection) : stall.promise),
    );
    await using front = await startUpgradeFront(configOf(backend.url));
    const { connection } = await switchTo(front.port, "bulk");
    using _ = connection;
    if (direction === "to the service") write(connection).catch(() => {});
    let before = -1;
    while (before !== written || written === 0) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert(written < total / 2, `${written} bytes were taken ${direction}`);
  }
  stall.resolve();
});

Deno.test("a silent tunnel is closed after `upgradeIdleTimeout`, an active one is not", async () => {
  await using echo = await startEchoServer();
  await using front = await startUpgradeFront({ ...configOf(echo.url), upgradeIdleTimeout: "1s" });
  await using busy = await connect(front.url);
  await using silent = await connect(front.url);
  const beats = setInterval(() => busy.socket.send("beat"), 200);
  try {
    assertEquals(await silent.closed, 1006);
    const { cause, closeCode, durationMs } = await front.event("tunnel-closed");
    assertEquals([cause, closeCode], ["idle", undefined]);
    assert(durationMs >= 990, `${durationMs} ms`);
    const count = busy.received.length;
    await busy.messages(count + 2);
  } finally {
    clearInterval(beats);
  }
});

Deno.test("a drain sends 1001 to WebSocket clients between two frames, and closes what is left after the grace", async () => {
  await using echo = await startEchoServer();
  await using raw = await startProtocol("line", async (connection) => void await readUntil(connection, "\0"));
  await using front = await startUpgradeFront({
    services: [
      { name: "api", url: echo.url, primary: true, upgrade: true, path: "/socket" },
      { name: "raw", url: raw.url, primary: true, upgrade: true, path: "/" },
    ],
  });
  await using client = await connect(front.url);
  const { connection } = await switchTo(front.port, "line");
  using _ = connection;
  const large = new Uint8Array(8 * 2 ** 20);
  const begun = client.firstBytes();
  client.socket.send(large);
  await begun;
  assertEquals(client.received.length, 0, "the frame is on its way");
  const drained = front.instance.tunnels.drain(300);
  assertEquals(await client.closed, 1001);
  assertEquals(client.received.map(({ length }) => length), [large.length]);
  await echo.until(({ closed }) => closed.length === 1);
  assertEquals(echo.closed, [1001]);
  assertEquals(await readUntil(connection, "\0"), "");
  await drained;
  assertEquals(front.instance.tunnels.count, 0);
  for (const service of ["api", "raw"]) {
    const closed = await front.event("tunnel-closed", (event) => event.service === service);
    assertEquals(closed.cause, "shutdown", service);
  }
});

for (const scheme of ["http", "https"] as const) {
  Deno.test({
    name: `a reload leaves open tunnels over ${scheme} alone, even if their service is gone`,
    ignore: scheme === "https" && !hasOpenssl,
    async fn() {
      await using certificate = scheme === "https" ? await makeCertificate() : undefined;
      await using renewed = scheme === "https" ? await makeCertificate() : undefined;
      const tls = certificate && { cert: certificate.cert, key: certificate.key };
      await using echo = await startEchoServer(tls && { tls });
      const toService = tls && { tls: { ca: tls.cert } };
      await using front = await startUpgradeFront({ ...configOf(echo.url, toService), ...(tls && { tls }) });
      await using client = await connect(front.url);
      const sent: string[] = [];
      const check = async (text: string) => {
        client.socket.send(text);
        sent.push(text);
        assertEquals(await client.messages(sent.length), sent);
      };
      const where = { port: 0, hostname: "127.0.0.1", listener: "node", ...(tls && { tls }) };
      const next = { ...where, ...configOf(refusingUrl(), { name: "new" }) };
      await front.server.apply(validateConfig(next).config);
      await assertRejects(() => connect(front.url), Error, "status 502");
      await check("still here");
      if (renewed !== undefined) {
        // A new certificate needs a new listener on the same port.
        const ofRenewed = { ...next, tls: { cert: renewed.cert, key: renewed.key } };
        await front.server.apply(validateConfig(ofRenewed).config);
        await check("with the old certificate");
      }
      // The old listener is closed.
      await front.server.apply(validateConfig({ ...next, port: freePort() }).config);
      await untilRefused(front.url);
      await check("and here");
      assertEquals([front.instance.tunnels.count, echo.clients.size], [1, 1]);
    },
  });
}

Deno.test("`maxTunnels` refuses further upgrades with 503, and counts open tunnels only", async () => {
  await using echo = await startEchoServer();
  await using front = await startUpgradeFront({
    ...configOf(echo.url),
    limits: { maxTunnels: 1, maxInFlightPerClient: 9 },
  });
  {
    await using _client = await connect(front.url);
    await assertRejects(() => connect(front.url), Error, "status 503");
    assertEquals((await front.event("responded", ({ status }) => status === 503)).refusal, "max-tunnels");
  }
  await front.event("tunnel-closed");
  await using client = await connect(front.url);
  client.socket.send("hello");
  assertEquals(await client.messages(1), ["hello"]);
});

Deno.test("an open tunnel counts as a request in flight and as an attempt of its service", async () => {
  await using echo = await startEchoServer();
  await using front = await startUpgradeFront({
    ...configOf(echo.url),
    limits: { maxInFlight: 1, maxInFlightPerClient: 1, maxConnectionsPerService: 1 },
  });
  {
    await using _client = await connect(front.url);
    const response = await fetch(`${front.url}/socket`);
    await response.body?.cancel();
    assertEquals(response.status, 503);
  }
  await front.event("relayed", ({ service }) => service === "api");
  await using client = await connect(front.url);
  assertEquals(client.socket.readyState, 1);
});

Deno.test("a client that breaks the connection ends the tunnel of the service", async () => {
  await using echo = await startEchoServer();
  await using front = await startUpgradeFront(configOf(echo.url));
  await using client = await connect(front.url);
  client.socket.terminate();
  await echo.until(({ closed }) => closed.length === 1);
  assertEquals(echo.closed, [1006]);
  await front.event("tunnel-closed");
});

Deno.test("a service that breaks the connection ends the tunnel of the client", async () => {
  await using echo = await startEchoServer({
    onConnection: (socket) => socket.on("message", () => socket.terminate()),
  });
  await using front = await startUpgradeFront(configOf(echo.url));
  await using client = await connect(front.url);
  client.socket.send("die");
  assertEquals(await client.closed, 1006);
  assertEquals((await front.event("tunnel-closed")).closeCode, 1006);
});

Deno.test("Upgrade is ignored in HTTP/1.0 and with a body", async () => {
  await using backend = startRawBackend(async (connection) => {
    const isUpgrade = /upgrade/i.test(await readUntil(connection));
    await connection.write(
      new TextEncoder().encode(`HTTP/1.1 ${isUpgrade ? 500 : 204} .\r\nConnection: close\r\n\r\n`),
    );
  });
  await using front = await startUpgradeFront(configOf(backend.url));
  const close = HANDSHAKE.replace("Upgrade\r\n", "Upgrade, close\r\n");
  for (const request of [`${close.replace("HTTP/1.1", "HTTP/1.0")}\r\n`, `${close}Content-Length: 1\r\n\r\n.`]) {
    const response = await exchangeRaw(front.port, request);
    assert(response.startsWith("HTTP/1.1 204 "), response);
  }
});

Deno.test("a 426 response of a service with `upgrade` is relayed with Upgrade", async () => {
  await using backend = startRawBackend(async (connection) => {
    await readUntil(connection);
    const head =
      "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\nContent-Length: 0\r\n";
    await connection.write(new TextEncoder().encode(`${head}\r\n`));
  });
  const request = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
  for (const upgrade of [true, false]) {
    await using front = await startUpgradeFront(configOf(backend.url, { upgrade }));
    const response = await exchangeRaw(front.port, request);
    assert(response.startsWith("HTTP/1.1 426 "), response);
    assertEquals(/connection: upgrade, close\r\nupgrade: websocket\r\n/i.test(response), upgrade, response);
  }
});

Deno.test("over Deno.serve, a request for an upgrade gets 501 that names the listener", async () => {
  await using backend = await startEchoServer();
  await using front = startConductor(configOf(backend.url, { upgrade: "websocket" }));
  const close = HANDSHAKE.replace("Upgrade\r\n", "Upgrade, close\r\n");
  const response = await exchangeRaw(front.port, `${close}\r\n`);
  assert(/^HTTP\/1.1 501 .*listener: node/is.test(response), response);
  const other = await exchangeRaw(front.port, close.replace("websocket", "h2c") + "\r\n");
  assert(other.startsWith("HTTP/1.1 426 "), other);
});

Deno.test("bytes of an open tunnel are reported every ten seconds, and the rest at its end", async () => {
  using time = new FakeTime();
  const reports: [number, number][] = [];
  const closed: unknown[] = [];
  const [client, service] = [scriptedEnd(), scriptedEnd()];
  const now = () => time.now;
  const tunnel = new Tunnel({
    client,
    service,
    protocol: "line",
    mirrors: new MirroredTunnels({ offered: [], windowBytes: 0, now, onOpen() {}, onClose() {}, onSkip() {} }),
    idleTimeoutMs: 60_000,
    deadlines: new TimeoutQueues(now),
    now,
    tunnels: new OpenTunnels(),
    onProgress: (...bytes) => reports.push(bytes),
    onClose: ({ clientBytes, serviceBytes }) => closed.push([clientBytes, serviceBytes]),
  });
  await client.give(5);
  await service.give(7);
  await time.tickAsync(10_001);
  assertEquals(reports, [[5, 7]]);
  await time.tickAsync(10_001);
  assertEquals(reports, [[5, 7]], "nothing has moved");
  await client.give(1);
  tunnel.close();
  assertEquals([reports, closed], [[[5, 7], [1, 0]], [[6, 7]]]);
});

/** A tunnel end whose incoming bytes the test provides. */
function scriptedEnd() {
  let arrived = Promise.withResolvers<Uint8Array<ArrayBuffer> | null>();
  return {
    read: () => arrived.promise,
    write: () => Promise.resolve(),
    end() {},
    destroy() {},
    /** Provides bytes, and waits until they have been relayed. */
    async give(bytes: number): Promise<void> {
      const { resolve } = arrived;
      arrived = Promise.withResolvers();
      resolve(new Uint8Array(bytes));
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    },
  };
}
