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

Deno.test("TimeoutQueues calls each listener once, after its own time", () => {
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

Deno.test("Deadline.refresh() restarts the time, also after a stop", () => {
  using time = new FakeTime();
  const { start, expired } = scene();
  const refreshed = start(100, "refreshed");
  const stopped = start(100, "stopped");
  time.tick(90);
  refreshed.refresh();
  stopped.stop();
  time.tick(90);
  assertEquals(expired, []);
  stopped.refresh();
  time.tick(15);
  assertEquals(expired, ["refreshed"]);
  time.tick(100);
  assertEquals(expired, ["refreshed", "stopped"]);
});

Deno.test("TimeoutQueues leaves no timer behind when all deadlines are stopped", () => {
  // The sanitizer of Deno fails this test if a timer is left.
  const { start, expired } = scene();
  const first = start(60_000, "first");
  const second = start(60_000, "second");
  first.stop();
  second.stop();
  second.stop();
  assertEquals(expired, []);
});

Deno.test("TimeoutQueues continues when a listener stops or starts other deadlines", () => {
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
