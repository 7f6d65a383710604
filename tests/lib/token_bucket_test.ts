import { assertAlmostEquals, assertEquals } from "@std/assert";
import { limitsForRate, TokenBucket } from "../../src/lib/token_bucket.ts";

Deno.test("TokenBucket gives the tokens of one second at once, then as many as the rate", () => {
  const bucket = new TokenBucket(limitsForRate(10));
  const taken = (count: number, nowMs: number) =>
    Array.from({ length: count }, () => bucket.tryTake(nowMs)).filter(Boolean).length;
  assertEquals(taken(100, 0), 10);
  assertEquals(taken(100, 99), 0);
  assertEquals(taken(100, 100), 1);
  assertEquals(taken(100, 600), 5);
  assertEquals(taken(100, 60_000), 10);
  assertEquals(taken(1, 50_000), 0);
});

Deno.test("TokenBucket gives at most twice the rate in a second, and the rate on average", () => {
  const bucket = new TokenBucket(limitsForRate(7));
  const times: number[] = [];
  for (let nowMs = 0; nowMs < 60_000; nowMs += 3) if (bucket.tryTake(nowMs)) times.push(nowMs);
  for (const from of times) assertEquals(times.filter((at) => at >= from && at < from + 1_000).length <= 14, true);
  assertEquals(times.length, 60 * 7 + 6);
});

Deno.test("TokenBucket saves up for one token at a rate below one per second", () => {
  const bucket = new TokenBucket(limitsForRate(0.5));
  const times = [0, 1, 1_000, 1_999, 2_000, 9_000, 9_001].map((nowMs) => bucket.tryTake(nowMs));
  assertEquals(times, [true, false, false, false, true, true, false]);
});

Deno.test("TokenBucket gives everything without a limit, and nothing at a rate of 0", () => {
  const unlimited = new TokenBucket(limitsForRate(Infinity));
  assertEquals(Array.from({ length: 1_000 }, () => unlimited.tryTake(0)).includes(false), false);
  assertEquals(new TokenBucket(limitsForRate(0)).tryTake(1_000), false);
});

Deno.test("TokenBucket without a rate gives its capacity, then one token for ten credits of a tenth", () => {
  const bucket = new TokenBucket({ capacity: 2 });
  assertEquals([1, 2, 3].map(() => bucket.tryTake()), [true, true, false]);
  for (let credit = 0; credit < 10; credit++) {
    assertEquals(bucket.tryTake(), false);
    bucket.credit(0.1);
  }
  assertEquals([1, 2].map(() => bucket.tryTake()), [true, false]);
  bucket.credit(100);
  assertEquals(bucket.level(), 2);
});

Deno.test("TokenBucket.take() may make the bucket negative, which must then refill", () => {
  const bucket = new TokenBucket({ capacity: 100, ratePerSecond: 10 });
  bucket.take(130, 0);
  assertEquals(bucket.level(0), -30);
  assertEquals(bucket.tryTake(3_000), false);
  assertEquals(bucket.tryTake(3_100), true);
  assertAlmostEquals(bucket.level(4_100), 10);
});

Deno.test("TokenBucket.reconfigure() keeps the tokens that fit", () => {
  const bucket = new TokenBucket(limitsForRate(10));
  for (let taken = 0; taken < 4; taken++) bucket.tryTake(0);
  bucket.reconfigure(limitsForRate(5));
  assertEquals(bucket.level(0), 5);
  bucket.reconfigure(limitsForRate(20));
  assertEquals(bucket.level(0), 5);
  assertEquals(bucket.level(500), 15);
});
