import { assertEquals } from "@std/assert";
import { Tally } from "../src/exchange/tally.ts";

Deno.test("Tally has as many places under a name as it is told, and each is given back once", () => {
  const tally = new Tally();
  const [first, second] = [tally.take("a", 2), tally.take("a", 2)];
  assertEquals(tally.take("a", 2), undefined);
  assertEquals(tally.take("b", 1) !== undefined, true);
  first!();
  first!();
  assertEquals(tally.take("a", 2) !== undefined, true);
  assertEquals(tally.take("a", 2), undefined);
  second!();
  assertEquals(tally.take("a", 2) !== undefined, true);
});

Deno.test("Tally forgets thousands of names that nobody has a place under any more, and no place that is taken", () => {
  const tally = new Tally();
  const held = tally.take("held", 1)!;
  for (let round = 0; round < 3; round++) {
    for (let client = 0; client < 3_000; client++) {
      const giveBack = tally.take(`${client}`, 1)!;
      assertEquals(tally.take(`${client}`, 1), undefined);
      giveBack();
    }
  }
  assertEquals(tally.take("held", 1), undefined);
  held();
  assertEquals(tally.take("held", 1) !== undefined, true);
});
