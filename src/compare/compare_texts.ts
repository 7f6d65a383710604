/** Two texts, line by line. */

import type { CompareMeans } from "./compare_means.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfText } from "./sample_text.ts";

/** What of a long line is shown before the place where it differs. */
const SHOWN_BEFORE = 60;
/** What is looked at for secrets before that. */
const LOOKED_AT_BEFORE = 400;
/** Price of a line beside its characters. */
const LINE_STEPS = 20;
/** Characters that are compared in the time of a step. */
const CHARACTERS_PER_STEP = 8;
/** Characters that are compared one by one in the time of a step. */
const COLUMNS_PER_STEP = 2;

/**
 * Finds whether two texts differ. A text has one path, `body`: the sample shows the first line that differs.
 *
 * @param expected The primary's text.
 * @param actual The other's.
 * @param means Rules, result and price.
 */
export function compareTexts(
  expected: string,
  actual: string,
  { rules, differences, steps }: CompareMeans,
): void {
  if (expected === actual) return;
  const lines = new Lines(expected);
  const others = new Lines(actual);
  for (let index = 0;; index++) {
    const line = lines.next();
    const other = others.next();
    if (line === undefined && other === undefined) return;
    steps.take(LINE_STEPS + Math.max(line?.length ?? 0, other?.length ?? 0) / CHARACTERS_PER_STEP);
    if (line === other || isAlike(line, other, { rules, steps })) continue;
    steps.take(Math.min(line?.length ?? 0, other?.length ?? 0) / COLUMNS_PER_STEP);
    const column = firstDifference(line ?? "", other ?? "");
    const sampleOf = (text: string | undefined) => () =>
      text === undefined ? `no line ${index + 1}` : `line ${index + 1}: ${around(text, column, rules)}`;
    return differences.add("body", "changed", { expected: sampleOf(line), actual: sampleOf(other) });
  }
}

/** Lines of a text, one at a time: an array of short lines takes many times the memory of the text. */
class Lines {
  readonly #text: string;
  #start = 0;

  constructor(text: string) {
    this.#text = text;
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
  { rules, steps }: Pick<CompareMeans, "rules" | "steps">,
): boolean {
  if (!rules.normalises || line === undefined || other === undefined) return false;
  steps.take(rules.textRules * (line.length + other.length));
  return rules.normaliseLine(line) === rules.normaliseLine(other);
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

function around(line: string, column: number, { redactor }: CompareRules): string {
  if (redactor.hidesBody()) return redactor.replace(line);
  if (column <= SHOWN_BEFORE) return sampleOfText(line, redactor);
  // Secrets are looked for from further back, so that one is not cut in two by where the sample begins.
  const before = redactor.clean(line.slice(Math.max(0, column - LOOKED_AT_BEFORE), column));
  const after = redactor.clean(line.slice(Math.max(0, column - LOOKED_AT_BEFORE), column + LOOKED_AT_BEFORE));
  const start = Math.max(0, Math.min(before.length, after.length) - SHOWN_BEFORE);
  return sampleOfText(`…${after.slice(start)}`, redactor);
}
