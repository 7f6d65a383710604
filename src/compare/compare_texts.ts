/** Two texts, line by line. */

import { shorten } from "../config/describe.ts";
import type { DifferenceList } from "./difference_list.ts";
import type { CompareRules } from "./rules.ts";

/** What of a long line is shown before the place where it differs. */
const SHOWN_BEFORE = 60;
/** What is shown behind it, at most. */
const SHOWN_AFTER = 200;
/**
 * What is looked at for secrets on either side: a secret may be long, and the name in front of it in a line above, as in PEM
 * blocks, elements and pretty JSON.
 */
const LOOKED_AT = 16_384;

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
  let start = 0;
  let otherStart = 0;
  for (let index = 0; index < count; index++) {
    const line = lines[index];
    const other = others[index];
    if (line === other || isAlike(line, other, rules)) {
      start += (line?.length ?? 0) + 1;
      otherStart += (other?.length ?? 0) + 1;
      continue;
    }
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

function isAlike(line: string | undefined, other: string | undefined, rules: CompareRules): boolean {
  if (!rules.normalises || line === undefined || other === undefined) return false;
  return rules.normaliseLine(line) === rules.normaliseLine(other);
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

interface Line {
  /** Its first index in the text. */
  readonly start: number;
  readonly length: number;
  /** The first place in it that differs. */
  readonly column: number;
}

/** Shows a line from shortly before the place where it differs. */
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
