/** Reading of request bodies from different kinds of streams. */

import { assertEquals, assertLess } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { TimeoutQueues } from "../../src/lib/timeout_queues.ts";
import { LoopTurns } from "../../src/lib/loop_turns.ts";
import { BodySource } from "../../src/body/body_source.ts";
import { UploadWatch } from "../../src/body/upload_watch.ts";

type Chunk = Uint8Array<ArrayBuffer>;

const deadlines = new TimeoutQueues(() => performance.now());
const turns = new LoopTurns({ sliceMs: 2, now: () => performance.now() });

function sourceOf(body: ReadableStream<Chunk>, maxBytes = Infinity): BodySource {
  return new BodySource(body, { maxBytes, timeoutMs: 10_000, deadlines, turns });
}

/** Returns a byte stream, like the body of a server's request. */
function byteStream(pieces: readonly string[], end: "whole" | "broken" = "whole"): ReadableStream<Chunk> {
  const left = pieces.map((piece) => new TextEncoder().encode(piece));
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const piece = left.shift();
      if (piece !== undefined) return controller.enqueue(piece);
      if (end === "broken") return controller.error(new Error("connection reset"));
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

/** Returns a stream of chunks, like a buffered body. */
function plainStream(pieces: readonly string[]): ReadableStream<Chunk> {
  return ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
}

for (const [name, open] of [["of bytes", byteStream], ["of chunks", plainStream]] as const) {
  Deno.test(`BodySource reads a whole body from a stream ${name}, and refuses a length other than Content-Length`, async () => {
    const read = async (pieces: readonly string[], lengthBytes: number, maxBytes?: number) => {
      const body = await sourceOf(open(pieces), maxBytes).readWhole(lengthBytes);
      return body instanceof Uint8Array ? new TextDecoder().decode(body) : body.status;
    };
    assertEquals(await read(["a small ", "body, ", "in pieces"], 23), "a small body, in pieces");
    assertEquals(await read(["whole"], 5), "whole");
    assertEquals(await read(["too short"], 10), 400);
    assertEquals(await read([], 1), 400);
    assertEquals(await read(["as long", " as it was said, and longer"], 7), 400);
    assertEquals(await read(["more than is allowed"], 20, 10), 413);
  });
}

Deno.test("BodySource reads chunks into larger buffers after the first, and refuses a flood of small chunks", async () => {
  const sizes: number[] = [];
  let left = 300_000;
  const large = new ReadableStream<Chunk>({
    type: "bytes",
    pull(controller) {
      const request = (controller as ReadableByteStreamController).byobRequest!;
      const { byteLength } = request.view!;
      sizes.push(byteLength);
      left -= byteLength;
      if (left < 0) controller.close();
      request.respond(left < 0 ? 0 : byteLength);
    },
  });
  const options = { maxBytes: Infinity, timeoutMs: 10_000, deadlines, turns, isChunked: true };
  const source = new BodySource(large, options);
  while (await source.read() instanceof Uint8Array);
  assertEquals(sizes.map((bytes) => bytes / 1_024), [1, 64, 64, 64, 64, 64]);

  const flood = new BodySource(byteStream(Array(20_000).fill("x")), options);
  let read = await flood.read();
  while (read instanceof Uint8Array) read = await flood.read();
  assertEquals(read, { status: 400, detail: "The request body arrived in too many small chunks", breaksOff: true });
  flood.cancel();
});

Deno.test("BodySource reports a body that the client aborted, and cancels the stream", async () => {
  const source = sourceOf(byteStream(["the begin"], "broken"));
  assertEquals(await source.readWhole(20), { status: 400, detail: "The request body ended before it was complete" });
  source.cancel();
  let isCancelled = false;
  sourceOf(new ReadableStream({ cancel: () => void (isCancelled = true) })).cancel();
  assertEquals(isCancelled, true);
});

for (const piece of ["text", 1, { length: 4 }, new ArrayBuffer(4), new Uint16Array(2)]) {
  Deno.test(`BodySource refuses a stream of ${piece.constructor.name}`, async () => {
    const stream = () => ReadableStream.from([piece]) as ReadableStream<Chunk>;
    const problems = [await sourceOf(stream()).read(), await sourceOf(stream()).readWhole(4)];
    assertEquals(problems.map((problem) => problem && "status" in problem && problem.status), [500, 500]);
  });
}

Deno.test("BodySource takes no more memory for a body from Deno's server than the size of the body", async () => {
  const lengthBytes = 20_000;
  const taken = Promise.withResolvers<number>();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const before = Deno.memoryUsage().external;
    const body = await sourceOf(request.body!).readWhole(lengthBytes);
    taken.resolve(Deno.memoryUsage().external - before);
    return Response.json(body instanceof Uint8Array ? body.length : body);
  });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  // Head and body are sent separately: a body that arrives with the head is not a byte stream.
  await connection.write(
    new TextEncoder().encode(
      `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${lengthBytes}\r\nConnection: close\r\n\r\n`,
    ),
  );
  await connection.write(new Uint8Array(lengthBytes / 2));
  await connection.write(new Uint8Array(lengthBytes / 2));
  const response = await new Response(connection.readable).text();
  assertEquals(response.endsWith(`${lengthBytes}`), true, response);
  assertLess(await taken.promise, 2 * lengthBytes);
});

/** Returns the body of a connection, and records its end. */
function connectionSource(pull: (controller: ReadableStreamDefaultController<Chunk>) => void | Promise<void>) {
  const state = { isCancelled: false, isUploaded: false, source: undefined as unknown as BodySource };
  const now = () => Date.now();
  const body = new ReadableStream<Chunk>({ pull, cancel: () => void (state.isCancelled = true) });
  const listener = { isRelaying: false, onUploaded: () => void (state.isUploaded = true) };
  state.source = new BodySource(body, {
    maxBytes: 10,
    timeoutMs: 60_000,
    deadlines: new TimeoutQueues(now),
    turns: new LoopTurns({ sliceMs: 2, now }),
    watch: new UploadWatch(listener, { timeoutMs: 60_000, minBytesPerSecond: 240, now }),
    connection: { completed: new Promise(() => {}) },
  });
  return state;
}

Deno.test("BodySource discards the rest of a body to its end, beyond its maximum size, without a permit", async () => {
  let pieces = 0;
  const state = connectionSource((controller) => {
    if (pieces++ < 50) controller.enqueue(new Uint8Array(100));
    else controller.close();
  });
  const discarding = state.source.discard();
  assertEquals(state.isUploaded, true);
  await discarding;
  assertEquals([pieces, state.isCancelled], [51, false]);
});

Deno.test("BodySource gives up on a body whose client pauses for 5 s", async () => {
  using time = new FakeTime();
  const state = connectionSource(() => {});
  const discarding = state.source.discard();
  await time.tickAsync(4_900);
  assertEquals(state.isCancelled, false);
  await time.tickAsync(200);
  assertEquals(state.isCancelled, true);
  await discarding;
});

Deno.test("BodySource gives up on an endless body after 30 s", async () => {
  using time = new FakeTime();
  const state = connectionSource(async (controller) => {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (!state.isCancelled) controller.enqueue(new Uint8Array(1));
  });
  const discarding = state.source.discard();
  for (let second = 0; second < 29; second++) await time.tickAsync(1_000);
  assertEquals(state.isCancelled, false);
  for (let second = 0; second < 2; second++) await time.tickAsync(1_000);
  assertEquals(state.isCancelled, true);
  await discarding;
});
