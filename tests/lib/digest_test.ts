import { assertEquals } from "@std/assert";
import { Digest, randomDigestKey } from "../../src/lib/digest.ts";

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

// Columns: number of bytes; digest by an independent implementation of HalfSipHash-1-3, checked against the vectors of
// the reference implementation of HalfSipHash-2-4.
const VECTORS: readonly (readonly [bytes: number, digest: string])[] = [
  [0, "21d0a5762af72023"],
  [1, "8d74e8879733d36f"],
  [3, "a339523e3e6cde6b"],
  [4, "a0db24eb05ae8c71"],
  [5, "4e46e783e6bdc3cb"],
  [63, "20c4123cc1c51419"],
];

for (const [bytes, expected] of VECTORS) {
  Deno.test(`Digest is HalfSipHash-1-3, for ${bytes} bytes`, () => {
    const digest = new Digest([0x03020100, 0x07060504]);
    digest.update(Uint8Array.from({ length: bytes }, (_, index) => index));
    assertEquals([digest.toString(), digest.length], [expected, bytes]);
  });
}

Deno.test("Digest differs for different keys", () => {
  const digests = Array.from({ length: 100 }, () => {
    const digest = new Digest(randomDigestKey());
    digest.update(PLAIN);
    return digest.toString();
  });
  assertEquals(new Set(digests).size, 100);
});

/** Returns the text with two adjacent words swapped. */
function swapped(word: number): Uint8Array {
  const copy = PLAIN.slice();
  copy.set(PLAIN.subarray(4 * word + 4, 4 * word + 8), 4 * word);
  copy.set(PLAIN.subarray(4 * word, 4 * word + 4), 4 * word + 4);
  return copy;
}
