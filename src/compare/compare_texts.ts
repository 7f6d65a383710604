/** Two texts, line by line. */

import type { DifferenceList } from "./difference_list.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfText } from "./sample_text.ts";

/** What of a long line is shown before the place where it differs. */
const SHOWN_BEFORE = 60;
/** What is looked at for secrets before that. */
const LOOKED_AT_BEFORE = 400;

/**
 * Finds whether two texts differ. A text has one path, `body`: the sample shows the first line that differs.
 *
 * @param expected The primary's text.
 * @param actual The other's.
 * @param rules What counts as a difference.
 * @param differences Where it is added.
 */
export function compareTexts(
  expected: string,
  actual: string,
  rules: CompareRules,
  differences: DifferenceList,
): void {
  if (expected === actual) return;
  const lines = expected.split("\n");
  const others = actual.split("\n");
  const count = Math.max(lines.length, others.length);
  for (let index = 0; index < count; index++) {
    const line = lines[index];
    const other = others[index];
    if (line === other || isAlike(line, other, rules)) continue;
    const column = firstDifference(line ?? "", other ?? "");
    const sampleOf = (text: string | undefined) => () =>
      text === undefined ? `no line ${index + 1}` : `line ${index + 1}: ${around(text, column, rules)}`;
    return differences.add("body", "changed", { expected: sampleOf(line), actual: sampleOf(other) });
  }
}

function isAlike(line: string | undefined, other: string | undefined, rules: CompareRules): boolean {
  if (!rules.normalises || line === undefined || other === undefined) return false;
  return rules.normaliseLine(line) === rules.normaliseLine(other);
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
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
