/** Cost of a streaming request body with several readers, compared with one reader. */

import type { Role } from "../../src/config/config.ts";
import { BodyFanOut } from "../../src/body/body_fan_out.ts";
import { BodySource } from "../../src/body/body_source.ts";
import { TimeoutQueues } from "../../src/lib/timeout_queues.ts";
import { LoopTurns } from "../../src/lib/loop_turns.ts";

const CHUNK = new Uint8Array(65_536);
const CHUNKS = 16;
const ROLES: readonly Role[] = ["primary", "secondary", "shadow", "shadow"];
const HOOKS = { isFinished: () => false, onProgress() {}, onStarved() {}, onBreak() {} };

const deadlines = new TimeoutQueues(() => performance.now());
const turns = new LoopTurns({ sliceMs: 2, now: () => performance.now() });

function body(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = CHUNKS;
  return new ReadableStream({
    pull: (controller) => left-- > 0 ? controller.enqueue(CHUNK) : controller.close(),
  }, { highWaterMark: 0 });
}

async function read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  if (bytes !== CHUNKS * CHUNK.length) throw new Error("Cannot measure: the body is incomplete");
}

Deno.bench("1 MiB in 64 KiB chunks, read as it is", { group: "body", baseline: true }, async () => {
  await read(body());
});
for (const services of [1, 2, 4]) {
  Deno.bench(`1 MiB in 64 KiB chunks, BodyFanOut to ${services}`, { group: "body" }, async () => {
    const source = new BodySource(body(), { maxBytes: Infinity, timeoutMs: 30_000, deadlines, turns });
    const fanOut = new BodyFanOut(source, {
      windowBytes: 1_048_576,
      detachBuffers: false,
      deadlines,
      timeoutMs: 30_000,
      onProblem() {},
    });
    const readers = ROLES.slice(0, services).map((role) => read(fanOut.branch(role, HOOKS)));
    await Promise.all([fanOut.pump(), ...readers]);
  });
}
