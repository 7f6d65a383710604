/** Shadows of upgraded connections: they get the client's bytes, and can never affect the client. */

import { assert, assertEquals } from "@std/assert";
import type { ConfigInput } from "@zeek/conductor";
import { readUntil, refusingUrl, startRawBackend } from "../_support/servers.ts";
import { connect, type EchoServer, startEchoServer, startUpgradeFront } from "../_support/web_sockets.ts";

/** A primary and a shadow, both with `upgrade: true`. */
function mirrored(primary: { readonly url: string }, shadow: { readonly url: string }, more: object = {}): ConfigInput {
  return {
    services: [
      { name: "api", url: primary.url, primary: true, upgrade: true },
      { name: "next", url: shadow.url, shadow: true, upgrade: true, ...more },
    ],
  };
}

const ofShadow = ({ role }: { readonly role: string }) => role === "shadow";

/** A backend that accepts each WebSocket handshake after `accepted`, and then reads nothing. */
function startHangingBackend(accepted: Promise<unknown> = Promise.resolve()) {
  return startRawBackend(async (connection) => {
    const key = /sec-websocket-key: (\S+)/i.exec(await readUntil(connection))?.[1];
    await accepted;
    const digest = await crypto.subtle.digest(
      "SHA-1",
      new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`),
    );
    const accept = btoa(String.fromCharCode(...new Uint8Array(digest)));
    const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    await new Promise(() => {});
  });
}

Deno.test("a shadow makes its own handshake and gets the client's messages; its own are discarded", async () => {
  await using primary = await startEchoServer();
  await using shadow = await startEchoServer({
    onConnection: (socket) => socket.on("message", () => socket.send("of the shadow")),
  });
  await using front = await startUpgradeFront(mirrored(primary, shadow));
  await using client = await connect(front.url, ["chat"]);
  for (const message of ["one", "two", "three"]) client.socket.send(message);
  assertEquals(await client.messages(3), ["one", "two", "three"]);
  await shadow.until(({ received }) => received.length === 3);
  client.socket.close(4002);
  await shadow.until(({ closed }) => closed.length === 1);
  assertEquals([shadow.received, shadow.closed], [["one", "two", "three"], [4002]]);
  assertEquals(client.received, ["one", "two", "three"]);
  const opened = await front.event("tunnel-opened", ofShadow);
  const closed = await front.event("tunnel-closed", ofShadow);
  const { clientBytes } = await front.event("tunnel-closed", ({ role }) => role === "primary");
  assertEquals([opened.service, closed.closeCode, closed.clientBytes], ["next", 4002, clientBytes]);
});

Deno.test("a compressed connection is mirrored if the shadow negotiated the same parameters", async () => {
  await using primary = await startEchoServer({ deflate: true });
  await using shadow = await startEchoServer({ deflate: true });
  await using front = await startUpgradeFront(mirrored(primary, shadow));
  await using client = await connect(front.url, [], { perMessageDeflate: true });
  const message = "compressible ".repeat(10_000);
  client.socket.send(message);
  assertEquals(await client.messages(1), [message]);
  await shadow.until(({ received }) => received.length === 1);
  assertEquals(shadow.received, [message]);
});

for (
  const [name, options] of [
    ["other extensions", { deflate: false }],
    ["another subprotocol", { deflate: true, subprotocol: "chat.v1" }],
  ] as const
) {
  Deno.test(`a shadow that negotiated ${name} gets nothing, and the skip has a reason`, async () => {
    await using primary = await startEchoServer({ deflate: true });
    await using shadow = await startEchoServer(options);
    await using front = await startUpgradeFront(mirrored(primary, shadow));
    await using client = await connect(front.url, ["chat.v2", "chat.v1"], { perMessageDeflate: true });
    client.socket.send("hello");
    assertEquals(await client.messages(1), ["hello"]);
    assertEquals((await front.event("skipped")).reason, "handshake-mismatch");
    await shadow.until(({ closed }) => closed.length === 1);
    assertEquals(shadow.received, []);
  });
}

Deno.test("a shadow without `upgrade`, one that refuses, and one that is down do not affect the client", async () => {
  await using primary = await startEchoServer();
  await using plain = await startEchoServer();
  await using refusing = await startEchoServer({ refuseWith: 503 });
  const { services = [] } = mirrored(primary, refusing);
  await using front = await startUpgradeFront({
    services: [
      ...services,
      { name: "plain", url: plain.url, shadow: true },
      { name: "down", url: refusingUrl(), shadow: true, upgrade: true },
    ],
  });
  await using client = await connect(front.url);
  client.socket.send("hello");
  assertEquals(await client.messages(1), ["hello"]);
  for (const [service, result] of [["next", 503], ["plain", 426], ["down", "refused"]] as const) {
    const settled = await front.event("settled", (event) => event.service === service);
    assertEquals(settled.status ?? settled.failure, result, service);
  }
});

Deno.test("bytes that arrive before the shadow's handshake are sent after it", async () => {
  const accepted = Promise.withResolvers<void>();
  const got = Promise.withResolvers<number>();
  await using primary = await startEchoServer();
  await using shadow = startRawBackend(async (connection) => {
    await readUntil(connection);
    await accepted.promise;
    const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    await connection.write(new TextEncoder().encode(head));
    let bytes = 0;
    const buffer = new Uint8Array(65_536);
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      bytes += count;
    }
    got.resolve(bytes);
  });
  await using front = await startUpgradeFront(mirrored(primary, shadow));
  await using client = await connect(front.url);
  for (let index = 0; index < 100; index++) client.socket.send(`message ${index}`);
  await client.messages(100);
  client.socket.close(1000);
  const { clientBytes } = await front.event("tunnel-closed", ({ role }) => role === "primary");
  accepted.resolve();
  assertEquals(await got.promise, clientBytes);
});

Deno.test("a shadow that hangs in a tunnel is cut off at the window, and the client is not slowed", async () => {
  await using primary = await startEchoServer();
  await using shadow = startHangingBackend();
  await using front = await startUpgradeFront({ ...mirrored(primary, shadow), bodyWindow: "64KiB" });
  await using client = await connect(front.url);
  await front.event("tunnel-opened", ofShadow);
  const piece = new Uint8Array(2 ** 20);
  for (let index = 0; index < 32; index++) client.socket.send(piece);
  assertEquals((await client.messages(32)).length, 32);
  assertEquals((await front.event("skipped")).reason, "body-lag");
  assertEquals((await front.event("tunnel-closed", ofShadow)).cause, "cut-off");
  client.socket.send("still fine");
  assertEquals((await client.messages(33))[32], "still fine");
});

Deno.test("a shadow whose handshake hangs is cut off at the window too", async () => {
  await using primary = await startEchoServer();
  await using shadow = startHangingBackend(new Promise(() => {}));
  await using front = await startUpgradeFront({ ...mirrored(primary, shadow), bodyWindow: "64KiB" });
  await using client = await connect(front.url);
  client.socket.send(new Uint8Array(2 ** 20));
  await client.messages(1);
  assertEquals((await front.event("skipped")).reason, "body-lag");
  assertEquals((await front.event("settled", ofShadow)).failure, "body-lag");
});

Deno.test("a shadow that does not close has its timeout after the client's end", async () => {
  await using primary = await startEchoServer();
  await using shadow = startHangingBackend();
  await using front = await startUpgradeFront(mirrored(primary, shadow, { timeout: "200ms" }));
  await using client = await connect(front.url);
  await front.event("tunnel-opened", ofShadow);
  client.socket.close(1000);
  assertEquals(await client.closed, 1000);
  const closed = await front.event("tunnel-closed", ofShadow);
  assertEquals([closed.cause, closed.closeCode], ["cut-off", undefined]);
});

Deno.test("a shadow that ends its tunnel gets no more bytes, and the client continues", async () => {
  await using primary = await startEchoServer();
  await using shadow = await startEchoServer({ onConnection: (socket) => socket.close(1011) });
  await using front = await startUpgradeFront(mirrored(primary, shadow));
  await using client = await connect(front.url);
  client.socket.send("one");
  await client.messages(1);
  const closed = await front.event("tunnel-closed", ofShadow);
  assertEquals(closed.closeCode, 1011);
  client.socket.send("two");
  assertEquals(await client.messages(2), ["one", "two"]);
});

Deno.test("the tunnel of a shadow is discarded if the primary does not switch protocols", async () => {
  await using primary = await startEchoServer({ refuseWith: 403 });
  await using shadow = await startEchoServer();
  await using front = await startUpgradeFront(mirrored(primary, shadow));
  const refused = await connect(front.url).then(() => "open", (error: Error) => error.message);
  assertEquals(refused, "status 403");
  await shadow.until(({ closed }) => closed.length === 1);
  assertEquals(shadow.received, []);
});

Deno.test("`maxBodySize` of a shadow limits the bytes of its tunnel, and `maxInFlight` the tunnels", async () => {
  await using primary = await startEchoServer();
  await using shadow = await startEchoServer();
  await using front = await startUpgradeFront(mirrored(primary, shadow, { maxBodySize: 1_000, maxInFlight: 1 }));
  await using first = await connect(front.url);
  await front.event("tunnel-opened", ofShadow);
  await using second = await connect(front.url);
  assertEquals((await front.event("skipped")).reason, "max-in-flight");
  first.socket.send("x".repeat(2_000));
  await first.messages(1);
  await front.event("skipped", ({ reason }) => reason === "body-too-large");
  second.socket.send("fine");
  assertEquals(await second.messages(1), ["fine"]);
});

/** Compares one connection that the client closes, and returns the result. */
async function compareOnce(primary: EchoServer, shadow: EchoServer) {
  await using front = await startUpgradeFront({ ...mirrored(primary, shadow), compare: { noiseSample: 1 } });
  {
    await using client = await connect(front.url, ["v2", "v1"]);
    await front.event("settled", ofShadow);
    client.socket.send("hello");
    await client.messages(1);
    client.socket.close(1000);
    await client.closed;
  }
  const { result, paths } = await front.event("compared");
  return { result, paths, handshakes: front.events.filter(({ type }) => type === "attempted").length };
}

Deno.test("handshake and close code of a shadow are compared with the primary's", async () => {
  await using primary = await startEchoServer();
  await using same = await startEchoServer();
  assertEquals(await compareOnce(primary, same), { result: "match", paths: [], handshakes: 2 });

  await using otherProtocol = await startEchoServer({ subprotocol: "v1" });
  const handshake = await compareOnce(primary, otherProtocol);
  assertEquals(handshake.paths, ["header:sec-websocket-protocol"]);

  await using otherCode = await startEchoServer({
    onConnection: (socket) => socket.on("message", () => socket.close(4100)),
  });
  assertEquals((await compareOnce(primary, otherCode)).paths, ["closeCode"]);

  await using refusing = await startEchoServer({ refuseWith: 400 });
  assert((await compareOnce(primary, refusing)).paths.includes("status"));
});
