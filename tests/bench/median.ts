/** The middle of some numbers. */

/**
 * Finds the median.
 *
 * @param values At least one number, in any order.
 * @returns The one in the middle; the mean of the two there where the count is even.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
