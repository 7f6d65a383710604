import { assertEquals } from "@std/assert";
import { Cancellation } from "../../src/lib/cancellation.ts";

Deno.test("Cancellation tells each listener once, in order, and those who have been removed not at all", () => {
  const cancellation = new Cancellation();
  const told: string[] = [];
  const [first, second, third] = ["first", "second", "third"].map((name) => () => void told.push(name));
  for (const listener of [first!, second!, third!]) cancellation.addEventListener("abort", listener);
  cancellation.removeEventListener("abort", second!);
  assertEquals(cancellation.aborted, false);
  cancellation.abort();
  cancellation.abort();
  assertEquals(told, ["first", "third"]);
  assertEquals(cancellation.aborted, true);
});

Deno.test("Cancellation takes a listener in place of the first one that has gone, and none when it is over", () => {
  const cancellation = new Cancellation();
  const told: string[] = [];
  const [first, second, late] = ["first", "second", "late"].map((name) => () => void told.push(name));
  cancellation.addEventListener("abort", first!);
  cancellation.removeEventListener("abort", first!);
  cancellation.addEventListener("abort", second!);
  cancellation.abort();
  cancellation.addEventListener("abort", late!);
  cancellation.abort();
  assertEquals(told, ["second"]);
});

Deno.test("Cancellation tells listeners that remove themselves and each other", () => {
  const cancellation = new Cancellation();
  const told: string[] = [];
  const second = () => void told.push("second");
  cancellation.addEventListener("abort", () => {
    told.push("first");
    cancellation.removeEventListener("abort", second);
  });
  cancellation.addEventListener("abort", second);
  cancellation.abort();
  assertEquals(told, ["first", "second"]);
});
