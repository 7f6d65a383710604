import { assertEquals } from "@std/assert";
import { Slab } from "../../src/lib/slab.ts";

Deno.test("Slab copies small pieces into shared buffers, without overlap", () => {
  const slab = new Slab();
  const source = new Uint8Array(1_000);
  const copies = Array.from({ length: 200 }, (_, index) => slab.copy(source.fill(index)));
  for (const [index, copy] of copies.entries()) assertEquals(copy, new Uint8Array(1_000).fill(index));
  assertEquals(new Set(copies.map(({ buffer }) => buffer)).size, 4);
});

Deno.test("Slab gives a large piece a buffer of its own", () => {
  const slab = new Slab();
  const copies = [new Uint8Array(8_192), new Uint8Array(8_193)].map((bytes) => slab.copy(bytes));
  assertEquals(copies.map(({ buffer }) => buffer.byteLength), [65_536, 8_193]);
});
