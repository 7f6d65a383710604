import { assert, assertEquals } from "@std/assert";
import { GrowingBytes } from "../../src/lib/growing_bytes.ts";

Deno.test("GrowingBytes copies pieces, stays within its maximum, and takes its memory from the source", () => {
  let taken = 0;
  const memory = {
    reserve: (bytes: number) => taken + bytes <= 6_000 && (taken += bytes) > 0,
    release: (bytes: number) => void (taken -= bytes),
  };
  const bytes = new GrowingBytes(10_000, memory);
  const piece = new Uint8Array([1]);
  for (let count = 0; count < 2_000; count++) assert(bytes.append(piece));
  piece[0] = 2;
  assertEquals([bytes.length, bytes.bytes.every((byte) => byte === 1), taken], [2_000, true, 2_048]);
  // Both buffers are held during the copy, which takes 4,096 further bytes.
  assertEquals(bytes.append(new Uint8Array(100)), false);
  assertEquals([bytes.length, taken], [2_000, 2_048]);
  bytes.clear();
  assertEquals([bytes.length, taken], [0, 0]);
  assertEquals(bytes.append(new Uint8Array(10_001)), false);
  assertEquals(bytes.adopt(new Uint8Array(7_000)), false);
  assert(bytes.adopt(new Uint8Array(5_000)));
  assertEquals([bytes.length, taken], [5_000, 5_000]);
});
