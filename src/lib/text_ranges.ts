/** Ranges of a text, and their replacement. */

/** A range of a text in UTF-16 code units. */
export interface TextRange {
  readonly start: number;
  /** Index after the last unit. */
  readonly end: number;
}

/** Sorts ranges, drops empty ones, and joins ranges that touch or overlap. */
export function mergeRanges(ranges: readonly TextRange[]): TextRange[] {
  const merged: TextRange[] = [];
  for (const range of ranges.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last === undefined || range.start > last.end) merged.push(range);
    else if (range.end > last.end) merged[merged.length - 1] = { start: last.start, end: range.end };
  }
  return merged;
}

/**
 * Replaces ranges of a text. The ranges must be sorted, and must not overlap.
 *
 * @example Usage
 * ```ts ignore
 * replaceRanges("abcd", [{ start: 1, end: 3 }], () => "*"); // "a*d"
 * ```
 */
export function replaceRanges(text: string, ranges: readonly TextRange[], replace: (part: string) => string): string {
  let [replaced, at] = ["", 0];
  for (const { start, end } of ranges) {
    replaced += text.slice(at, start) + replace(text.slice(start, end));
    at = end;
  }
  return replaced + text.slice(at);
}
