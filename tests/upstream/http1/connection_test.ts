/** Exchanges over one connection: interim responses, statuses, large heads, reuse. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { UpstreamFailure } from "../../../src/upstream/transport.ts";
import { LoopTurns } from "../../../src/lib/loop_turns.ts";
import { Slab } from "../../../src/lib/slab.ts";
import { Connection } from "../../../src/upstream/http1/connection.ts";
import { HEAD_BUFFER_BYTES } from "../../../src/upstream/http1/request_sender.ts";
import { BufferedSocket, READ_BUFFER_BYTES, type Socket } from "../../../src/upstream/http1/buffered_socket.ts";
import { BufferPool } from "../../../src/lib/buffer_pool.ts";
import { exchangeAll, exchangeOnce, type ExchangeResult } from "../../_support/scripted_exchange.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

function ok(
  headers: readonly (readonly [string, string])[] = [["content-length", "2"]],
  isReusable = true,
): ExchangeResult {
  return { status: 200, headers, body: "ok", isReusable };
}

function failed(failure: string): ExchangeResult {
  return { failure, deliveredBytes: 0 };
}

/** The writing side of a socket that accepts every byte. */
const SILENT = { write: (bytes: Uint8Array) => Promise.resolve(bytes.length), close() {} };

function connectionOver(socket: Socket, readBuffers = new BufferPool(READ_BUFFER_BYTES)): Connection {
  return new Connection(socket, {
    authority: "backend.example",
    detachBuffers: false,
    turns: new LoopTurns({ sliceMs: 4, now: () => performance.now() }),
    slab: new Slab(),
    readBuffers,
    headBuffers: new BufferPool(HEAD_BUFFER_BYTES),
    tunnelBuffers: new BufferPool(1),
    onIdle() {},
    onStale: () => undefined,
  });
}

function get(...pieces: string[]): Promise<ExchangeResult> {
  return exchangeOnce(pieces, { method: "GET", end: "open" });
}

// Columns: name, response of the backend, failure.
const FAILURES: readonly (readonly [name: string, text: string, failure: string])[] = [
  [
    "a protocol switch that was not requested (RFC 9110 §15.2.2)",
    `HTTP/1.1 101 Switching Protocols\r\n\r\n${OK}`,
    "protocol",
  ],
  ["status 600 (RFC 9110 §15)", "HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n", "protocol"],
  ["status 999", "HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n", "protocol"],
  ["a malformed head after an interim response", `${CONTINUE}HTTP/1.1 200 OK\r\na b: 1\r\n\r\n`, "protocol"],
  ["an interim response and nothing more", CONTINUE, "waiting"],
  ["half a head", "HTTP/1.1 200 OK\r\n", "waiting"],
  ["half a small body", OK.slice(0, -1), "waiting"],
];

for (const [name, text, failure] of FAILURES) {
  Deno.test(`Connection fails with ${failure} for ${name}`, async () => {
    assertEquals(await get(text), failed(failure));
    assertEquals(await get(...text), failed(failure), "byte by byte");
  });
}

Deno.test("Connection skips any number of interim responses (RFC 9110 §15.2)", async () => {
  // More bytes than a head may have.
  assertEquals(await get(`${CONTINUE.repeat(20_000)}${OK}`), ok());
  assertEquals(await get(...CONTINUE.repeat(100), ...OK), ok());
});

Deno.test("Connection fails with head-too-large if one interim response is", async () => {
  const early = `HTTP/1.1 103 Early Hints\r\nx: ${"x".repeat(262_144)}\r\n\r\n`;
  assertEquals(await get(`${CONTINUE}${early}${OK}`), failed("head-too-large"));
});

Deno.test("BufferedSocket releases the memory of a large head before it waits for the next one", async () => {
  const rooms: number[] = [];
  const socket = {
    read(room: Uint8Array) {
      rooms.push(room.length);
      return Promise.resolve(room.length);
    },
    write: () => Promise.resolve(0),
    close() {},
  };
  const buffered = new BufferedSocket(socket, new BufferPool(READ_BUFFER_BYTES));
  for (let turn = 0; turn < 3; turn++) await buffered.fill();
  buffered.skip(buffered.unreadBytes);
  await buffered.fill();
  assertEquals(rooms, [8_192, 8_192, 16_384, 8_192]);
});

Deno.test("Connection reads heads that exceed its first buffer", async () => {
  const headers = Array.from({ length: 6 }, (_, index) => [`x-${index}`, `${index}`.repeat(10_000)] as const);
  const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const large = OK.replace("content-length: 2\r\n", (line) => `${fields}${line}`);
  const early = `HTTP/1.1 103 Early Hints\r\n${fields}\r\n`;
  const expected = ok([...headers, ["content-length", "2"]]);
  assertEquals(await get(large), expected);
  assertEquals(await get(early + large), expected);
  // The buffer ends within the second head, part of which has been read.
  for (const bytes of [1, 100, 16_000]) {
    const first = `HTTP/1.1 103 Early Hints\r\nx: ${"x".repeat(bytes)}\r\n\r\n`;
    assertEquals(await get(first + large), expected);
  }
  assertEquals(await exchangeAll([large, OK, large].map((text) => ({ method: "GET", pieces: [text] })), "open"), [
    expected,
    ok(),
    expected,
  ]);
});

Deno.test("Connection closes if bytes arrive without a request", async () => {
  assertEquals(await get(`${OK}\r\n`), ok(undefined, false));
  assertEquals(await get(OK + OK), ok(undefined, false));
  assertEquals(await get(OK, OK), ok(undefined, false), "in a separate piece, before the next request");
});

Deno.test("Connection closes if the backend closes it between two exchanges", async () => {
  for (const end of ["close", "reset"] as const) {
    assertEquals(await exchangeOnce([OK], { method: "GET", end }), ok(undefined, false));
  }
});

Deno.test("Connection reports a stale connection only if it was reused, and no byte of the response has arrived", async () => {
  const used = { method: "GET", pieces: [OK] };
  for (const end of ["close", "reset"] as const) {
    const second = async (text: string) => (await exchangeAll([used, { method: "GET", pieces: [text] }], end))[1];
    assertEquals(await exchangeOnce([], { method: "GET", end }), failed("reset"));
    assertEquals(await second(""), failed("stale"));
    assertEquals(await second("H"), failed("reset"));
    assertEquals(await second(CONTINUE), failed("reset"));
    assertEquals(await second("SSH-2.0"), failed("protocol"));
  }
});

Deno.test("Connection is closed 250 ms after the response if the backend has not read the request by then", async () => {
  using time = new FakeTime();
  let closed = false;
  const response = new TextEncoder().encode(OK);
  const connection = connectionOver({
    read(buffer) {
      buffer.set(response);
      return Promise.resolve(response.length);
    },
    write: () => new Promise(() => {}),
    close: () => void (closed = true),
  });
  const { signal } = new AbortController();
  const body = new Uint8Array(60_000);
  const request = { method: "POST", origin: "", target: "/", host: undefined, headers: [], body, signal };
  assertEquals((await connection.exchange(request)).ok, true);
  await time.tickAsync(249);
  assertEquals(closed, false);
  await time.tickAsync(1);
  assertEquals(closed, true);
});

Deno.test("BufferedSocket returns its buffer to the pool once, after the last read, and reads no further", async () => {
  const pool = new BufferPool(READ_BUFFER_BYTES);
  const reads: { buffer: Uint8Array; end: PromiseWithResolvers<number> }[] = [];
  const read = (buffer: Uint8Array) => {
    const end = Promise.withResolvers<number>();
    reads.push({ buffer, end });
    return end.promise;
  };
  const buffered = new BufferedSocket({ read, write: () => new Promise(() => {}), close() {} }, pool);
  const filled = buffered.fill();
  buffered.close();
  const [{ buffer, end }] = reads as [typeof reads[0]];
  assert(pool.get().buffer !== buffer!.buffer);
  end.resolve(5);
  assertEquals(await filled, false);
  assertStrictEquals(pool.get().buffer, buffer.buffer);
  // Returned only once: otherwise two connections would share it.
  assert(pool.get().buffer !== buffer.buffer);
  assertEquals(buffered.unreadBytes, 0);
  await assertRejects(() => buffered.fill(), UpstreamFailure);
  assertEquals(reads.length, 1);
});

Deno.test("Connection that is closed before its response was read returns nothing of its buffer, which may have a new owner", async () => {
  const readBuffers = new BufferPool(READ_BUFFER_BYTES);
  const response = new TextEncoder().encode(
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n100\r\nfor one client",
  );
  let isSent = false;
  const connection = connectionOver({
    read(buffer) {
      if (isSent) return new Promise(() => {});
      isSent = true;
      buffer.set(response);
      return Promise.resolve(response.length);
    },
    ...SILENT,
  }, readBuffers);
  const controller = new AbortController();
  const { signal } = controller;
  const result = await connection.exchange({
    method: "GET",
    origin: "",
    target: "/",
    host: undefined,
    headers: [],
    body: null,
    signal,
  });
  assert(result.ok && result.response.body instanceof ReadableStream);
  const { body } = result.response;
  controller.abort();
  readBuffers.get().fill(120);
  const failure = await assertRejects(() => body.getReader().read(), UpstreamFailure);
  assertEquals(failure.kind, "aborted");
});

Deno.test("Connection yields to other tasks while it reads a body of 1-byte chunks that is always ready", async () => {
  const head = new TextEncoder().encode("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  const flood = new TextEncoder().encode("1\r\nx\r\n".repeat(1_000));
  let reads = 0;
  const connection = connectionOver({
    // Like a socket whose bytes have all arrived: no read yields to the event loop.
    read(buffer) {
      const bytes = reads++ === 0 ? head : flood;
      buffer.set(bytes);
      return Promise.resolve(bytes.length);
    },
    ...SILENT,
  });
  const { signal } = new AbortController();
  const request = { method: "GET", origin: "", target: "/", host: undefined, headers: [], body: null, signal };
  const result = await connection.exchange(request);
  assert(result.ok && result.response.body instanceof ReadableStream);
  const reader = result.response.body.getReader();
  let timers = 0;
  const timer = setInterval(() => timers++);
  for (const startMs = performance.now(); performance.now() - startMs < 200;) await reader.read();
  clearInterval(timer);
  assert(timers > 3, `${timers} timers`);
  await reader.cancel();
});
