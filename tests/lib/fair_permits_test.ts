import { assertEquals } from "@std/assert";
import { FairPermits } from "../../src/lib/fair_permits.ts";

function takeAll(permits: FairPermits, key: string, max: number): number {
  let taken = 0;
  while (permits.tryAcquire(key, { max }) === "granted") taken++;
  return taken;
}

Deno.test("FairPermits enforces the maximum of a key and of all keys together", () => {
  const permits = new FairPermits();
  const bounds = { max: 3, maxPerKey: 2 };
  assertEquals(["a", "a", "a", "b", "b", "c"].map((key) => permits.tryAcquire(key, bounds)), [
    "granted",
    "granted",
    "key-full",
    "granted",
    "full",
    "full",
  ]);
  permits.release("a");
  assertEquals(permits.tryAcquire("c", bounds), "granted");
});

Deno.test("FairPermits without a maximum per key gives one greedy key 38 % of all, and each further key less", () => {
  const permits = new FairPermits();
  assertEquals(["first", "second", "third"].map((key) => takeAll(permits, key, 5_000)), [1_910, 932, 531]);
  assertEquals(permits.tryAcquire("first", { max: 5_000 }), "key-full");
});

Deno.test("FairPermits leaves permits free for a new key next to 100 greedy keys, interleaved or one after the other", () => {
  const one = new FairPermits();
  for (let key = 0; key < 100; key++) takeAll(one, `${key}`, 5_000);
  const turns = new FairPermits();
  for (let round = 0; round < 5_000; round++) turns.tryAcquire(`${round % 100}`, { max: 5_000 });
  for (const permits of [one, turns]) assertEquals(takeAll(permits, "new", 5_000) > 0, true);
});

Deno.test("FairPermits grants a key at least one permit while any is free", () => {
  for (const max of [1, 2, 3, 10]) {
    const permits = new FairPermits();
    for (let key = 0; key < max; key++) assertEquals(permits.tryAcquire(`${key}`, { max }), "granted");
    assertEquals(permits.tryAcquire("late", { max }), "full");
  }
});

Deno.test("FairPermits limits requests without a key only by the total", () => {
  const permits = new FairPermits();
  assertEquals([1, 2, 3].map(() => permits.tryAcquire(undefined, { max: 2, maxPerKey: 1 })), [
    "granted",
    "granted",
    "full",
  ]);
  permits.release(undefined);
  assertEquals(permits.tryAcquire(undefined, { max: 2 }), "granted");
});

Deno.test("FairPermits forgets unused keys, but no permit that is taken", () => {
  const permits = new FairPermits();
  const bounds = { max: Infinity, maxPerKey: 1 };
  permits.tryAcquire("held", bounds);
  for (let round = 0; round < 3; round++) {
    for (let key = 0; key < 3_000; key++) {
      assertEquals(permits.tryAcquire(`${key}`, bounds), "granted");
      assertEquals(permits.tryAcquire(`${key}`, bounds), "key-full");
      permits.release(`${key}`);
    }
  }
  assertEquals(permits.tryAcquire("held", bounds), "key-full");
  permits.release("held");
  assertEquals(permits.tryAcquire("held", bounds), "granted");
});
