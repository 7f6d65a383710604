import { assertEquals } from "@std/assert";
import { ELEMENT } from "../../src/config/body_path.ts";
import { compareJson, compareLeaves } from "../../src/compare/compare_json.ts";
import { type ComparisonContext, DifferenceList } from "../../src/compare/difference.ts";
import { parseExactJson } from "../../src/lib/exact_json.ts";
import { differingLeaves } from "../../src/compare/lockstep_json.ts";
import { StepBudget } from "../../src/lib/step_budget.ts";
import { compareRules } from "../_support/comparisons.ts";

const encoder = new TextEncoder();

function contextOf(differences: DifferenceList, rules = compareRules()): ComparisonContext {
  return { rules, differences, steps: new StepBudget() };
}

function leaves(a: string, b: string) {
  return differingLeaves(encoder.encode(a), encoder.encode(b));
}

Deno.test("differingLeaves() finds differing values with their paths", () => {
  const found = leaves('{"a": [1, {"b c": "x", "n": 2}], "t": true}', '{"a": [1, {"b c": "yy", "n": 2}], "t": null}');
  assertEquals(found, [
    { path: ["a", ELEMENT, "b c"], expected: "x", actual: "yy" },
    { path: ["t"], expected: true, actual: null },
  ]);
});

for (
  const [a, b] of [
    ['{"a":1,"b":"x"}', '{"a":1,"b":"x"}'],
    ['{"ä":"ö","e":"\\u00e9"}', '{"ä":"ö","e":"é"}'],
    ["[1,1.0,1e3,-0,10]", "[1,1,1000,0,10]"],
    ["[]", "[]"],
    ["{}", "{}"],
    [" 12 ", " 12 "],
    ['"\\""', '"\\""'],
  ] as const
) {
  Deno.test(`differingLeaves() finds nothing between ${a} and ${b}`, () => {
    const differences = new DifferenceList({ hasSamples: false });
    assertEquals(compareLeaves(leaves(a, b)!, contextOf(differences)), true);
    assertEquals(differences.toArray(), []);
  });
}

for (
  const [why, a, b] of [
    ["other keys", '{"a":1}', '{"b":1}'],
    ["another order of keys", '{"a":1,"b":2}', '{"b":2,"a":1}'],
    ["more members", '{"a":1}', '{"a":1,"b":2}'],
    ["more elements", "[1,2]", "[1,2,3]"],
    ["a container instead of a value", '{"a":1}', '{"a":[1]}'],
    ["a value instead of a container", '{"a":{}}', '{"a":1}'],
    ["other white space", '{"a": 1}', '{"a":1}'],
    ["a duplicate key after a difference", '{"a":1,"a":3}', '{"a":2,"a":3}'],
    ["a duplicate key around a difference", '{"a":{"b":1},"a":3}', '{"a":{"b":2},"a":3}'],
    ["an escaped key", '{"\\u0061":1}', '{"\\u0061":2}'],
    ["an invalid number", "[01,2]", "[01,3]"],
    ["a point without digits", "[1.,2]", "[1.,3]"],
    ["an invalid literal", "[truth,2]", "[truth,3]"],
    ["a control character", '["a\nb",2]', '["a\nb",3]'],
    ["an invalid escape", '["\\x",2]', '["\\x",3]'],
    ["a trailing comma", "[1,]", "[2,]"],
    ["text after the document", "[1] x", "[2] x"],
    ["a truncated document", '{"a":"x', '{"a":"y'],
    ["no document", "", " "],
    ["a byte order mark", "\ufeff[1]", "\ufeff[2]"],
    ["great depth", "[".repeat(70) + 1 + "]".repeat(70), "[".repeat(70) + 2 + "]".repeat(70)],
  ] as const
) {
  Deno.test(`differingLeaves() leaves to a parser: ${why}`, () => assertEquals(leaves(a, b), undefined));
}

Deno.test("differingLeaves() refuses invalid UTF-8 at any position", () => {
  const broken = (text: string) => encoder.encode(text).map((byte) => byte === 0x3f ? 0xff : byte);
  assertEquals(differingLeaves(broken('["?",1]'), broken('["?",2]')), undefined);
  assertEquals(differingLeaves(broken('["?x"]'), broken('["?y"]')), undefined);
  assertEquals(differingLeaves(broken('{"?":1}'), broken('{"?":2}')), undefined);
});

Deno.test("compareLeaves() refuses leaves within unordered arrays", () => {
  const rules = compareRules({ arrays: "$.a" });
  const differences = new DifferenceList({ hasSamples: false });
  assertEquals(compareLeaves(leaves('{"a":[1,2]}', '{"a":[2,1]}')!, contextOf(differences, rules)), false);
  assertEquals(compareLeaves(leaves('{"b":[1,2]}', '{"b":[2,1]}')!, contextOf(differences, rules)), true);
});

Deno.test("differingLeaves() finds the same differences as a parser for any changed byte", () => {
  const text = JSON.stringify({
    id: 7,
    big: "9007199254740993",
    "a b": [{ price: 12.5, tags: ["é", "\n", ""] }, [], {}, null, true, false, -0.5, 1e-7],
    nested: { id: 8, deep: { at: "2026-01-01T00:00:00Z" } },
  }).replace('"9007199254740993"', "9007199254740993");
  const bytes = encoder.encode(text);
  let compared = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (const byte of encoder.encode('0.9aé"\\,:{}[] -')) {
      const changed = bytes.with(at, byte);
      const found = differingLeaves(bytes, changed);
      if (found === undefined) continue;
      compared++;
      const [fromLeaves, fromParser] = [1, 2].map(() => new DifferenceList({ hasSamples: false }));
      const rules = compareRules();
      compareLeaves(found, contextOf(fromLeaves!, rules));
      const [expected, actual] = [bytes, changed].map((bytes) => parseExactJson(new TextDecoder().decode(bytes)));
      compareJson(expected!.value, actual!.value, contextOf(fromParser!, rules));
      assertEquals(fromLeaves!.toArray(), fromParser!.toArray(), new TextDecoder().decode(changed));
    }
  }
  assertEquals(compared > bytes.length, true);
});
