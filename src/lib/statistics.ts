/** Inference on proportions: Fisher's exact test, the Benjamini–Hochberg procedure, and Wilson's interval. */

/** A proportion: `count` cases out of `total`. */
export interface Proportion {
  /** Cases with the property in question. */
  readonly count: number;
  /** All cases. */
  readonly total: number;
}

/** A ratio with its 95 % confidence interval. */
export interface RatioEstimate {
  /** The observed ratio, 0 to 1. */
  readonly value: number;
  /** Lower bound of the interval. */
  readonly low: number;
  /** Upper bound of the interval. */
  readonly high: number;
}

/** Terms below this part of the sum do not change it: it is less than the precision of a double. */
const NEGLIGIBLE = 1e-17;
/** Smallest argument for which Stirling's series is as accurate as a sum of logarithms. */
const STIRLING_FROM = 16;
const SMALL_LN_FACTORIALS = smallLnFactorials();
/** 95 % of a normal distribution lie within this number of standard deviations. */
const Z_95 = 1.959964;

/**
 * Returns the one-sided p-value of Fisher's exact test: the probability of a ratio at least as high as `observed` if
 * the true ratios are equal. The test is exact for all counts, and conservative.
 *
 * Returns 1 if the observed ratio is not above the reference, or if a proportion has no cases. The calculation stops
 * as soon as the sum exceeds `ceiling`, so a result above it may be too low.
 *
 * @example Usage
 * ```ts ignore
 * fisherTest({ count: 5, total: 5 }, { count: 0, total: 5 }); // 1/252
 * ```
 *
 * @see R. A. Fisher, The Logic of Inductive Inference, J. R. Stat. Soc. 98 (1935), 39–82
 */
export function fisherTest(observed: Proportion, reference: Proportion, ceiling: number = 1): number {
  const { count: x, total: n } = observed;
  const { count: y, total: m } = reference;
  if (x * m <= y * n || m === 0) return 1;
  const both = x + y;
  let term = Math.exp(lnChoose(n, x) + lnChoose(m, y) - lnChoose(n + m, both));
  let sum = term;
  // The loop begins above the mean, so each term is smaller than the one before.
  for (let k = x; k < Math.min(n, both) && term > sum * NEGLIGIBLE && sum <= ceiling; k++) {
    term *= ((n - k) * (both - k)) / ((k + 1) * (m - both + k + 1));
    sum += term;
  }
  return Math.min(1, sum);
}

/**
 * Returns the largest significant p-value by the Benjamini–Hochberg procedure: a test is significant if its p-value is
 * not above the result. Returns 0 if no p-value above 0 is significant.
 *
 * If every null hypothesis is true, the probability of any false discovery is at most `level`, for any number of tests.
 * Otherwise `level` bounds the expected ratio of false discoveries to all discoveries.
 *
 * @see Y. Benjamini, Y. Hochberg, Controlling the False Discovery Rate, J. R. Stat. Soc. B 57 (1995), 289–300
 */
export function falseDiscoveryThreshold(pValues: readonly number[], level: number): number {
  const sorted = pValues.toSorted((a, b) => a - b);
  const last = sorted.findLastIndex((p, index) => p <= level * (index + 1) / sorted.length);
  return sorted[last] ?? 0;
}

/**
 * Estimates a ratio with its 95 % confidence interval by Wilson's formula, which is accurate for few cases and for
 * ratios near 0 and 1. Without cases, the value is 0 and the interval is 0 to 1.
 *
 * @see E. B. Wilson, Probable Inference, J. Am. Stat. Assoc. 22 (1927), 209–212
 */
export function wilsonInterval(count: number, total: number): RatioEstimate {
  if (total === 0) return { value: 0, low: 0, high: 1 };
  const value = count / total;
  const square = Z_95 * Z_95 / total;
  const centre = (value + square / 2) / (1 + square);
  const half = Z_95 * Math.sqrt((value * (1 - value) + square / 4) / total) / (1 + square);
  return {
    value,
    low: count === 0 ? 0 : Math.max(0, centre - half),
    high: count === total ? 1 : Math.min(1, centre + half),
  };
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
