import { assert, assertEquals } from "@std/assert";
import { GrowingBytes } from "../../src/lib/growing_bytes.ts";

Deno.test("GrowingBytes copies chunks, stays within its maximum, and reserves its memory", () => {
  let reserved = 0;
  const memory = {
    reserve: (bytes: number) => reserved + bytes <= 6_000 && (reserved += bytes) > 0,
    release: (bytes: number) => void (reserved -= bytes),
  };
  const bytes = new GrowingBytes(10_000, memory);
  const chunk = new Uint8Array([1]);
  for (let count = 0; count < 2_000; count++) assert(bytes.append(chunk));
  chunk[0] = 2;
  assertEquals([bytes.length, bytes.bytes.every((byte) => byte === 1), reserved], [2_000, true, 2_048]);
  // Both buffers exist during the copy, which needs 4,096 further bytes.
  assertEquals(bytes.append(new Uint8Array(100)), false);
  assertEquals([bytes.length, reserved], [2_000, 2_048]);
  bytes.clear();
  assertEquals([bytes.length, reserved], [0, 0]);
  assertEquals(bytes.append(new Uint8Array(10_001)), false);
  assertEquals(bytes.adopt(new Uint8Array(7_000)), false);
  assert(bytes.adopt(new Uint8Array(5_000)));
  assertEquals([bytes.length, reserved], [5_000, 5_000]);
});
