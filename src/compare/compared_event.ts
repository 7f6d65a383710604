/** What observers are told of a comparison. */

import type { ComparedEvent, ComparisonResult } from "../observe/events.ts";
import type { Comparison, NotComparable } from "./comparison.ts";

const MAX_PATHS = 10;

/**
 * Makes the event of a comparison.
 *
 * @param comparison The comparison.
 * @returns The event.
 */
export function comparedEvent(comparison: Comparison): ComparedEvent {
  const { requestId, route, service, differences } = comparison;
  const paths = differences.slice(0, MAX_PATHS).map(({ path }) => path);
  return { type: "compared", requestId, route, service, result: resultOf(comparison), paths };
}

/** Creates the event of responses that are not comparable. */
export function notComparableEvent({ requestId, route, service, reason }: NotComparable): ComparedEvent {
  return { type: "compared", requestId, route, service, result: "not-comparable", paths: [], reason };
}

function resultOf({ isNoise, expected, actual, differences }: Comparison): ComparisonResult {
  if (isNoise) return "noise";
  if (expected.ok !== actual.ok) return "missing";
  return differences.length === 0 ? "match" : "mismatch";
}
