import { assertEquals, assertGreater } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { LoopShare } from "../src/lib/loop_share.ts";

Deno.test("LoopShare runs tasks one after the other, in the share of the time that is theirs", async () => {
  using time = new FakeTime();
  const share = new LoopShare({ ratio: 0.25, burstMs: 20, sliceMs: 0, now: () => Date.now() });
  const startMs = Date.now();
  const ran: number[] = [];
  const tasks = Array.from({ length: 6 }, (_, index) =>
    share.run(() => {
      ran.push(index);
      time.tick(20);
      if (index === 1) throw new Error("a bug");
      return index;
    }).catch(String));
  let isDone = false;
  const all = Promise.all(tasks).finally(() => isDone = true);
  while (!isDone) await time.nextAsync();
  assertEquals(await all, [0, "Error: a bug", 2, 3, 4, 5]);
  assertEquals(ran, [0, 1, 2, 3, 4, 5]);
  assertGreater(Date.now() - startMs, (6 * 20 - 40) / 0.25);
});
