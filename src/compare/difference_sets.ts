/** Comparisons by where they differed, so that it can be counted later in how many of them one of certain fields did. */

import type { EndpointServiceTally } from "./tally_snapshot.ts";

/** More combinations than this are counted by field alone. */
export const MAX_SETS = 64;

/** What is counted of one service at one endpoint. */
export type SetCounts = Pick<EndpointServiceTally, "sets" | "others">;

/** How many comparisons differed in one of certain fields: at least, and at most. The same where the count is exact. */
export interface CountRange {
  /** There are no fewer. */
  readonly least: number;
  /** There are no more. */
  readonly most: number;
}

/**
 * Counts the comparisons that differ in one of certain fields.
 *
 * It is exact as long as there was a set for each combination of fields. Of those for which there was none, at least as many
 * differ there as in the most frequent of the fields, and at most as many as in all of them added up.
 *
 * @param counts What was counted.
 * @param isMeant Which fields are meant.
 * @returns How many.
 */
export function countDiffering({ sets, others }: SetCounts, isMeant: (path: string) => boolean): CountRange {
  let exact = 0;
  for (const { paths, count } of sets) if (paths.some(isMeant)) exact += count;
  let [largest, sum] = [0, 0];
  for (const [path, differing] of others.fields) {
    if (!isMeant(path)) continue;
    largest = Math.max(largest, differing);
    sum += differing;
  }
  return { least: exact + largest, most: exact + Math.min(sum, others.count) };
}
