import { assertEquals } from "@std/assert";
import { Cancellation } from "../../src/lib/cancellation.ts";

Deno.test("Cancellation calls each listener once, in order, and no removed listener", () => {
  const cancellation = new Cancellation();
  const called: string[] = [];
  const [first, second, third] = ["first", "second", "third"].map((name) => () => void called.push(name));
  for (const listener of [first!, second!, third!]) cancellation.addEventListener("abort", listener);
  cancellation.removeEventListener("abort", second!);
  assertEquals(cancellation.aborted, false);
  cancellation.abort();
  cancellation.abort();
  assertEquals(called, ["first", "third"]);
  assertEquals(cancellation.aborted, true);
});

Deno.test("Cancellation accepts a listener after the first was removed, but none after the abort", () => {
  const cancellation = new Cancellation();
  const called: string[] = [];
  const [first, second, late] = ["first", "second", "late"].map((name) => () => void called.push(name));
  cancellation.addEventListener("abort", first!);
  cancellation.removeEventListener("abort", first!);
  cancellation.addEventListener("abort", second!);
  cancellation.abort();
  cancellation.addEventListener("abort", late!);
  cancellation.abort();
  assertEquals(called, ["second"]);
});

Deno.test("Cancellation calls listeners that remove each other during the abort", () => {
  const cancellation = new Cancellation();
  const called: string[] = [];
  const second = () => void called.push("second");
  cancellation.addEventListener("abort", () => {
    called.push("first");
    cancellation.removeEventListener("abort", second);
  });
  cancellation.addEventListener("abort", second);
  cancellation.abort();
  assertEquals(called, ["first", "second"]);
});
