/** Whole exchanges over one connection: interim responses, statuses, large heads, and whether it is used again. */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { UpstreamFailure } from "../../../src/upstream/transport.ts";
import { LoopTurns } from "../../../src/lib/loop_turns.ts";
import { Slab } from "../../../src/lib/slab.ts";
import { Connection } from "../../../src/upstream/http1/connection.ts";
import { HEAD_BUFFER_BYTES } from "../../../src/upstream/http1/request_sender.ts";
import { BufferedSocket, READ_BUFFER_BYTES, type Socket } from "../../../src/upstream/http1/buffered_socket.ts";
import { BufferPool } from "../../../src/lib/buffer_pool.ts";
import { type Answer, answerOf, answersOf } from "../../_support/scripted_exchange.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

function answered(lines: readonly (readonly [string, string])[] = [["content-length", "2"]], reusable = true): Answer {
  return { status: 200, lines, body: "ok", reusable };
}

function failed(failure: string): Answer {
  return { failure, deliveredBytes: 0 };
}

/** Parts of a socket that takes every byte, and needs no closing. */
const SILENT = { write: (bytes: Uint8Array) => Promise.resolve(bytes.length), close() {} };

function connectionOver(socket: Socket, readBuffers = new BufferPool(READ_BUFFER_BYTES)): Connection {
  return new Connection(socket, {
    authority: "backend.example",
    detachBuffers: false,
    turns: new LoopTurns({ sliceMs: 4, now: () => performance.now() }),
    slab: new Slab(),
    readBuffers,
    headBuffers: new BufferPool(HEAD_BUFFER_BYTES),
    onIdle() {},
    onStale: () => undefined,
  });
}

function get(...pieces: string[]): Promise<Answer> {
  return answerOf(pieces, { method: "GET", end: "open" });
}

// What the backend sends, and how the exchange fails.
const FAILURES: readonly (readonly [name: string, text: string, failure: string])[] = [
  [
    "another protocol that nobody asked for (RFC 9110 §15.2.2)",
    `HTTP/1.1 101 Switching Protocols\r\n\r\n${OK}`,
    "protocol",
  ],
  ["status 600 (RFC 9110 §15)", "HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n", "protocol"],
  ["status 999", "HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n", "protocol"],
  ["a malformed head behind an interim response", `${CONTINUE}HTTP/1.1 200 OK\r\na : 1\r\n\r\n`, "protocol"],
  ["an interim response and nothing more", CONTINUE, "waiting"],
  ["half a head", "HTTP/1.1 200 OK\r\n", "waiting"],
  ["half a small body", OK.slice(0, -1), "waiting"],
];

for (const [name, text, failure] of FAILURES) {
  Deno.test(`Connection fails with ${failure} at ${name}`, async () => {
    assertEquals(await get(text), failed(failure));
    assertEquals(await get(...text), failed(failure), "byte by byte");
  });
}

Deno.test("Connection reads over a thousand interim responses (RFC 9110 §15.2)", async () => {
  assertEquals(await get(`${CONTINUE.repeat(1_000)}${OK}`), answered());
  assertEquals(await get(...CONTINUE.repeat(100), ...OK), answered());
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
  const wire = new BufferedSocket(socket, new BufferPool(READ_BUFFER_BYTES));
  for (let turn = 0; turn < 3; turn++) await wire.fill();
  wire.skip(wire.unreadBytes);
  await wire.fill();
  assertEquals(rooms, [8_192, 8_192, 16_384, 8_192]);
});

Deno.test("Connection fails with head-too-large at more than 256 KiB of interim responses", async () => {
  assertEquals(await get(`${CONTINUE.repeat(262_144 / CONTINUE.length + 1)}${OK}`), failed("head-too-large"));
});

Deno.test("Connection reads heads that do not fit into its first buffer", async () => {
  const lines = Array.from({ length: 6 }, (_, index) => [`x-${index}`, `${index}`.repeat(10_000)] as const);
  const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const large = OK.replace("content-length: 2\r\n", (line) => `${fields}${line}`);
  const early = `HTTP/1.1 103 Early Hints\r\n${fields}\r\n`;
  const expected = answered([...lines, ["content-length", "2"]]);
  assertEquals(await get(large), expected);
  assertEquals(await get(early + large), expected);
  // The buffer's end comes within the second head, of which a part has been read.
  for (const bytes of [1, 100, 16_000]) {
    const first = `HTTP/1.1 103 Early Hints\r\nx: ${"x".repeat(bytes)}\r\n\r\n`;
    assertEquals(await get(first + large), expected);
  }
  assertEquals(await answersOf([large, OK, large].map((text) => ({ method: "GET", pieces: [text] })), "open"), [
    expected,
    answered(),
    expected,
  ]);
});

Deno.test("Connection gives itself up where more has come than was asked for", async () => {
  assertEquals(await get(`${OK}\r\n`), answered(undefined, false));
  assertEquals(await get(OK + OK), answered(undefined, false));
  assertEquals(await get(OK, OK), answered(undefined, false), "in a piece of its own, before the next request");
});

Deno.test("Connection gives itself up where the backend closes between two responses", async () => {
  for (const end of ["close", "reset"] as const) {
    assertEquals(await answerOf([OK], { method: "GET", end }), answered(undefined, false));
  }
});

Deno.test("Connection tells that it has died before an answer only where it was used before, and nothing has come", async () => {
  const used = { method: "GET", pieces: [OK] };
  for (const end of ["close", "reset"] as const) {
    const second = async (text: string) => (await answersOf([used, { method: "GET", pieces: [text] }], end))[1];
    assertEquals(await answerOf([], { method: "GET", end }), failed("reset"));
    assertEquals(await second(""), failed("stale"));
    assertEquals(await second("H"), failed("reset"));
    assertEquals(await second(CONTINUE), failed("reset"));
    assertEquals(await second("SSH-2.0"), failed("protocol"));
  }
});

Deno.test("Connection is closed a quarter of a second after the answer where the backend has not read the request by then", async () => {
  using time = new FakeTime();
  let closed = false;
  const answer = new TextEncoder().encode(OK);
  const connection = connectionOver({
    read(buffer) {
      buffer.set(answer);
      return Promise.resolve(answer.length);
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

Deno.test("BufferedSocket gives its buffer to the next connection when nothing is read into it any more, and reads no further", async () => {
  const spare = new BufferPool(READ_BUFFER_BYTES);
  const reads: { buffer: Uint8Array; end: PromiseWithResolvers<number> }[] = [];
  const read = (buffer: Uint8Array) => {
    const end = Promise.withResolvers<number>();
    reads.push({ buffer, end });
    return end.promise;
  };
  const wire = new BufferedSocket({ read, write: () => new Promise(() => {}), close() {} }, spare);
  const filled = wire.fill();
  wire.close();
  const [{ buffer, end }] = reads as [typeof reads[0]];
  assert(spare.get().buffer !== buffer!.buffer);
  end.resolve(5);
  assertEquals(await filled, false);
  assertStrictEquals(spare.get().buffer, buffer.buffer);
  // Once, or two connections would have the same.
  assert(spare.get().buffer !== buffer.buffer);
  assertEquals(wire.unreadBytes, 0);
  await assertRejects(() => wire.fill(), UpstreamFailure);
  assertEquals(reads.length, 1);
});

Deno.test("Connection that is closed before an answer has been read gives nothing of what is in its buffer then", async () => {
  const readBuffers = new BufferPool(READ_BUFFER_BYTES);
  const answer = new TextEncoder().encode("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n100\r\nfor one client");
  let given = false;
  const connection = connectionOver({
    read(buffer) {
      if (given) return new Promise(() => {});
      given = true;
      buffer.set(answer);
      return Promise.resolve(answer.length);
    },
    ...SILENT,
  }, readBuffers);
  const giving = new AbortController();
  const { signal } = giving;
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
  giving.abort();
  readBuffers.get().fill(120);
  const failure = await assertRejects(() => body.getReader().read(), UpstreamFailure);
  assertEquals(failure.kind, "aborted");
});

Deno.test("Connection yields to other tasks while it reads a body of 1-byte chunks that is always ready", async () => {
  const head = new TextEncoder().encode("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  const flood = new TextEncoder().encode("1\r\nx\r\n".repeat(1_000));
  let reads = 0;
  const connection = connectionOver({
    // Like a socket with all bytes at hand: no read yields to the event loop.
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
