/** Does one share lie above another, or is it chance? Fisher's exact test. */

/** How many of how many. */
export interface Count {
  /** Those that differ. */
  readonly differing: number;
  /** All. */
  readonly compared: number;
}

/** Below this part of the sum, further terms change nothing. */
const NEGLIGIBLE = 1e-17;
/** From here on Stirling's series is as good as a sum of logarithms. */
const STIRLING_FROM = 16;
const SMALL_LN_FACTORIALS = smallLnFactorials();

/**
 * Tests one-sidedly whether the first ratio is above the second. The p-value is the probability of a ratio at least as
 * high by chance, if both are equal. The test is exact for all counts and conservative.
 *
 * @example Usage
 * ```ts ignore
 * fisherTest({ differing: 5, compared: 5 }, { differing: 0, compared: 5 }); // 1/252
 * ```
 *
 * @param observed The ratio that may be higher.
 * @param noise The ratio to compare it with.
 * @param ceiling P-value above which the calculation stops early. Default: 1.
 * @returns The p-value, 0 to 1. Above `ceiling` it may be too low. 1 if the first ratio is not above the second, or one
 * of them has no comparisons.
 * @see R. A. Fisher, The Logic of Inductive Inference, J. R. Stat. Soc. 98 (1935), 39–82
 */
export function fisherTest(observed: Count, noise: Count, ceiling = 1): number {
  const { differing: x, compared: n } = observed;
  const { differing: y, compared: m } = noise;
  if (x * m <= y * n || m === 0) return 1;
  const all = x + y;
  let term = Math.exp(lnChoose(n, x) + lnChoose(m, y) - lnChoose(n + m, all));
  let sum = term;
  // The loop begins above the mean, so each term is smaller than the one before.
  for (let k = x; k < Math.min(n, all) && term > sum * NEGLIGIBLE && sum <= ceiling; k++) {
    term *= ((n - k) * (all - k)) / ((k + 1) * (m - all + k + 1));
    sum += term;
  }
  return Math.min(1, sum);
}

function lnChoose(n: number, k: number): number {
  return lnFactorial(n) - lnFactorial(k) - lnFactorial(n - k);
}

function lnFactorial(n: number): number {
  const small = SMALL_LN_FACTORIALS[n];
  if (small !== undefined) return small;
  const inverse = 1 / n;
  const series = inverse * (1 / 12 - inverse * inverse * (1 / 360 - inverse * inverse / 1_260));
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + series;
}

function smallLnFactorials(): readonly number[] {
  const logarithms = [0];
  for (let n = 1; n < STIRLING_FROM; n++) logarithms.push(logarithms[n - 1]! + Math.log(n));
  return logarithms;
}
