/** Times as backends take them: mostly alike, and now and then very long (Dean and Barroso, "The Tail at Scale", 2013). */

/** The middle of the body, in milliseconds. */
const MEDIAN_MS = 20;
/** The spread of the body, a log-normal distribution. */
const SIGMA = 0.5;
/** Where the tail begins, a Pareto distribution. */
const TAIL_FROM = 0.95;
/** How fast the tail thins out: below 2 its variance is infinite. */
const ALPHA = 1.2;

/** The coefficients of {@linkcode normalQuantile}. */
const [A, B, C, D] = [
  [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690, -30.66479806614716, 2.506628277459239],
  [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
  [
    -0.007784894002430293,
    -0.3223964580411365,
    -2.400758277161838,
    -2.549732539343734,
    4.374664141464968,
    2.938163982698783,
  ],
  [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
] as const;

const TAIL_FROM_MS = bodyTime(TAIL_FROM);

/** Tells below which time a share of all times is. Evenly distributed shares make times. */
export function timeOf(share: number): number {
  if (share < TAIL_FROM) return bodyTime(share);
  return TAIL_FROM_MS * ((1 - TAIL_FROM) / (1 - share)) ** (1 / ALPHA);
}

/** Tells below which time the shorter one of two is, for a share of all pairs: P(min > t) = P(X > t)². */
export function raceTimeOf(share: number): number {
  return timeOf(1 - Math.sqrt(1 - share));
}

function bodyTime(share: number): number {
  return MEDIAN_MS * Math.exp(SIGMA * normalQuantile(share));
}

/** The quantile of the normal distribution, within one part in a billion (Peter Acklam's rational approximation). */
function normalQuantile(share: number): number {
  if (share > 0.5) return -normalQuantile(1 - share);
  if (share < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(Math.max(share, Number.MIN_VALUE)));
    return polynomial(C, q) / polynomial(D, q);
  }
  const q = share - 0.5;
  return q * polynomial(A, q * q) / polynomial(B, q * q);
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
