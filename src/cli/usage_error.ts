/** What a person typed and conductor does not understand. */

import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** A mistake on the command line; the process exits with 2. */
export class UsageError extends Error {
  /** The error's name. */
  override readonly name = "UsageError";
}

/** What a command can not do, in one sentence for a person; the process exits with 1. */
export class CommandError extends Error {
  /** The error's name. */
  override readonly name = "CommandError";
}

/**
 * Suggests what was probably meant.
 *
 * @param given What was typed.
 * @param known What could have been typed.
 * @returns `; did you mean "…"?`, or nothing where no word is near.
 */
export function suggestion(given: string, known: readonly string[]): string {
  const nearest = closestString(given, known);
  const isNear = levenshteinDistance(given, nearest) <= Math.max(2, Math.floor(nearest.length / 2));
  return isNear ? `; did you mean "${nearest}"?` : "";
}
