import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Deadlines } from "../src/exchange/deadline.ts";

function scene(): { deadlines: Deadlines; expired: string[] } {
  return { deadlines: new Deadlines(() => Date.now()), expired: [] };
}

Deno.test("Deadlines expire once, each after its own time", () => {
  using time = new FakeTime();
  const { deadlines, expired } = scene();
  deadlines.start(100, () => expired.push("a"));
  time.tick(50);
  deadlines.start(100, () => expired.push("b"));
  deadlines.start(20, () => expired.push("c"));
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
  const { deadlines, expired } = scene();
  const touched = deadlines.start(100, () => expired.push("touched"));
  const stopped = deadlines.start(100, () => expired.push("stopped"));
  time.tick(90);
  touched.touch();
  stopped.stop();
  time.tick(90);
  assertEquals(expired, []);
  stopped.touch();
  time.tick(15);
  assertEquals(expired, ["touched"]);
  time.tick(100);
  assertEquals(expired, ["touched", "stopped"]);
});

Deno.test("Deadlines leave no timer behind when all are stopped", () => {
  // Deno's sanitizer fails this test if the real timer is left.
  const { deadlines, expired } = scene();
  const first = deadlines.start(60_000, () => expired.push("first"));
  const second = deadlines.start(60_000, () => expired.push("second"));
  first.stop();
  second.stop();
  second.stop();
  assertEquals(expired, []);
});

Deno.test("Deadlines go on when one that expires stops or starts others", () => {
  using time = new FakeTime();
  const { deadlines, expired } = scene();
  deadlines.start(10, () => {
    expired.push("first");
    second.stop();
    deadlines.start(10, () => expired.push("third"));
  });
  const second = deadlines.start(10, () => expired.push("second"));
  time.tick(30);
  assertEquals(expired, ["first", "third"]);
});
