/**
 * Requests that Deno's server refuses or gives up without conductor (docs/reference/limits.md, "Deno's server"). A
 * failure of a limit shows that it is gone.
 */

import { assertEquals } from "@std/assert";
import { conductor } from "@zeek/conductor";
import { hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { parseRawResponse, readToEnd } from "../_support/raw_response.ts";
import { readUntil, startConductor, startRawBackend } from "../_support/servers.ts";
import { startSocketBackend } from "../_support/socket_backend.ts";
import { TRANSPORTS } from "../_support/transports.ts";

const UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA";

// Columns: the name; the head without Host; the body; true if Deno responds with 400 without calling the handler.
const UPGRADES: readonly (readonly [name: string, head: string, body: string, isRefused: boolean])[] = [
  ["POST with Upgrade", `POST / HTTP/1.1\r\n${UPGRADE}\r\nContent-Length: 3`, "abc", true],
  ["a chunked POST with Upgrade", `POST / HTTP/1.1\r\n${UPGRADE}\r\nTransfer-Encoding: chunked`, "0\r\n\r\n", true],
  [
    "PUT with Upgrade to another protocol",
    "PUT / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: TLS/1.0\r\nContent-Length: 0",
    "",
    true,
  ],
  ["GET with Upgrade and a length of zero", `GET / HTTP/1.1\r\n${UPGRADE}\r\nContent-Length: 0`, "", true],
  ["GET with Upgrade", `GET / HTTP/1.1\r\n${UPGRADE}`, "", false],
  ["POST with Upgrade without a body", `POST / HTTP/1.1\r\n${UPGRADE}`, "", false],
  ["POST with Upgrade, but without Connection", "POST / HTTP/1.1\r\nUpgrade: h2c\r\nContent-Length: 3", "abc", false],
  ["POST with Connection: Upgrade alone", "POST / HTTP/1.1\r\nConnection: Upgrade\r\nContent-Length: 3", "abc", false],
];

for (const [over, create] of TRANSPORTS) {
  for (const [name, head, body, isRefused] of UPGRADES) {
    const prefix = isRefused ? `limit: ${name} gets 400 from Deno` : `${name} is forwarded without Upgrade`;
    Deno.test(`${prefix} over ${over}`, async () => {
      const requests: string[] = [];
      await using backend = await startSocketBackend(async (request, { write }) => {
        requests.push(request.head);
        await write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      });
      await using front = startConductor({ services: [{ name: "a", url: backend.url }] }, { transport: create() });
      using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
      await connection.write(new TextEncoder().encode(`${head}\r\nHost: h\r\n\r\n${body}`));
      assertEquals(parseRawResponse(await readUntil(connection)).status, isRefused ? 400 : 200);
      assertEquals(
        requests.map((head) => /^(?:upgrade|http2-settings|connection):/im.test(head)),
        isRefused ? [] : [false],
      );
      assertEquals(front.events.length > 0, !isRefused);
    });
  }
}

/** Sends a request, ends the sending side when a service has received it, and returns the rest. */
async function halfClose(connection: Deno.TcpConn | Deno.TlsConn, received: Promise<void>): Promise<string> {
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  await received;
  await connection.closeWrite();
  return await readToEnd(connection);
}

Deno.test("limit: a client that ends its sending side counts as disconnected, and gets nothing", async () => {
  const received = Promise.withResolvers<void>();
  await using backend = startRawBackend(async (connection) => {
    await readUntil(connection);
    received.resolve();
    await readToEnd(connection);
  });
  await using front = startConductor({ services: [{ name: "a", url: backend.url }] });
  using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
  assertEquals(await halfClose(connection, received.promise), "");
  const settled = await front.event(({ type }) => type === "settled");
  assertEquals("failure" in settled && settled.failure, "aborted");
});

Deno.test({
  name: "limit: a client that ends its sending side over TLS gets nothing",
  ignore: !hasOpenssl,
  async fn() {
    const received = Promise.withResolvers<void>();
    await using backend = startRawBackend(async (connection) => {
      await readUntil(connection);
      received.resolve();
      await readToEnd(connection);
    });
    await using certificate = await makeCertificate();
    const { cert, key } = certificate;
    const handle = conductor({ services: [{ name: "a", url: backend.url }] });
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", cert, key, onListen() {} },
      (request) => handle(request),
    );
    using connection = await Deno.connectTls({ port: server.addr.port, hostname: "127.0.0.1", caCerts: [cert] });
    assertEquals(await halfClose(connection, received.promise), "");
  },
});
