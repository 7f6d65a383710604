import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { BufferPool } from "../../src/lib/buffer_pool.ts";

Deno.test("BufferPool returns spare buffers of its size, and keeps at most 64", () => {
  const pool = new BufferPool(16);
  const buffer = pool.get();
  pool.put(buffer);
  pool.put(new Uint8Array(17));
  assertStrictEquals(pool.get(), buffer);
  assert(pool.get() !== buffer);
  const spare = Array.from({ length: 70 }, () => new Uint8Array(16));
  for (const one of spare) pool.put(one);
  const kept = Array.from({ length: 70 }, () => pool.get()).filter((one) => spare.includes(one));
  assertEquals(kept.length, 64);
});
