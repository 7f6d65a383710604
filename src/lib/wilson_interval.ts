/** How sure a share is. */

/** A share and how sure it is. */
export interface RatioEstimate {
  /** The share, 0 to 1. */
  readonly value: number;
  /** The lower end of its 95 % confidence interval. */
  readonly low: number;
  /** The upper end. */
  readonly high: number;
}

/** 95 % of a normal distribution are within this many standard deviations. */
const Z_95 = 1.959964;

/**
 * Estimates a share with its 95 % confidence interval by Wilson's formula, which holds near 0 and 1 and for few cases, too.
 *
 * @param count How many.
 * @param of Of how many.
 * @returns The share; of nothing, it is 0 and may be anything.
 * @see E. B. Wilson, Probable Inference, J. Am. Stat. Assoc. 22 (1927), 209–212
 */
export function wilsonInterval(count: number, of: number): RatioEstimate {
  if (of === 0) return { value: 0, low: 0, high: 1 };
  const value = count / of;
  const square = Z_95 * Z_95 / of;
  const centre = (value + square / 2) / (1 + square);
  const half = Z_95 * Math.sqrt((value * (1 - value) + square / 4) / of) / (1 + square);
  return {
    value,
    low: count === 0 ? 0 : Math.max(0, centre - half),
    high: count === of ? 1 : Math.min(1, centre + half),
  };
}
