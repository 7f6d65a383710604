/** Regular expressions in linear time: the results of the native engine, within a bounded number of steps. */

import { assert, assertEquals, assertThrows } from "@std/assert";
// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import { LinearRegExp } from "../../src/lib/linear_regexp/linear_regexp.ts";
import { UnsupportedPattern } from "../../src/lib/linear_regexp/parse_pattern.ts";
import { StepBudget, StepsExceeded } from "../../src/lib/step_budget.ts";
import { fuzzBudget, seededRandom } from "../_support/seeded_random.ts";
import { PATTERN, TEMPLATE, TEXT } from "../_support/pattern_samples.ts";

type Found = readonly (number | string | undefined)[];

function nativeMatches(pattern: string, text: string): Found[] {
  return Array.from(text.matchAll(new RegExp(pattern, "gu")), (match) => [match.index, ...match]);
}

/** V8 15.0 finds empty matches between the halves of a surrogate pair: `\\B` in "a😀". */
function splitsPairs(pattern: string, text: string): boolean {
  const indexes = Array.from(text.matchAll(new RegExp(pattern, "gu")), ({ index }) => index);
  return indexes.some((index) => index > 0 && text.codePointAt(index - 1)! > 0xffff);
}

function ownMatches(pattern: string, text: string): Found[] {
  return Array.from(new LinearRegExp(pattern).matches(text, new StepBudget()), ({ start, groups }) => [
    start,
    ...groups.map((range) => range && text.slice(range.start, range.end)),
  ]);
}

/** Replaces all matches, and returns the number of steps that it took. */
function countSteps(pattern: string, text: string): number {
  const [regexp, budget] = [new LinearRegExp(pattern), new StepBudget(1e9)];
  regexp.replaceAll(text, regexp.replacement(""), budget);
  return 1e9 - budget.left;
}

/** A text of the letters a and b. */
function randomText(length: number): string {
  const random = seededRandom(1);
  return Array.from({ length }, () => random() < 0.5 ? "a" : "b").join("");
}

Deno.test("LinearRegExp finds the matches and captures of the native engine", () => {
  fc.assert(
    fc.property(PATTERN, fc.array(TEXT, { minLength: 1, maxLength: 5 }), (pattern, texts) => {
      for (const text of texts) {
        if (splitsPairs(pattern, text)) continue;
        assertEquals(ownMatches(pattern, text), nativeMatches(pattern, text));
      }
    }),
    fuzzBudget(1_500),
  );
});

Deno.test("LinearRegExp replaces as the native engine does", () => {
  fc.assert(
    fc.property(PATTERN, TEXT, TEMPLATE, (pattern, text, template) => {
      fc.pre(!splitsPairs(pattern, text));
      const regexp = new LinearRegExp(pattern);
      assertEquals(
        regexp.replaceAll(text, regexp.replacement(template), new StepBudget()),
        text.replace(new RegExp(pattern, "gu"), template),
      );
    }),
    fuzzBudget(500),
  );
});

/** Patterns on which engines without backtracking often fail. */
const SUBTLE: readonly (readonly [pattern: string, text: string])[] = [
  ["(?:a?b??)*", "ab"],
  ["(a*)*", "b"],
  ["(a*)+", "b"],
  ["(a*)?", "b"],
  ["(a?){2,3}", "a"],
  ["(?:(a)|b)*", "ab"],
  ["(z)((a+)?(b+)?(c))*", "zaacbbbcac"],
  ["(?:(a)|(b)|(c))*?$", "abcab"],
  ["((?:^|a)*?)b", "aab"],
  ["(a|ab)(c|bcd)(d*)", "abcd"],
  ["x*", "axxb"],
  ["", "a😀b"],
  [".", "😀\ud83d"],
  ["\\b", "a b"],
  ["(?i:\\b)", "\u017fa"],
  ["(?i:k)|(?i:[^\\W_])|s", "aK\u212a_S\u017f"],
  ["(?m:^.*$)", "a\r\nb\u2028c"],
  ["(?<year>\\d{4})-(?<month>\\d\\d)", "2026-11"],
  ["(?:(?<x>a)|(?<x>b))+", "ab"],
];

for (const [pattern, text] of SUBTLE) {
  Deno.test(`LinearRegExp finds what the native engine finds: /${pattern}/ in ${JSON.stringify(text)}`, () => {
    assertEquals(ownMatches(pattern, text), nativeMatches(pattern, text));
  });
}

Deno.test("LinearRegExp finds long matches, and continues after its cache of states was full", () => {
  const text = randomText(30_000);
  for (const pattern of ["(?:a|b)*a(?:a|b){9}c?", "(a)(?:a|b){9}b", "[ab]+"]) {
    assertEquals(ownMatches(pattern, text), nativeMatches(pattern, text));
  }
});

Deno.test("LinearRegExp classifies more characters than its cache holds", () => {
  const text = String.fromCodePoint(...Array.from({ length: 9_000 }, (_, index) => 0x4e00 + index));
  assertEquals(ownMatches("\\p{L}+|.", text), nativeMatches("\\p{L}+|.", text));
});

Deno.test("LinearRegExp ignores case only in groups with the modifier", () => {
  // Not compared with V8 15.0, in which a group with the flag affects classes outside it.
  for (
    const [pattern, text, match] of [
      ["(?i:(?-i:)[ab])", "A", "A"],
      ["(?i:(?-i:a)b)", "AB aB", "aB"],
      ["(?i:\\W)|[^\\w]", "s\u212a", "\u212a"],
    ] as const
  ) {
    assertEquals(ownMatches(pattern, text).map(([, found]) => found), [match]);
  }
});

for (
  const [pattern, construct] of [
    ["(a)\\1", "a backreference"],
    ["(?<x>a)\\k<x>", "a backreference"],
    ["a(?=b)", "a lookahead"],
    ["a(?!b)", "a lookahead"],
    ["(?<=a)b", "a lookbehind"],
    ["(?<!a)b", "a lookbehind"],
    ["(a{1000}){1000}", "repetitions that amount to more than 4096 steps"],
    ["(?:){1000000000}", "repetitions that amount to more than 4096 steps"],
    ["(?:(?:(?:a?){20}){20}){20}", "repetitions that amount to more than 4096 steps"],
    [`a{${"9".repeat(400)}}`, "repetitions that amount to more than 4096 steps"],
    ["()".repeat(101), "more than 100 capture groups"],
  ] as const
) {
  Deno.test(`LinearRegExp refuses ${construct}: ${pattern.slice(0, 40)}`, () => {
    assertEquals(assertThrows(() => new LinearRegExp(pattern), UnsupportedPattern).construct, construct);
  });
}

Deno.test("LinearRegExp refuses a text that is not a regular expression", () => {
  for (const pattern of ["(", "a**", "\\", "[b-a]", "{1}", "\\k"]) {
    assertThrows(() => new LinearRegExp(pattern), SyntaxError);
  }
});

/** Patterns that take exponential or polynomial time in the native engine, and the unit of a text that shows it. */
const EVIL: readonly (readonly [pattern: string, unit: string])[] = [
  ["(a|a)*$", "a"],
  ["(\\w|\\d)+=", "a1"],
  [".*.*=.*", "ab"],
  ["(a+)+$", "a"],
  ["([a-zA-Z]+)*!", "a"],
  ["(?:a?){100}(?:a){100}b", "a"],
  ["\\s+$", " "],
  ["(.*,){11}P", "1,"],
  ["(x+x+)+y", "x"],
  ["(?:(?:a*)*)*b", "a"],
  ["(?:\\d+\\.?)+z", "1"],
  ["(?:[^\\d]|\\p{L})+1", "é"],
];

for (const [pattern, unit] of EVIL) {
  Deno.test(`LinearRegExp takes steps in proportion to the text: ${pattern}`, () => {
    // The first text also takes the steps for creating the states.
    const [first, second] = [20_000, 200_000].map((length) =>
      countSteps(pattern, `${unit.repeat(length / unit.length)}!`)
    );
    assert(second! < 11 * first!, `${first} and ${second} steps`);
    assert(second! < 10 * 200_000, `${second} steps for 200,000 characters`);
  });
}

for (
  const [title, pattern, text, template] of [
    ["each match looks ahead to the end", "a.*b|a", "a".repeat(200_000), ""],
    ["each state is new", "(?:a|b)*a(?:a|b){18}c", randomText(20_000), ""],
    ["each replacement contains the text before it", "a", "a".repeat(200_000), "$`"],
    ["each match has five groups", "(a)|(b)|(c)|(d)|(e)", "abcde".repeat(10_000), ""],
    ["each match has 99 groups", "(a)?".repeat(99), "b".repeat(10_000), ""],
  ] as const
) {
  Deno.test(`LinearRegExp stops when the budget is used up: ${title}`, () => {
    const regexp = new LinearRegExp(pattern);
    const replacement = regexp.replacement(template);
    assertThrows(() => regexp.replaceAll(text, replacement, new StepBudget(2_000_000)), StepsExceeded);
  });
}
