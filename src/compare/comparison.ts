/** Finished comparisons, and the events that report them. */

import type { ComparedEvent, ComparisonResult } from "../observe/events.ts";
import type { NotComparableReason } from "../observe/not_comparable.ts";
import type { CapturedOutcome } from "./captured_response.ts";
import type { Difference } from "./difference.ts";
import type { RequestSample } from "./report.ts";
import type { DifferenceTraits, ValuesByPath } from "./difference_traits.ts";

/** A comparison of two outcomes of the same request. */
export interface Comparison {
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** The request method. */
  readonly method: string;
  /** The request path without the query, redacted. Computed on access, because redaction is expensive. */
  readonly path: string;
  /** Sample of the request. Computed on first access. Absent: samples are off. */
  readonly request?: RequestSample | undefined;
  /** The service that was compared with the primary. */
  readonly service: string;
  /** Build of the service, from its response. Absent: builds are not distinguished, or there is no response. */
  readonly build?: string;
  /** True if the comparison measures noise: with a control of the primary, or with a second response of the primary. */
  readonly isNoise: boolean;
  /** The primary's outcome: the baseline. */
  readonly expected: CapturedOutcome;
  /** The service's outcome. */
  readonly actual: CapturedOutcome;
  /** The differences, at most one for each path. Empty if the outcomes match. */
  readonly differences: readonly Difference[];
  /** Traits of the differences, by path. Default: none. */
  readonly traits?: DifferenceTraits;
  /** Values that differ in the same form, by path. Default: none. */
  readonly values?: ValuesByPath;
}

/** Two responses to the same request that are not comparable. */
export interface NotComparable extends Pick<Comparison, "requestId" | "route" | "service" | "isNoise"> {
  /** Name of the endpoint. Absent: the endpoint is not counted. */
  readonly endpoint?: string;
  /** The reason. */
  readonly reason: NotComparableReason;
  /** Results of both services, if both are known although a response is unfinished. */
  readonly results?: { readonly isPrimaryError: boolean; readonly isError: boolean };
}

/** A request that a candidate did not get, because of its breaker or its health checks. */
export interface Unavailable extends Pick<Comparison, "route" | "service" | "expected"> {}

/** Maximum paths in an event. */
const MAX_PATHS = 10;

/** Returns the event of a comparison. */
export function comparedEvent(comparison: Comparison): ComparedEvent {
  const { requestId, route, service, differences } = comparison;
  const paths = differences.slice(0, MAX_PATHS).map(({ path }) => path);
  return { type: "compared", requestId, route, service, result: resultOf(comparison), paths };
}

/** Returns the event of responses that are not comparable. */
export function notComparableEvent({ requestId, route, service, reason }: NotComparable): ComparedEvent {
  return { type: "compared", requestId, route, service, result: "not-comparable", paths: [], reason };
}

function resultOf({ isNoise, expected, actual, differences }: Comparison): ComparisonResult {
  if (isNoise) return "noise";
  if (expected.ok !== actual.ok) return "missing";
  return differences.length === 0 ? "match" : "mismatch";
}
