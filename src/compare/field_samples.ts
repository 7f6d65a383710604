/** A few samples of many: the first ones, and an even choice of all that came later. */

import type { RankedSample } from "./tally_snapshot.ts";

/** How many samples of a field are kept. */
export const MAX_SAMPLES = 5;
/** How many of them are the first ones: what is seen at once when a regression begins. */
const FIRST_SAMPLES = 2;
const RANK_OF_FIRST = -1;

/**
 * Finds the rank that a sample would have. Those with the lowest ranks stay, so that two lists of samples of one field can
 * be put together, and are an even choice still.
 *
 * @param kept The samples that are kept already.
 * @param random Draws from 0 up to 1.
 * @returns The rank; `undefined` where it would not stay.
 */
export function rankSample(kept: readonly RankedSample[], random: () => number): number | undefined {
  const firsts = kept.filter(({ rank }) => rank === RANK_OF_FIRST).length;
  if (firsts < FIRST_SAMPLES) return RANK_OF_FIRST;
  const rank = random();
  return kept.length < MAX_SAMPLES || kept.some((sample) => sample.rank > rank) ? rank : undefined;
}

/**
 * Adds a sample.
 *
 * @param kept The samples that are kept already.
 * @param sample The new one.
 * @returns The samples that are kept now.
 */
export function withSample(kept: readonly RankedSample[], sample: RankedSample): readonly RankedSample[] {
  return [...kept, sample].sort((a, b) => a.rank - b.rank).slice(0, MAX_SAMPLES);
}
