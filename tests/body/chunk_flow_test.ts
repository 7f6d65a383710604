import { assertEquals, assertLess } from "@std/assert";
import { ChunkFlow } from "../../src/body/chunk_flow.ts";

/** Records chunks that were ready. Returns the number that were accepted. */
function recordReady(flow: ChunkFlow, count: number, lengthBytes: number): number {
  for (let accepted = 0; accepted < count; accepted++) if (!flow.record(lengthBytes, false)) return accepted;
  return count;
}

Deno.test("ChunkFlow.readBytes is 1 KiB until a chunk fills a read, then 64 KiB", () => {
  const flow = new ChunkFlow();
  const sizes = [1, 1_023, 1_024, 65_536, 1].map((lengthBytes) => {
    flow.record(lengthBytes, false);
    return flow.readBytes;
  });
  assertEquals(sizes, [1_024, 1_024, 65_536, 65_536, 65_536]);
});

Deno.test("ChunkFlow.isBehind is true from 32 KiB that may be unread until a read waits for the client", () => {
  const flow = new ChunkFlow();
  recordReady(flow, 36, 124);
  assertEquals(flow.isBehind, false);
  flow.record(124, false);
  assertEquals(flow.isBehind, true);
  flow.record(124, true);
  assertEquals(flow.isBehind, false);
});

Deno.test("ChunkFlow.isBehind is false after a chunk that filled a read", () => {
  const flow = new ChunkFlow();
  flow.record(1_024, false);
  recordReady(flow, 1_000, 300);
  assertEquals(flow.isBehind, false);
});

Deno.test("ChunkFlow.record() refuses 12,288 small chunks without a wait for the client", () => {
  assertEquals(recordReady(new ChunkFlow(), 20_000, 1), 12_287);
  assertEquals(recordReady(new ChunkFlow(), 20_000, 17), 20_000);
  const waiting = new ChunkFlow();
  for (let rounds = 0; rounds < 10; rounds++) {
    assertEquals(recordReady(waiting, 10_000, 1), 10_000);
    assertEquals(waiting.record(1, true), true);
  }
});

Deno.test("ChunkFlow.record() refuses small chunks soon after a large one", () => {
  const flow = new ChunkFlow();
  flow.record(1_024, false);
  assertLess(recordReady(flow, 20_000, 1), 13_000);
});

Deno.test("ChunkFlow.takeRest() is true once per 256 chunks, and only if nothing is unread", () => {
  const flow = new ChunkFlow();
  recordReady(flow, 300, 1);
  assertEquals(flow.takeRest(), false);
  flow.record(1, true);
  assertEquals([flow.takeRest(), flow.takeRest()], [true, false]);
});
