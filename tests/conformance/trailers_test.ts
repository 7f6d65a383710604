/** Trailers over HTTP/1.1 (RFC 9110 §6.5), from services to clients of the node listener, and from clients to services. */

import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { exchangeRaw, readUntil, startListening, startRawBackend, type TestServer } from "../_support/servers.ts";
import type { ConfigInput } from "@zeek/conductor";

const encode = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const GET = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close";

interface Service extends TestServer {
  /** Head of the last request. */
  head: string;
  /** Lets the service send the next piece. */
  next: () => void;
}

/** Starts a service that sends its response in pieces, each after a call of `next`. */
function startService(...pieces: readonly string[]): Service {
  const service = startRawBackend(async (connection) => {
    recorded.head = await readUntil(connection);
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await new Promise<void>((resolve) => recorded.next = resolve);
      await connection.write(encode(piece));
    }
  });
  const recorded: Service = Object.assign(service, { head: "", next: () => {} });
  return recorded;
}

/** Sends a request. The service sends its next piece when the client has received the data of the first one. */
async function get(front: { readonly port: number }, service: Service, head: string): Promise<string> {
  using connection = await Deno.connect({ port: front.port, hostname: "127.0.0.1" });
  await connection.write(encode(`${head}\r\n\r\n`));
  const received = await readUntil(connection, "abc");
  service.next();
  return received + await readUntil(connection, "\0never\0");
}

const HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Content-Length\r\n\r\n";
const END = "0\r\nX-Sum: \xe9 1\r\nContent-Length: 9\r\nSet-Cookie: a=b\r\nX-Set: 2\r\nx_conductor_role: x\r\n\r\n";

for (
  const [form, pieces] of [["with its head", [`${HEAD}3\r\nabc\r\n${END}`]], ["in pieces", [
    `${HEAD}3\r\nabc\r\n`,
    END,
  ]]] as const
) {
  Deno.test(`trailers of a response that arrives ${form} reach a client that accepts them, except forbidden ones`, async () => {
    await using service = startService(...pieces);
    const services = [{ name: "a", url: service.url, responseHeaders: { "x-set": "1" } }];
    await using front = await startListening("node", { services });
    const response = await get(front, service, `${GET}, TE\r\nTE: trailers`);
    assertMatch(service.head, /\r\nte: trailers\r\nconnection: te\r\n/);
    assertMatch(response, /\r\nTrailer: x-sum\r\n/);
    assertMatch(response, /\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: [^\r]+ 1\r\n\r\n$/);
    assertNotMatch(response, /\r\ncontent-length/i);
  });

  Deno.test(`trailers of a response that arrives ${form} do not reach other clients`, async () => {
    await using service = startService(...pieces);
    await using front = await startListening("node", { services: [{ name: "a", url: service.url }] });
    for (const head of [GET, `${GET}\r\nTE: gzip`, GET.replace("1.1", "1.0") + "\r\nTE: trailers"]) {
      const response = await get(front, service, head);
      assertMatch(response, /\r\n\r\n(?:3\r\n)?abc(?:\r\n0\r\n\r\n)?$/);
      assertNotMatch(response, /x-sum/i);
      assertNotMatch(service.head, /\r\nte:/i);
    }
  });
}

Deno.test("trailers of an empty response reach a client that accepts them", async () => {
  await using service = startService(`${HEAD}0\r\nX-Sum: 0\r\n\r\n`);
  await using front = await startListening("node", { services: [{ name: "a", url: service.url }] });
  const response = await exchangeRaw(front.port, `${GET}, TE\r\nTE: trailers\r\n\r\n`);
  assertMatch(response, /\r\n\r\n0\r\nX-Sum: 0\r\n\r\n$/);
});

Deno.test("a response without trailers keeps its framing for a client that accepts trailers", async () => {
  await using service = startService("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  await using front = await startListening("node", { services: [{ name: "a", url: service.url }] });
  const response = await exchangeRaw(front.port, `${GET}, TE\r\nTE: trailers\r\n\r\n`);
  assertMatch(response, /\r\ncontent-length: 3\r\n[^]*\r\n\r\nabc$/i);
});

const CHUNKED = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked";

/** Reads a chunked request. */
async function readChunked(connection: Deno.Conn): Promise<{ head: string; body: string }> {
  let received = await readUntil(connection);
  const end = received.indexOf("\r\n\r\n") + 4;
  while (!/(?:^|\r\n)0\r\n(?:[^\r]+\r\n)*\r\n$/.test(received.slice(end))) {
    const more = await readUntil(connection, "\r\n");
    if (more === "") throw new Error("The request is incomplete");
    received += more;
  }
  return { head: received.slice(0, end), body: received.slice(end) };
}

/** Sends an upload. Returns what the service received. */
async function upload(text: string, service: object = {}): Promise<{ head: string; body: string }> {
  const seen = Promise.withResolvers<{ head: string; body: string }>();
  await using backend = startRawBackend(async (connection) => {
    seen.resolve(await readChunked(connection));
    await connection.write(encode(OK));
  });
  await using front = await startListening("node", { services: [{ name: "a", url: backend.url, ...service }] });
  assertMatch(await exchangeRaw(front.port, text), /^HTTP\/1.1 200 /);
  return await seen.promise;
}

Deno.test("trailers of a request reach the service, announced, except forbidden and configured ones", async () => {
  const trailers = "X-Sum: 1\r\nAuthorization: a\r\nHost: b\r\nX-Forwarded-For: c\r\nX-Mine: d\r\nX-Gone: e\r\n";
  const { head, body } = await upload(`${CHUNKED}\r\nTrailer: X-Sum, Host\r\n\r\n3\r\nabc\r\n0\r\n${trailers}\r\n`, {
    headers: { "x-mine": "1" },
    removeHeaders: ["x-gone"],
  });
  assertMatch(head, /\r\ntrailer: x-sum\r\n/);
  assertEquals(body, "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
});

Deno.test("trailers of more than 16 KiB are not relayed to a service, and the body ends correctly", async () => {
  const { body } = await upload(`${CHUNKED}\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: ${"1".repeat(17_000)}\r\n\r\n`);
  assertEquals(body, "3\r\nabc\r\n0\r\n\r\n");
});

Deno.test("a shadow without credentials gets no trailers", async () => {
  const bodies: Promise<string>[] = [];
  const start = () => {
    const seen = Promise.withResolvers<string>();
    bodies.push(seen.promise);
    return startRawBackend(async (connection) => {
      seen.resolve((await readChunked(connection)).body);
      await connection.write(encode(OK));
    });
  };
  await using primary = start();
  await using shadow = start();
  const services: ConfigInput["services"] = [
    { name: "a", url: primary.url },
    { name: "s", url: shadow.url, shadow: true, credentials: false },
  ];
  await using front = await startListening("node", { services });
  await exchangeRaw(front.port, `${CHUNKED}\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n`);
  assertEquals(await Promise.all(bodies), ["3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n"]);
});
