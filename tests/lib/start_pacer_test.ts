import { assertEquals, assertLessOrEqual } from "@std/assert";
import { MAX_STARTS_PER_TURN, MAX_UNPACED, StartPacer } from "../../src/lib/start_pacer.ts";

/** Begins tasks and returns the numbers of those that have started, in order. */
function beginTasks(pacer: StartPacer, count: number): number[] {
  const started: number[] = [];
  for (let task = 0; task < count; task++) {
    const start = pacer.begin();
    if (start === undefined) started.push(task);
    else start.then(() => started.push(task));
  }
  return started;
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Resolves in the next turn: timers of equal length fire in order. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("StartPacer starts tasks at once while few are pending, without a timer", () => {
  const pacer = new StartPacer();
  for (let round = 0; round < 5; round++) {
    assertEquals(beginTasks(pacer, MAX_UNPACED).length, MAX_UNPACED);
    for (let task = 0; task < MAX_UNPACED; task++) pacer.end();
  }
});

Deno.test("StartPacer starts all tasks in order although none ends, a limited number per turn", async () => {
  const pacer = new StartPacer();
  beginTasks(pacer, MAX_UNPACED);
  await nextTurn();
  const count = 10 * MAX_STARTS_PER_TURN;
  const started = beginTasks(pacer, count);
  for (let before = 0; started.length < count; before = started.length) {
    assertLessOrEqual(started.length - before, MAX_STARTS_PER_TURN);
    await nextTurn();
  }
  assertEquals(started, numbersTo(count));
});

/** Begins tasks until one must wait, which is the last one. Returns the numbers of those that have started. */
function beginUntilWaiting(pacer: StartPacer): { started: number[]; count: number } {
  const count = MAX_UNPACED + 1;
  return { started: beginTasks(pacer, count), count };
}

Deno.test("StartPacer starts a waiting task when another one ends and few are pending", async () => {
  const pacer = new StartPacer();
  const { started, count } = beginUntilWaiting(pacer);
  assertEquals(started, numbersTo(count - 1));
  pacer.end();
  await Promise.resolve();
  assertEquals(started, numbersTo(count));
  await nextTurn();
});

Deno.test("StartPacer does not let a new task overtake a waiting one", async () => {
  const pacer = new StartPacer();
  const { started, count } = beginUntilWaiting(pacer);
  const late = pacer.begin()?.then(() => started.push(count));
  await late;
  assertEquals(started, numbersTo(count + 1));
});
