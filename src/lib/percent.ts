/** Shares for people. */

/**
 * Writes a share as a percentage of three digits. One that is not 0 or 1 never looks as if it were.
 *
 * @param share The share, 0 to 1.
 * @returns The text: `99.98 %`.
 */
export function percent(share: number): string {
  const rounded = share > 0.99
    ? 100 - Number(((1 - share) * 100).toPrecision(2))
    : Number((share * 100).toPrecision(3));
  return `${Number(rounded.toFixed(10))} %`;
}
