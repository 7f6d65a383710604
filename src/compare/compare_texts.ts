/** Comparison of two texts, line by line. */

import { shorten } from "../config/schema/describe.ts";
import type { ComparisonContext } from "./difference.ts";
import type { CompareRules } from "./rules.ts";
import { hasSameForm } from "./value_form.ts";

/** Characters of a long line that are shown before the first difference. */
const SHOWN_BEFORE = 60;
/** Maximum characters that are shown after the first difference. */
const SHOWN_AFTER = 200;
/**
 * Characters on either side that are searched for secrets. A secret may be long, and its name may be on a line above
 * it, as in PEM blocks, elements and pretty-printed JSON.
 */
const SEARCHED_AROUND = 16_384;
/** Steps per line, in addition to those for its characters. */
const LINE_STEPS = 20;
/** Characters compared per step. */
const CHARACTERS_PER_STEP = 8;
/** Characters compared per step if they are compared one by one. */
const COLUMNS_PER_STEP = 2;

/**
 * Finds the lines that differ. All differences of a text have the path `body`, and the sample shows the first one. The
 * search ends at the first line that differs in more than times and identifiers.
 */
export function compareTexts(
  expectedText: string,
  actualText: string,
  { rules, differences, steps }: ComparisonContext,
): void {
  if (expectedText === actualText) return;
  const expectedLines = new Lines(expectedText);
  const actualLines = new Lines(actualText);
  let isListed = false;
  for (let index = 0;; index++) {
    const { start: expectedStart } = expectedLines;
    const { start: actualStart } = actualLines;
    const expected = expectedLines.next();
    const actual = actualLines.next();
    if (expected === undefined && actual === undefined) return;
    steps.take(LINE_STEPS + Math.max(expected?.length ?? 0, actual?.length ?? 0) / CHARACTERS_PER_STEP);
    if (expected === actual || isEquivalent(expected, actual, rules)) continue;
    const isSame = expected !== undefined && actual !== undefined &&
      hasSameForm(expected, actual, differences.traitSteps);
    // Without a difference so far, this one is shown, whatever its form.
    if (isSame && isListed) continue;
    steps.take(Math.min(expected?.length ?? 0, actual?.length ?? 0) / COLUMNS_PER_STEP);
    const column = firstDifference(expected ?? "", actual ?? "");
    const sampleOf = (text: string, line: string | undefined, start: number) => () =>
      line === undefined
        ? `no line ${index + 1}`
        : `line ${index + 1}: ${excerptOf(text, { start, length: line.length, column }, rules)}`;
    differences.add("body", "changed", {
      expected: sampleOf(expectedText, expected, expectedStart),
      actual: sampleOf(actualText, actual, actualStart),
      // The size of the whole text matters, not the size of the line.
      values: isSame ? [expected, actual] : [expectedText, actualText],
    });
    if (!isSame) return;
    isListed = true;
  }
}

/** Iterates over the lines of a text. An array of short lines would take many times the memory of the text. */
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

function isEquivalent(expected: string | undefined, actual: string | undefined, rules: CompareRules): boolean {
  if (!rules.normalises || expected === undefined || actual === undefined) return false;
  const [a, b] = [rules.normaliseLine(expected), rules.normaliseLine(actual)];
  return a === b || rules.areNearLines(a, b);
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
  /** Characters on either side that are searched for secrets. Default: 16,384. */
  readonly searchedAround?: number;
}

/** Returns the part of a line around the first difference, without secrets. */
export function excerptOf(text: string, line: Line, { redactor }: CompareRules): string {
  const { start, length, column, searchedAround = SEARCHED_AROUND } = line;
  if (redactor.hidesBody()) return redactor.replace(text.slice(start, start + length));
  const shownFrom = column <= SHOWN_BEFORE ? start : start + column - SHOWN_BEFORE;
  const shownTo = Math.min(start + length, start + column + SHOWN_AFTER);
  const from = Math.max(0, shownFrom - searchedAround);
  const searched = text.slice(from, shownTo + searchedAround);
  let shown = "";
  let at = shownFrom - from;
  for (const secret of redactor.find(searched)) {
    if (secret.end <= at || secret.start >= shownTo - from) continue;
    shown += searched.slice(at, Math.max(at, secret.start));
    shown += redactor.replace(searched.slice(secret.start, secret.end));
    at = secret.end;
  }
  shown += searched.slice(at, Math.max(at, shownTo - from));
  return shorten(shownFrom === start ? shown : `…${shown}`, SHOWN_BEFORE + SHOWN_AFTER);
}
