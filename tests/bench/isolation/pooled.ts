/** What the slices of two servers that were measured in turns come to together. */

import { percentile } from "../percentile.ts";

/** The answers' times of one turn, in milliseconds, in any order. */
export interface TurnTimes {
  /** Of the server that the other is compared with. */
  readonly base: readonly number[];
  /** Of the other. */
  readonly other: readonly number[];
}

/** A ratio, and how sure it is. */
export interface PooledRatio {
  /** The other's percentile over the base's, each of all turns together. */
  readonly ratio: number;
  /** 95 % of the ratios that other turns like these would have had lie between these two. */
  readonly interval: readonly [least: number, most: number];
}

const RESAMPLES = 200;

/**
 * Compares a percentile of two servers. A machine's mood lasts longer than a request and shorter than a run, so that what
 * is drawn again for the interval are whole turns (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, §8).
 *
 * @param turns At least one turn.
 * @param share Which percentile, 0 to 1.
 * @param random Draws from 0 up to 1.
 * @returns The ratio.
 */
export function pooledRatio(turns: readonly TurnTimes[], share: number, random = Math.random): PooledRatio {
  const ratioOf = (turns: readonly TurnTimes[]) =>
    percentile(pooled(turns.map(({ other }) => other)), share) /
    percentile(pooled(turns.map(({ base }) => base)), share);
  const resampled = Array.from(
    { length: RESAMPLES },
    () => ratioOf(turns.map(() => turns[Math.floor(random() * turns.length)]!)),
  ).sort((a, b) => a - b);
  return { ratio: ratioOf(turns), interval: [percentile(resampled, 0.025), percentile(resampled, 0.975)] };
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
