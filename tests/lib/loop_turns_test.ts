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

/** Resolves in a later turn, after sockets and timers have been served. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("LoopTurns.count() changes if a promise waited for an event, and not within a turn", async () => {
  const turns = new LoopTurns({ sliceMs: 4, now: () => 0 });
  turns.pause();
  const { count } = turns;
  await Promise.resolve();
  assertEquals(turns.count, count);
  await nextTurn();
  assertEquals(turns.count, count + 1);
});

Deno.test("LoopTurns.hold() lets one task at a time exceed a turn", async () => {
  const turns = new LoopTurns({ sliceMs: 4, now: () => 0 });
  const [first, second] = [{}, {}];
  assertEquals([turns.hold(first), turns.hold(second), turns.hold(first)], [true, false, true]);
  await nextTurn();
  await turns.rest();
  assertEquals([turns.hold(second), turns.hold(first)], [true, false]);
  await nextTurn();
});

Deno.test("LoopTurns.hold() requires a rest of four times the duration of a long turn", async () => {
  let timeMs = 0;
  const turns = new LoopTurns({ sliceMs: 4, now: () => timeMs });
  const holdFor = async (durationMs: number) => {
    assertEquals(turns.hold(turns), true);
    timeMs += durationMs;
    await nextTurn();
    await turns.rest();
  };
  // Five slices are not long.
  await holdFor(20);
  await holdFor(30);
  assertEquals(turns.hold(turns), false);
  timeMs += 39;
  assertEquals(turns.hold(turns), false);
  timeMs += 1;
  assertEquals(turns.hold(turns), true);
  await nextTurn();
});
