import { assert, assertAlmostEquals, assertEquals, assertLess, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { Role } from "../../src/config/config.ts";
import { BodyFanOut } from "../../src/body/body_fan_out.ts";
import { BodySource } from "../../src/body/body_source.ts";
import { TimeoutQueues } from "../../src/lib/timeout_queues.ts";
import { LoopTurns } from "../../src/lib/loop_turns.ts";
import type { LocalReply } from "../../src/http/client_response.ts";

const KIB = 1024;

type Chunk = Uint8Array<ArrayBuffer>;

interface Scene {
  fanOut: BodyFanOut;
  problems: LocalReply[];
  log: string[];
  /** Adds a service. By default, its attempt has not finished. */
  branch(role: Role, isFinished?: boolean): ReadableStreamDefaultReader<Chunk>;
}

interface SceneOptions {
  windowBytes?: number;
  maxBytes?: number;
  isChunked?: boolean;
}

function scene(source: ReadableStream<Chunk>, options: SceneOptions = {}): Scene {
  const problems: LocalReply[] = [];
  const log: string[] = [];
  const deadlines = new TimeoutQueues(() => Date.now());
  const { windowBytes = 64 * KIB, maxBytes = Infinity, isChunked = false } = options;
  const body = new BodySource(source, {
    maxBytes,
    timeoutMs: 1_000,
    deadlines,
    turns: new LoopTurns({ sliceMs: 2, now: () => Date.now() }),
    isChunked,
  });
  const fanOut = new BodyFanOut(body, {
    windowBytes,
    detachBuffers: false,
    deadlines,
    timeoutMs: 1_000,
    onProblem: (problem) => problems.push(problem),
  });
  return {
    fanOut,
    problems,
    log,
    branch(role, isFinished = false) {
      const stream = fanOut.branch(role, {
        onProgress: () => log.push(`${role} progress`),
        onStarved: () => log.push(`${role} starved`),
        onBreak: (kind) => log.push(`${role} ${kind}`),
        isFinished: () => isFinished,
      });
      return stream.getReader();
    },
  };
}

/** Returns a body whose chunks are produced on demand, and counted by `pulled`. */
function chunks(count: number, bytes: number): { source: ReadableStream<Chunk>; pulled: () => number } {
  let pulled = 0;
  const source = new ReadableStream<Chunk>({
    pull(controller) {
      if (pulled === count) return controller.close();
      controller.enqueue(new Uint8Array(bytes).fill(++pulled % 251));
    },
  }, { highWaterMark: 0 });
  return { source, pulled: () => pulled };
}

async function readAll(reader: ReadableStreamDefaultReader<Chunk>): Promise<number> {
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes;
    bytes += value.length;
  }
}

/** Waits until no microtask is left. */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

Deno.test("BodyFanOut sends the whole body to every service", async () => {
  const { fanOut, branch, problems } = scene(chunks(100, KIB).source);
  const readers = [branch("primary"), branch("secondary"), branch("shadow")];
  const [, ...sizes] = await Promise.all([fanOut.pump(), ...readers.map(readAll)]);
  assertEquals(sizes, [100 * KIB, 100 * KIB, 100 * KIB]);
  assertEquals(problems, []);
});

Deno.test("BodyFanOut reads at most 64 KiB ahead of the primary", async () => {
  const { source, pulled } = chunks(1_000, KIB);
  const { fanOut, branch } = scene(source);
  const reader = branch("primary");
  const pumping = fanOut.pump();
  await flush();
  assert(pulled() <= 65, `${pulled()} chunks were read for a primary that reads nothing`);
  await reader.cancel();
  await pumping;
});

Deno.test("BodyFanOut reads small chunks that are ready up to 256 KiB ahead of the primary, then waits until less than 64 KiB are left", async () => {
  const { source, pulled } = chunks(20_000, 128);
  const { fanOut, branch } = scene(source, { windowBytes: 1_024 * KIB, isChunked: true });
  const reader = branch("primary");
  const pumping = fanOut.pump();
  /** Waits until about as much as expected has been pulled, and then for more that must not come. */
  const settled = async (expected: number) => {
    const isNear = () => Math.abs(pulled() * 128 - expected) <= KIB;
    for (const endMs = Date.now() + 10_000; !isNear() && Date.now() < endMs;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertAlmostEquals(pulled() * 128, expected, KIB);
  };
  await settled(256 * KIB);
  let readBytes = 0;
  while (readBytes < 128 * KIB) readBytes += (await reader.read()).value!.length;
  await settled(256 * KIB);
  while (readBytes <= 192 * KIB) readBytes += (await reader.read()).value!.length;
  await settled(readBytes + 256 * KIB);
  await reader.cancel();
  await pumping;
});

Deno.test("BodyFanOut aborts a secondary that lags by more than the window, and the primary gets the whole body", async () => {
  const { fanOut, branch, log, problems } = scene(chunks(200, KIB).source);
  const primary = branch("primary");
  const secondary = branch("secondary");
  const [, bytes] = await Promise.all([fanOut.pump(), readAll(primary)]);
  assertEquals(bytes, 200 * KIB);
  assertEquals(log.filter((line) => line.startsWith("secondary")), ["secondary body-lag"]);
  await assertRejects(() => readAll(secondary), Error, "aborted");
  assertEquals(problems, []);
});

Deno.test("BodyFanOut measures the lag of a secondary from the primary, not from the bytes read ahead", async () => {
  const { fanOut, branch, log } = scene(chunks(125, 8 * KIB).source, { windowBytes: 512 * KIB });
  const primary = branch("primary");
  const secondary = branch("secondary");
  const pumping = fanOut.pump();
  // First, as much as possible is read ahead. Then the secondary lags by half a window.
  for (let pause = 0; pause < 40; pause++) await flush();
  for (let chunk = 0; chunk < 32; chunk++) await primary.read();
  const [, ahead, behind] = await Promise.all([pumping, readAll(primary), readAll(secondary)]);
  assertEquals([ahead, behind], [744 * KIB, 1_000 * KIB]);
  assertEquals(log.includes("secondary body-lag"), false);
});

Deno.test("BodyFanOut lets the secondaries set the pace if no primary is left", async () => {
  const { source, pulled } = chunks(200, KIB);
  const { fanOut, branch, log } = scene(source);
  const primary = branch("primary");
  const secondary = branch("secondary");
  const pumping = fanOut.pump();
  await primary.cancel();
  await flush();
  assert(pulled() <= 66, `${pulled()} chunks were read for a secondary that reads nothing`);
  assertEquals(await readAll(secondary), 200 * KIB);
  assertEquals(log.includes("secondary body-lag"), false);
  await pumping;
});

Deno.test("BodyFanOut stops reading if only shadows are left, and aborts them", async () => {
  const { fanOut, branch, log, problems } = scene(chunks(1_000, KIB).source);
  const primary = branch("primary");
  branch("shadow");
  const pumping = fanOut.pump();
  await primary.cancel();
  await pumping;
  assertEquals(log.filter((line) => line.startsWith("shadow")), ["shadow aborted"]);
  assertEquals(problems, []);
});

Deno.test("BodyFanOut never makes a body that the client aborted look complete", async () => {
  const source = new ReadableStream<Chunk>({
    start(controller) {
      controller.enqueue(new Uint8Array(10));
    },
    pull(controller) {
      controller.error(new Error("connection reset"));
    },
  });
  const { fanOut, branch, log, problems } = scene(source);
  const reader = branch("primary");
  const [, read] = await Promise.allSettled([fanOut.pump(), readAll(reader)]);
  assertEquals(read.status, "rejected");
  assertEquals(problems.map(({ status }) => status), [400]);
  assertEquals(log.at(-1), "primary aborted");
});

Deno.test("BodyFanOut reports 413 as soon as a body is larger than allowed", async () => {
  const { source, pulled } = chunks(1_000, KIB);
  const { fanOut, branch, problems } = scene(source, { maxBytes: 10 * KIB });
  const reader = branch("primary");
  await Promise.allSettled([fanOut.pump(), readAll(reader)]);
  assertEquals(problems.map(({ status }) => status), [413]);
  assertEquals(pulled(), 11);
});

Deno.test("BodyFanOut reports 408 for a client that pauses for too long", async () => {
  using time = new FakeTime();
  const { fanOut, branch, problems, log } = scene(new ReadableStream<Chunk>());
  const reader = branch("primary");
  const read = readAll(reader).catch(() => "failed");
  const pumping = fanOut.pump();
  await time.tickAsync(900);
  assertEquals(problems, []);
  await time.tickAsync(200);
  await pumping;
  assertEquals(problems.map(({ status }) => status), [408]);
  assertEquals(await read, "failed");
  assertEquals(log, ["primary starved", "primary aborted"]);
});

Deno.test("BodyFanOut distinguishes pauses of the service from those of the client", async () => {
  let feed!: ReadableStreamDefaultController<Chunk>;
  const source = new ReadableStream<Chunk>({
    start(controller) {
      feed = controller;
    },
  });
  const { fanOut, branch, log } = scene(source);
  const reader = branch("primary");
  const pumping = fanOut.pump();
  const first = reader.read();
  await flush();
  assertEquals(log, ["primary starved"]);
  feed.enqueue(new Uint8Array(1));
  await first;
  assertEquals(log, ["primary starved", "primary progress"]);
  feed.close();
  assertEquals((await reader.read()).done, true);
  await pumping;
});

/** Returns a body of single bytes, each in its own buffer of 64 KiB, as runtimes return them. */
function singleBytes(count: number): ReadableStream<Chunk> {
  let sent = 0;
  return new ReadableStream<Chunk>({
    pull(controller) {
      if (sent === count) return controller.close();
      controller.enqueue(new Uint8Array(64 * KIB).fill(++sent % 251).subarray(0, 1));
    },
  }, { highWaterMark: 0 });
}

Deno.test("BodyFanOut packs single bytes for a service that lags, without changing them", async () => {
  const { fanOut, branch, log } = scene(singleBytes(5_000));
  const readers = [branch("primary"), branch("secondary")] as const;
  await Promise.all([fanOut.pump(), readAll(readers[0])]);
  const pieces: Chunk[] = [];
  for (let read = await readers[1].read(); !read.done; read = await readers[1].read()) pieces.push(read.value);
  const bytes = pieces.flatMap((piece) => [...piece]);
  assertEquals(bytes, Array.from({ length: 5_000 }, (_, index) => (index + 1) % 251));
  const heldBytes = [...new Set(pieces.map(({ buffer }) => buffer))].reduce(
    (sum, { byteLength }) => sum + byteLength,
    0,
  );
  assertLess(heldBytes, 2 * 5_000);
  assertLess(pieces.length, 10);
  assertEquals(log.includes("secondary body-lag"), false);
});

Deno.test("BodyFanOut aborts a stalled service whose attempt has finished, and not one whose attempt is pending", async () => {
  using time = new FakeTime();
  for (const isFinished of [true, false]) {
    const { fanOut, branch, log, problems } = scene(chunks(1_000, KIB).source);
    const reader = branch("primary", isFinished);
    let isDone = false;
    const pumping = fanOut.pump().then(() => isDone = true);
    await time.tickAsync(900);
    assertEquals(isDone, false);
    await time.tickAsync(2_200);
    await flush();
    assertEquals([isDone, log.at(-1), problems], isFinished ? [true, "primary aborted", []] : [false, log.at(-1), []]);
    await reader.cancel().catch(() => {});
    await pumping;
  }
});
