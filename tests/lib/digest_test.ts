import { assertEquals } from "@std/assert";
import { Digest } from "../../src/lib/digest.ts";

const TEXT = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `name ${id * 7919}` })));
const PLAIN = new TextEncoder().encode(TEXT);

function digestOf(bytes: Uint8Array): string {
  const digest = new Digest();
  digest.update(bytes);
  return digest.toString();
}

Deno.test("Digest does not depend on the chunk boundaries", () => {
  const expected = digestOf(PLAIN);
  for (const size of [1, 2, 3, 5, 7, 1_000]) {
    const digest = new Digest();
    for (let at = 0; at < PLAIN.length; at += size) digest.update(PLAIN.subarray(at, at + size));
    assertEquals(digest.toString(), expected);
  }
});

Deno.test("Digest differs for bodies that differ in length, in one bit, or in the order of words", () => {
  const digests = new Set<string>();
  for (let length = 0; length < 64; length++) digests.add(digestOf(new Uint8Array(length)));
  for (let at = 0; at < 1_000; at++) {
    for (const bit of [1, 128]) digests.add(digestOf(PLAIN.with(at, PLAIN[at]! ^ bit)));
  }
  for (let at = 0; at < 1_000; at++) digests.add(digestOf(swapped(at)));
  const swaps = new Set(Array.from({ length: 1_000 }, (_, at) => String.fromCharCode(...swapped(at))));
  assertEquals(digests.size, 64 + 2_000 + swaps.size);
});

/** Returns the text with two adjacent words swapped. */
function swapped(word: number): Uint8Array {
  const copy = PLAIN.slice();
  copy.set(PLAIN.subarray(4 * word + 4, 4 * word + 8), 4 * word);
  copy.set(PLAIN.subarray(4 * word, 4 * word + 4), 4 * word + 4);
  return copy;
}
