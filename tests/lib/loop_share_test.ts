import { assertGreater } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { LoopShare } from "../../src/lib/loop_share.ts";

Deno.test("LoopShare limits the average time of a task, even if its slices take too long", async () => {
  using time = new FakeTime();
  const share = new LoopShare({ ratio: 0.25, burstMs: 20, sliceMs: 2, now: () => Date.now() });
  const startMs = Date.now();
  let isDone = false;
  const task = async () => {
    for (let slice = 0; slice < 6; slice++) {
      await share.nextSlice();
      time.tick(20);
      share.endSlice();
    }
    await share.nextSlice();
    isDone = true;
  };
  const running = task();
  while (!isDone) await time.nextAsync();
  await running;
  assertGreater(Date.now() - startMs, (6 * 20 - 40) / 0.25);
});
