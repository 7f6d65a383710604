import { assertEquals } from "@std/assert";
import { formatDuration, percent, wrapText } from "../../src/lib/text_format.ts";

for (
  const [durationMs, text] of [[0.84, "0.8 ms"], [9.96, "10 ms"], [34.4, "34 ms"], [999.6, "1 s"], [
    1_254,
    "1.25 s",
  ]] as const
) {
  Deno.test(`formatDuration() formats ${durationMs} ms as "${text}"`, () =>
    assertEquals(formatDuration(durationMs), text));
}

for (
  const [ratio, text] of [[0, "0 %"], [1, "100 %"], [0.99999, "99.999 %"], [0.00001, "0.001 %"], [
    0.1234,
    "12.3 %",
  ]] as const
) {
  Deno.test(`percent() formats ${ratio} as "${text}"`, () => assertEquals(percent(ratio), text));
}

Deno.test("wrapText() breaks between words, and gives a longer word a line of its own", () => {
  assertEquals(wrapText("one two three incomprehensible four", 9), ["one two", "three", "incomprehensible", "four"]);
  assertEquals(wrapText("", 9), [""]);
});
