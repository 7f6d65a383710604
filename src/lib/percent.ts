/** Percentages for text output. */

/** Formats a ratio from 0 to 1 with three digits, for example `99.98 %`. Only 0 and 1 become `0 %` and `100 %`. */
export function percent(ratio: number): string {
  const rounded = ratio > 0.99
    ? 100 - Number(((1 - ratio) * 100).toPrecision(2))
    : Number((ratio * 100).toPrecision(3));
  return `${Number(rounded.toFixed(10))} %`;
}
