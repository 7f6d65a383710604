/**
 * Responses that are complete before the upload is: a client that reads only after it has sent everything gets them.
 */

import { assertEquals } from "@std/assert";
import type { ServerTls } from "../../src/config/config.ts";
import type { ConfigInput } from "../../src/config/input.ts";
import type { ListenerKind } from "../../src/config/listener_kind.ts";
import { conductor } from "../../src/proxy/fetch_handler.ts";
import { serve } from "../../src/server/serve.ts";
import { type Certificate, hasOpenssl, makeCertificate } from "../_support/certificates.ts";
import { LISTENERS, readUntil, startListening, startRawBackend, type TestServer } from "../_support/servers.ts";

/** Larger than what the buffers of the sockets hold. */
const UPLOAD_BYTES = 20_000_000;
const CHUNK_BYTES = 100_000;
const ATTEMPTS = 8;
const LENGTH = `Content-Length: ${UPLOAD_BYTES}`;
const CHUNKED = "Transfer-Encoding: chunked";

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Refuses every upload after its head, and closes the connection. */
function startRefusing(): TestServer {
  return startRawBackend(async (connection) => {
    await readUntil(connection);
    await connection.write(
      encode("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"),
    );
  });
}

/** Reads every upload to its end. */
function startReading(): TestServer {
  return startRawBackend(async (connection) => {
    while (await connection.read(new Uint8Array(65_536)) !== null);
  });
}

/** Sends a whole upload, then reads the status. */
async function upload(connection: Deno.Conn, path: string, framing: string): Promise<string> {
  await writeAll(connection, encode(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n`));
  const data = "x".repeat(CHUNK_BYTES);
  const chunk = encode(framing === CHUNKED ? `${CHUNK_BYTES.toString(16)}\r\n${data}\r\n` : data);
  for (let sent = 0; sent < UPLOAD_BYTES; sent += CHUNK_BYTES) await writeAll(connection, chunk);
  if (framing === CHUNKED) await writeAll(connection, encode("0\r\n\r\n"));
  return (await readUntil(connection)).split(" ")[1] ?? "none";
}

/** Returns the statuses of several uploads, or the errors of those that got no response. */
async function uploadStatuses(connect: () => Promise<Deno.Conn>, path: string, framing: string): Promise<string[]> {
  const statuses: string[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    using connection = await connect();
    statuses.push(await upload(connection, path, framing).catch((error) => `${error.name}`));
  }
  return [...new Set(statuses)];
}

const OVER = ["plain HTTP", "HTTPS"].flatMap((over) => LISTENERS.map((listener) => [over, listener] as const));

const CASES: [name: string, path: string, framing: string, status: string][] = [
  ["a service that refuses an upload of known length", "/refused", LENGTH, "413"],
  ["a service that refuses a chunked upload", "/refused", CHUNKED, "413"],
  ["an upload beyond maxBodySize", "/limited", CHUNKED, "413"],
  ["an upload without a route", "/elsewhere", LENGTH, "404"],
];

for (const [over, listener] of OVER) {
  for (const [name, path, framing, status] of CASES) {
    Deno.test({
      name: `the response to ${name} reaches the client, over ${over} and the ${listener} listener`,
      ignore: over === "HTTPS" && !hasOpenssl,
      fn: async () => {
        await using refusing = startRefusing();
        await using reading = startReading();
        const services = [
          { name: "refusing", url: refusing.url, pathPrefix: "/refused" },
          { name: "limited", url: reading.url, pathPrefix: "/limited" },
        ];
        await using certificate = over === "HTTPS" ? await makeCertificate() : undefined;
        const maxBodySize = path === "/limited" ? "1MiB" : "1GiB";
        const { connect, ...server } = await start(listener, { services, maxBodySize }, certificate);
        assertEquals(await uploadStatuses(connect, path, framing), [status]);
        await server[Symbol.asyncDispose]();
      },
    });
  }
}

async function start(
  listener: ListenerKind,
  config: ConfigInput,
  certificate: Certificate | undefined,
): Promise<AsyncDisposable & { connect: () => Promise<Deno.Conn> }> {
  const tls = certificate && { cert: certificate.cert, key: certificate.key };
  const { port, close } = listener === "node" ? await startNode(config, tls) : await startDeno(config, tls);
  const connect = () =>
    certificate === undefined
      ? Deno.connect({ hostname: "127.0.0.1", port })
      : Deno.connectTls({ hostname: "localhost", port, caCerts: [certificate.cert], alpnProtocols: ["http/1.1"] });
  return { connect, [Symbol.asyncDispose]: close };
}

interface Started {
  readonly port: number;
  readonly close: () => Promise<void>;
}

async function startNode(config: ConfigInput, tls: ServerTls | undefined): Promise<Started> {
  const front = await startListening("node", config, {}, tls);
  return { port: front.port, close: async () => await front[Symbol.asyncDispose]() };
}

async function startDeno(config: ConfigInput, tls: ServerTls | undefined): Promise<Started> {
  const server = await serve(conductor(config), { hostname: "127.0.0.1", port: 0, tls });
  return { port: server.port, close: () => server.shutdown() };
}
