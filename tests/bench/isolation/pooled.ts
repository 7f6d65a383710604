/** What the slices of two servers that were measured in turns come to together. */

import { percentile } from "../percentile.ts";

/** The answers' times of one turn, in milliseconds, in any order. */
export interface TurnTimes {
  /** Of the server that the other is compared with. */
  readonly base: readonly number[];
  /** Of the other. */
  readonly other: readonly number[];
}

const RESAMPLES = 200;

/**
 * Compares a percentile of two servers, each of all turns together.
 *
 * @param turns At least one turn.
 * @param share Which percentile, 0 to 1.
 * @returns The other's over the base's.
 */
export function pooledRatio(turns: readonly TurnTimes[], share: number): number {
  return percentile(pooled(turns.map(({ other }) => other)), share) /
    percentile(pooled(turns.map(({ base }) => base)), share);
}

/**
 * Tells how sure such a ratio is. A machine's mood lasts longer than a request and shorter than a run, so that what is
 * drawn again are whole turns (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, §8).
 *
 * @param turns At least one turn.
 * @param share Which percentile, 0 to 1.
 * @param random Draws from 0 up to 1.
 * @returns 95 % of the ratios that other turns like these would have had lie between these two.
 */
export function ratioInterval(
  turns: readonly TurnTimes[],
  share: number,
  random = Math.random,
): readonly [least: number, most: number] {
  const ratios = Array.from(
    { length: RESAMPLES },
    () => pooledRatio(turns.map(() => turns[Math.floor(random() * turns.length)]!), share),
  ).sort((a, b) => a - b);
  return [percentile(ratios, 0.025), percentile(ratios, 0.975)];
}

/**
 * Puts numbers together.
 *
 * @param parts Numbers in any order.
 * @returns All of them, the least first.
 */
export function pooled(parts: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(parts.flat()).sort();
}
