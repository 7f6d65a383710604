/** Two texts, line by line. */

import { shorten } from "../config/schema/describe.ts";
import type { ComparisonContext } from "./comparison_context.ts";
import type { CompareRules } from "./rules.ts";

/** Characters of a long line that are shown before the first difference. */
const SHOWN_BEFORE = 60;
/** Maximum characters that are shown after the first difference. */
const SHOWN_AFTER = 200;
/**
 * Characters on either side that are searched for secrets. A secret may be long, and its name may stand in a line above
 * it, as in PEM blocks, elements and pretty-printed JSON.
 */
const LOOKED_AT = 16_384;
/** Steps per line, in addition to those for its characters. */
const LINE_STEPS = 20;
/** Characters compared per step. */
const CHARACTERS_PER_STEP = 8;
/** Characters compared one by one per step. */
const COLUMNS_PER_STEP = 2;

/**
 * Finds the first difference between two texts. A text has one path, `body`; the sample shows the first line that
 * differs.
 *
 * @param expected The primary's text.
 * @param actual The other service's text.
 * @param means Rules, result and step budget.
 */
export function compareTexts(
  expected: string,
  actual: string,
  { rules, differences, steps }: ComparisonContext,
): void {
  if (expected === actual) return;
  const lines = new Lines(expected);
  const others = new Lines(actual);
  for (let index = 0;; index++) {
    const { start } = lines;
    const otherStart = others.start;
    const line = lines.next();
    const other = others.next();
    if (line === undefined && other === undefined) return;
    steps.take(LINE_STEPS + Math.max(line?.length ?? 0, other?.length ?? 0) / CHARACTERS_PER_STEP);
    if (line === other || isAlike(line, other, rules)) continue;
    steps.take(Math.min(line?.length ?? 0, other?.length ?? 0) / COLUMNS_PER_STEP);
    const column = firstDifference(line ?? "", other ?? "");
    const sampleOf = (text: string, line: string | undefined, start: number) => () =>
      line === undefined
        ? `no line ${index + 1}`
        : `line ${index + 1}: ${around(text, { start, length: line.length, column }, rules)}`;
    return differences.add("body", "changed", {
      expected: sampleOf(expected, line, start),
      actual: sampleOf(actual, other, otherStart),
    });
  }
}

/** Lines of a text, one at a time: an array of short lines would take many times the memory of the text. */
class Lines {
  readonly #text: string;
  #start = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Index of the next line in the text. */
  get start(): number {
    return this.#start;
  }

  /** Returns the next line; `undefined` after the last one. */
  next(): string | undefined {
    if (this.#start > this.#text.length) return undefined;
    const found = this.#text.indexOf("\n", this.#start);
    const end = found === -1 ? this.#text.length : found;
    const line = this.#text.slice(this.#start, end);
    this.#start = end + 1;
    return line;
  }
}

function isAlike(
  line: string | undefined,
  other: string | undefined,
  rules: CompareRules,
): boolean {
  if (!rules.normalises || line === undefined || other === undefined) return false;
  return rules.normaliseLine(line) === rules.normaliseLine(other);
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

interface Line {
  /** Index of the line's first character in the text. */
  readonly start: number;
  readonly length: number;
  /** Index of the first difference in the line. */
  readonly column: number;
}

/** Returns the part of a line around the first difference, without secrets. */
function around(text: string, { start, length, column }: Line, { redactor }: CompareRules): string {
  if (redactor.hidesBody()) return redactor.replace(text.slice(start, start + length));
  const shownFrom = column <= SHOWN_BEFORE ? start : start + column - SHOWN_BEFORE;
  const shownTo = Math.min(start + length, start + column + SHOWN_AFTER);
  const from = Math.max(0, shownFrom - LOOKED_AT);
  const seen = text.slice(from, shownTo + LOOKED_AT);
  let shown = "";
  let at = shownFrom - from;
  for (const secret of redactor.find(seen)) {
    if (secret.end <= at || secret.start >= shownTo - from) continue;
    shown += seen.slice(at, Math.max(at, secret.start)) + redactor.replace(seen.slice(secret.start, secret.end));
    at = secret.end;
  }
  shown += seen.slice(at, Math.max(at, shownTo - from));
  return shorten(shownFrom === start ? shown : `…${shown}`, SHOWN_BEFORE + SHOWN_AFTER);
}
