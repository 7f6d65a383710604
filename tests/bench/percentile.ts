/** A percentile of numbers that are in order. */

/**
 * Finds a percentile.
 *
 * @param sorted The numbers, the least first.
 * @param share Which one, 0 to 1.
 * @returns The number that this share of them is below; `Infinity` where there is none.
 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
}
