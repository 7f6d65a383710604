/** Many tests at once: which of them still count. */

/**
 * Picks the tests that are significant by the procedure of Benjamini and Hochberg. Where nothing is there to be found, the
 * probability of any false alarm is at most `level`, however many tests there are; else at most that share of what is found
 * is expected to be false.
 *
 * @param pValues One for each test.
 * @param level The bound, 0 to 1.
 * @returns The largest p-value that is significant; all that are no larger are. `0` where none is above zero.
 * @see Y. Benjamini, Y. Hochberg, Controlling the False Discovery Rate, J. R. Stat. Soc. B 57 (1995), 289–300
 */
export function significantBelow(pValues: readonly number[], level: number): number {
  const sorted = pValues.toSorted((a, b) => a - b);
  const last = sorted.findLastIndex((p, index) => p <= level * (index + 1) / sorted.length);
  return sorted[last] ?? 0;
}
