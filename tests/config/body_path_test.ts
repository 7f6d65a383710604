import { assert, assertEquals } from "@std/assert";
import {
  ELEMENT,
  matchesName,
  matchesSteps,
  parseBodyPath,
  printJsonPath,
  type Segment,
} from "../../src/config/body_path.ts";

// Columns: a path; the position of a value; whether the path matches it, and whether it matches a value around it.
const MATCHES: readonly (readonly [path: string, segments: readonly Segment[], isIt: boolean, isInside: boolean])[] = [
  ["$", [], true, true],
  ["$", ["a"], false, true],
  ["$.a", ["a"], true, true],
  ["$.a", ["b"], false, false],
  ["$.a", ["a", "b"], false, true],
  ["$.a.b", ["a"], false, false],
  ["$.items[*].id", ["items", ELEMENT, "id"], true, true],
  ["$.items[*].id", ["items", "id"], false, false],
  ["$.items.*.id", ["items", ELEMENT, "id"], true, true],
  ["$.meta.*", ["meta", "a"], true, true],
  ["$.meta.*", ["meta"], false, false],
  ["$..updatedAt", ["updatedAt"], true, true],
  ["$..updatedAt", ["a", ELEMENT, "b", "updatedAt"], true, true],
  ["$..updatedAt", ["a", "updatedAt", "b"], false, true],
  ["$..a.b", ["a", "a", "b"], true, true],
  ["$..a..b", ["a", "x", "a", "x", "b"], true, true],
  ["$..a..b", ["b", "a"], false, false],
  ["$..*", ["a", "b"], true, true],
  ["$..*", [], false, false],
  ['$["a b"]', ["a b"], true, true],
  ["$['it\\'s \"so\"']", ['it\'s "so"'], true, true],
  ["$..['__proto__']", ["x", "__proto__"], true, true],
  ["$['*']", ["*"], true, true],
  ["$['*']", ["a"], false, false],
  ["$.größe", ["größe"], true, true],
];

for (const [path, segments, isIt, isInside] of MATCHES) {
  Deno.test(`matchesSteps() of ${path} and ${printJsonPath(segments)}`, () => {
    const parsed = parseBodyPath(path);
    assert("kind" in parsed && parsed.kind === "json");
    assertEquals(matchesSteps(parsed.steps, segments, { orInside: false }), isIt);
    assertEquals(matchesSteps(parsed.steps, segments, { orInside: true }), isInside);
  });
}

// Columns: the position of a value; its path.
const PRINTED: readonly (readonly [segments: readonly Segment[], path: string])[] = [
  [[], "$"],
  [["a", "b_c-d", "e1"], "$.a.b_c-d.e1"],
  [["a", ELEMENT, ELEMENT], "$.a[*][*]"],
  [["a b", "*", "", "1"], '$["a b"]["*"][""]["1"]'],
  [['"\\', "\n", "é"], '$["\\"\\\\"]["\\n"]["é"]'],
];

for (const [segments, path] of PRINTED) {
  Deno.test(`printJsonPath() writes ${path}, and parseBodyPath() parses it`, () => {
    assertEquals(printJsonPath(segments), path);
    const parsed = parseBodyPath(path);
    assert("kind" in parsed && parsed.kind === "json");
    assert(matchesSteps(parsed.steps, segments, { orInside: false }));
  });
}

// Columns: an invalid path; the expected text.
const FAULTS: readonly (readonly [text: string, fault: string])[] = [
  ["", '"status", "outcome", "body", "closeCode", "header:NAME", "form:NAME" or a path that begins with "$"'],
  ["header:", 'a header name after "header:"'],
  ["header:a b", 'a header name after "header:"'],
  ["form:", 'a name after "form:"'],
  ["$a", '"." or "[" at position 2'],
  ["$.", 'a name or "*" at position 3'],
  ["$...a", 'a name or "*" at position 4'],
  ["$.a[", '"*" or a quoted key at position 5'],
  ["$.a[*", '"]" at position 6'],
  ["$.a['b]", '"*" or a quoted key at position 5'],
  ["$['\\x']", '"*" or a quoted key at position 3'],
  ["$.a b", '"." or "[" at position 4'],
  ["$" + ".a".repeat(31), "at most 30 steps"],
];

for (const [text, fault] of FAULTS) {
  Deno.test(`parseBodyPath() rejects ${JSON.stringify(text.slice(0, 20))}`, () => {
    assertEquals(parseBodyPath(text), { fault });
  });
}

Deno.test("matchesSteps() takes as long for many descendants as for one", () => {
  const parsed = parseBodyPath("$" + "..a".repeat(29) + "..b");
  assert("kind" in parsed && parsed.kind === "json");
  const path = Array.from({ length: 128 }, () => "a");
  assert(!matchesSteps(parsed.steps, path, { orInside: true }));
  assert(matchesSteps(parsed.steps, [...path, "b"], { orInside: false }));
});

// Columns: a name with wildcards; a name; whether it matches.
const NAMES: readonly (readonly [pattern: string, name: string, fits: boolean])[] = [
  ["date", "date", true],
  ["date", "x-date", false],
  ["x-*", "x-a", true],
  ["x-*", "x-", true],
  ["*-id", "request-id", true],
  ["a*b*c", "axxbyyc", true],
  ["a*b*c", "abc", true],
  ["a*b*c", "acb", false],
  ["aa*aa", "aaa", false],
  ["*", "", true],
  ["a**b", "ab", true],
];

for (const [pattern, name, fits] of NAMES) {
  Deno.test(`matchesName() of "${pattern}" and "${name}"`, () => assertEquals(matchesName(pattern, name), fits));
}
