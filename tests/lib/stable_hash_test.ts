import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { stableHash } from "../../src/lib/stable_hash.ts";

// From a second implementation. A change would move clients in and out of samples.
const HASHES: readonly (readonly [salt: string, text: string, hash: number])[] = [
  ["copy", "user-1", 2_662_322_550],
  ["copy", "user-2", 3_662_664_789],
  ["other", "user-1", 727_646_918],
  ["copy", "", 1_923_809_427],
  ["copy", "ÿ€", 3_637_717_191],
];

for (const [salt, text, hash] of HASHES) {
  Deno.test(`stableHash() of "${text}" under "${salt}" does not change`, () => {
    assertEquals(Math.round(stableHash(salt, text) * 2 ** 32), hash);
  });
}

/** Names of users, sessions and addresses. */
const CLIENTS: readonly (readonly [what: string, name: (index: number) => string])[] = [
  ["numbered users", (index) => `user-${index}`],
  ["bare numbers", String],
  ["addresses", (index) => `10.0.${index >> 8}.${index & 255}`],
  ["long ids", (index) => `7d9f0e3c-5a4b-4c1d-9e8f-${index.toString(16).padStart(12, "0")}`],
];

for (const [what, name] of CLIENTS) {
  Deno.test(`stableHash() spreads ${what} evenly`, () => {
    const [count, cells] = [10_000, 20];
    const counts = new Array<number>(cells).fill(0);
    for (let index = 0; index < count; index++) counts[Math.floor(stableHash("copy", name(index)) * cells)]!++;
    const expected = count / cells;
    const chiSquare = counts.reduce((sum, found) => sum + (found - expected) ** 2 / expected, 0);
    // With 19 degrees of freedom, one in a thousand uniform samples is above 43.8.
    assertLess(chiSquare, 43.8);
  });

  Deno.test(`stableHash() selects ${what} for one salt independently of another`, () => {
    const count = 10_000;
    let both = 0;
    for (let index = 0; index < count; index++) {
      if (stableHash("v2", name(index)) < 0.3 && stableHash("v3", name(index)) < 0.3) both++;
    }
    // The expected number is 900, with a standard deviation of 28.6.
    assertAlmostEquals(both, 900, 100);
  });
}
