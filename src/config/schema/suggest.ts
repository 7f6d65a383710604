/** "Did you mean": the nearest known word. */

import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { quote } from "./describe.ts";

/**
 * Finds what may have been meant.
 *
 * @param word What was written.
 * @param known What could have been written.
 * @returns `; did you mean "…"?`, or nothing where no word is near.
 */
export function suggest(word: string, known: readonly string[]): string {
  if (word.length > 40) return "";
  const nearest = closestString(word, known);
  const distance = levenshteinDistance(word.toLowerCase(), nearest.toLowerCase());
  const isNear = distance <= (nearest.length < 4 ? 1 : Math.max(2, Math.floor(nearest.length / 3)));
  return isNear ? `; did you mean ${quote(nearest)}?` : "";
}
