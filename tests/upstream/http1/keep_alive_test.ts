/** Reuse of connections: conditions and requests. */

import { assertEquals } from "@std/assert";
import type { TransportRequest } from "@zeek/conductor";
import { http1Transport } from "../../../src/upstream/http1/http1.ts";
import { type SocketConnection, startSocketBackend } from "../../_support/socket_backend.ts";
import { bodyOf, transportRequest } from "../../_support/transports.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Response to the first request, and reuse of its connection for the second one. */
interface Row {
  readonly name: string;
  readonly method?: string;
  readonly response: string;
  readonly body: string;
  /** Called after the response has been read. The test then waits until the connection is closed. */
  readonly later?: (connection: SocketConnection) => Promise<void> | void;
  readonly reused: boolean;
}

const ROWS: readonly Row[] = [
  { name: "a length", response: OK, body: "ok", reused: true },
  {
    name: "chunks and trailers",
    response: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: 1\r\n\r\n",
    body: "ok",
    reused: true,
  },
  { name: "no body", response: "HTTP/1.1 204 No Content\r\n\r\n", body: "", reused: true },
  { name: "304 and a length", response: "HTTP/1.1 304 X\r\ncontent-length: 5\r\n\r\n", body: "", reused: true },
  { name: "HEAD and a length", method: "HEAD", response: OK.slice(0, -2), body: "", reused: true },
  { name: "interim responses", response: `HTTP/1.1 103 X\r\n\r\n${OK}`, body: "ok", reused: true },
  {
    name: "HTTP/1.0 and keep-alive",
    response: "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nok",
    body: "ok",
    reused: true,
  },
  { name: "HTTP/1.0", response: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", body: "ok", reused: false },
  {
    name: "Connection: close among others",
    response: "HTTP/1.1 200 OK\r\nConnection: x-a\r\nconnection: x-b, Close\r\ncontent-length: 2\r\n\r\nok",
    body: "ok",
    reused: false,
  },
  {
    name: "both lengths",
    response: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    body: "ok",
    reused: false,
  },
  { name: "more than it said", response: `${OK}HTTP/1.1 200 OK\r\n`, body: "ok", reused: false },
  { name: "204 and a length", response: "HTTP/1.1 204 X\r\ncontent-length: 5\r\n\r\n", body: "", reused: false },
  {
    name: "204, and its body in a later packet",
    response: "HTTP/1.1 204 X\r\ncontent-length: 5\r\n\r\n",
    body: "",
    later: ({ write }) => write("hello"),
    reused: false,
  },
  {
    name: "304, and its body in a later packet",
    response: "HTTP/1.1 304 X\r\ncontent-length: 5\r\n\r\n",
    body: "",
    later: ({ write }) => write("hello"),
    reused: false,
  },
  {
    name: "a 408 without a request",
    response: OK,
    body: "ok",
    later: ({ write }) => write("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"),
    reused: false,
  },
  { name: "an end in silence", response: OK, body: "ok", later: ({ close }) => close(), reused: false },
  { name: "a reset in silence", response: OK, body: "ok", later: ({ reset }) => reset(), reused: false },
  {
    name: "Keep-Alive: timeout=1, less the time that a request takes to get there",
    response: OK.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=1, max=100\r\n\r\n"),
    body: "ok",
    reused: false,
  },
];

for (const { name, method = "GET", response, body, later, reused } of ROWS) {
  Deno.test(`a connection is ${reused ? "" : "not "}reused after ${name}`, async () => {
    const ordinals: number[] = [];
    let first: SocketConnection | undefined;
    await using backend = await startSocketBackend(async ({ ordinal }, connection) => {
      ordinals.push(ordinal);
      await connection.write(first === undefined ? response : OK);
      first ??= connection;
    });
    const transport = http1Transport();
    assertEquals(await bodyOf(await transport(transportRequest(backend.url, { method }))), body);
    // Writing may fail, because the connection may have been closed already.
    if (later !== undefined) await Promise.resolve(later(first!)).catch(() => {});
    if (!reused && !name.startsWith("Keep-Alive")) await first!.gone;
    assertEquals(await bodyOf(await transport(transportRequest(backend.url))), "ok");
    assertEquals(ordinals, [1, reused ? 2 : 1]);
  });
}

const POST = { method: "POST", body: new TextEncoder().encode("x") };

// Columns: idle time of the connection, name and parts of the request, Keep-Alive header of the service, reuse.
const PAUSES: readonly (readonly [
  idleMs: number,
  name: string,
  more: Partial<TransportRequest>,
  keepAlive: string,
  reused: boolean,
])[] = [
  [900, "POST", POST, "", true],
  [10, "POST", POST, "", true],
  [9, "POST", POST, "", false],
  [0, "GET", {}, "", true],
  [1_100, "POST", POST, "", false],
  [1_100, "DELETE without a body", { method: "DELETE" }, "", false],
  [1_100, "OPTIONS with a body", { ...POST, method: "OPTIONS" }, "", false],
  [1_100, "GET", {}, "", true],
  [59_000, "GET", {}, "", true],
  [60_000, "GET", {}, "", false],
  [3_900, "GET", {}, "Keep-Alive: timeout=5\r\n", true],
  [4_100, "GET", {}, "Keep-Alive: timeout=5\r\n", false],
];

for (const [idleMs, name, more, keepAlive, reused] of PAUSES) {
  const announced = keepAlive === "" ? "" : ` with ${keepAlive.trim()}`;
  Deno.test(`${name} is sent over ${reused ? "the same" : "another"} connection after ${idleMs} ms${announced}`, async () => {
    const ordinals: number[] = [];
    await using backend = await startSocketBackend(async ({ ordinal }, { write }) => {
      ordinals.push(ordinal);
      await write(OK.replace("\r\n\r\n", `\r\n${keepAlive}\r\n`));
    });
    let nowMs = 0;
    const transport = http1Transport({ now: () => nowMs });
    await bodyOf(await transport(transportRequest(backend.url)));
    nowMs += idleMs;
    await bodyOf(await transport(transportRequest(backend.url, more)));
    assertEquals(ordinals, [1, reused ? 2 : 1]);
  });
}

Deno.test("POSTs far apart do not pile up connections: each new connection replaces the one that must not be used", async () => {
  const gone: Promise<number>[] = [];
  await using backend = await startSocketBackend(async (_, { write, gone: closed }) => {
    const index = gone.length;
    gone.push(closed.then(() => index));
    await write(OK);
  });
  let nowMs = 0;
  const transport = http1Transport({ now: () => nowMs });
  for (let sent = 0; sent < 4; sent++, nowMs += 2_000) {
    await bodyOf(await transport(transportRequest(backend.url, POST)));
  }
  assertEquals(await Promise.all(gone.slice(0, 3)), [0, 1, 2]);
});

Deno.test("a POST is sent at once over a connection that was reused before, but not over another one", async () => {
  const ordinals: number[] = [];
  await using backend = await startSocketBackend(async ({ ordinal }, { write }) => {
    ordinals.push(ordinal);
    await write(OK);
  });
  const transport = http1Transport({ now: () => 0 });
  const send = async (more: Partial<TransportRequest> = {}) => {
    await bodyOf(await transport(transportRequest(backend.url, more)));
  };
  await send();
  await send();
  await send(POST);
  assertEquals(ordinals, [1, 2, 3]);
  // Two at a time open a second connection, which has not been reused yet.
  await Promise.all([send(), send()]);
  await send(POST);
  await send(POST);
  assertEquals(ordinals.slice(3).toSorted(), [1, 4, 5, 6]);
});

Deno.test("a request that cannot be encoded fails as data, and closes its connection", async () => {
  const ordinals: number[] = [];
  await using backend = await startSocketBackend(async ({ ordinal }, { write }) => {
    ordinals.push(ordinal);
    await write(OK);
  });
  const transport = http1Transport();
  const exchange = async (headers: TransportRequest["headers"]) =>
    await bodyOf(await transport(transportRequest(backend.url, { headers })));
  assertEquals(await exchange([]), "ok");
  assertEquals(await exchange([["x-split", "a\r\nb: c"]]), "unsendable");
  assertEquals(await exchange([]), "ok");
  assertEquals(ordinals, [1, 1]);
});
