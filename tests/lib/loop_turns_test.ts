import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { LoopTurns } from "../../src/lib/loop_turns.ts";

Deno.test("LoopTurns lets timers run while tasks never wait, and shares the time between them", async () => {
  // Each reading of the clock takes a millisecond.
  let timeMs = 0;
  const turns = new LoopTurns({ sliceMs: 4, now: () => timeMs++ });
  let timers = 0;
  let isDone = false;
  const tick = () => void (timers++, isDone || setTimeout(tick));
  tick();
  const steps = Array<number>(10).fill(0);
  const mostApart: number[] = [];
  await Promise.all(steps.map(async (_, task) => {
    while (steps[task]! < 50) {
      await turns.turn();
      steps[task]!++;
      mostApart.push(Math.max(...steps) - Math.min(...steps));
    }
  }));
  isDone = true;
  assertGreater(timers, 50);
  assertLess(Math.max(...mostApart), 10);
});

Deno.test("LoopTurns does not delay a task that yields to the event loop anyway", async () => {
  // Each reading of the clock takes longer than a slice.
  let timeMs = 0;
  const turns = new LoopTurns({ sliceMs: 4, now: () => timeMs += 10 });
  for (let turn = 0; turn < 20; turn++) {
    assertEquals(turns.pause(), undefined);
    await new Promise((resolve) => setTimeout(resolve));
  }
});
