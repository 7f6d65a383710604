import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { TimeoutQueues } from "../../src/lib/timeout_queues.ts";

function scene() {
  const deadlines = new TimeoutQueues(() => Date.now());
  const expired: string[] = [];
  const start = (timeoutMs: number, name: string, then = () => {}) =>
    deadlines.start(timeoutMs, {
      onTimeout() {
        expired.push(name);
        then();
      },
    });
  return { start, expired };
}

Deno.test("Deadlines expire once, each after its own time", () => {
  using time = new FakeTime();
  const { start, expired } = scene();
  start(100, "a");
  time.tick(50);
  start(100, "b");
  start(20, "c");
  time.tick(20);
  assertEquals(expired, ["c"]);
  time.tick(30);
  assertEquals(expired, ["c", "a"]);
  time.tick(52);
  assertEquals(expired, ["c", "a", "b"]);
  time.tick(1_000);
  assertEquals(expired, ["c", "a", "b"]);
});

Deno.test("Deadline.touch() starts the time anew, after a stop too", () => {
  using time = new FakeTime();
  const { start, expired } = scene();
  const touched = start(100, "touched");
  const stopped = start(100, "stopped");
  time.tick(90);
  touched.refresh();
  stopped.stop();
  time.tick(90);
  assertEquals(expired, []);
  stopped.refresh();
  time.tick(15);
  assertEquals(expired, ["touched"]);
  time.tick(100);
  assertEquals(expired, ["touched", "stopped"]);
});

Deno.test("Deadlines leave no timer behind when all are stopped", () => {
  // Deno's sanitizer fails this test if the real timer is left.
  const { start, expired } = scene();
  const first = start(60_000, "first");
  const second = start(60_000, "second");
  first.stop();
  second.stop();
  second.stop();
  assertEquals(expired, []);
});

Deno.test("Deadlines go on when one that expires stops or starts others", () => {
  using time = new FakeTime();
  const { start, expired } = scene();
  start(10, "first", () => {
    second.stop();
    start(10, "third");
  });
  const second = start(10, "second");
  time.tick(30);
  assertEquals(expired, ["first", "third"]);
});
