/** Rates between two readings of the metrics. */

import type { StateView } from "../../admin/api.ts";
import type { SkipReason } from "../../http/outcome_kinds.ts";

/** Counters of a route. */
export type RouteCounts = StateView["metrics"]["routes"][number];
/** Counters of a service of a route. */
export type ServiceCounts = StateView["metrics"]["services"][number];

/** Rates of a route. */
export interface RouteRates {
  /** Responses per second. */
  readonly perSecond: number;
  /** Ratio of 5xx responses, 0 to 1; `undefined` without responses. */
  readonly serverErrorRatio: number | undefined;
  /** Ratio of responses that broke off after their head, 0 to 1; `undefined` without responses. */
  readonly interruptedRatio: number | undefined;
  /** Ratio of responses from services that are not primaries, 0 to 1; `undefined` without responses. */
  readonly fallbackRatio: number | undefined;
}

/** Rates of a service of a route. */
export interface ServiceRates {
  /** Settled attempts per second. */
  readonly perSecond: number;
  /** Ratio of successes among attempts that were not aborted, 0 to 1; `undefined` without such attempts. */
  readonly successRatio: number | undefined;
  /** Skipped requests per second, by reason. */
  readonly skips: readonly (readonly [reason: SkipReason, perSecond: number])[];
}

/** Returns the time between two readings in seconds, which is never 0. */
export function secondsBetween(previous: Pick<StateView, "timeMs">, current: Pick<StateView, "timeMs">): number {
  return Math.max(1, current.timeMs - previous.timeMs) / 1_000;
}

/** Returns the rates of a route. `previous` is `undefined` if the route is new. */
export function routeRates(
  previous: RouteCounts | undefined,
  current: RouteCounts,
  seconds: number,
): RouteRates {
  const responses = increase(sum(previous?.responses), sum(current.responses));
  const ratio = (before: number | undefined, after: number | undefined) => {
    return responses === 0 ? undefined : Math.min(1, increase(before, after) / responses);
  };
  return {
    perSecond: responses / seconds,
    serverErrorRatio: ratio(previous?.responses["5xx"], current.responses["5xx"]),
    interruptedRatio: ratio(previous?.interrupted, current.interrupted),
    fallbackRatio: ratio(previous?.fallbacks, current.fallbacks),
  };
}

/** Returns the rates of a service of a route. `previous` is `undefined` if the service is new. */
export function serviceRates(
  previous: ServiceCounts | undefined,
  current: ServiceCounts,
  seconds: number,
): ServiceRates {
  const responses = increase(sum(previous?.responses), sum(current.responses));
  const failures = increase(sum(previous?.failures), sum(current.failures));
  const judged = responses + failures - increase(previous?.failures.aborted, current.failures.aborted);
  const succeeded = responses - increase(previous?.failedResponses, current.failedResponses);
  const skips = Object.entries(current.skips) as [SkipReason, number][];
  return {
    perSecond: (responses + failures) / seconds,
    successRatio: judged <= 0 ? undefined : Math.max(0, Math.min(1, succeeded / judged)),
    skips: skips
      .map(([reason, count]) => [reason, increase(previous?.skips[reason], count) / seconds] as const)
      .filter(([, perSecond]) => perSecond > 0),
  };
}

/** Returns 0 for a counter that has decreased: the counts of a crashed worker are lost. */
function increase(before = 0, after = 0): number {
  return Math.max(0, after - before);
}

function sum(counts: Readonly<Partial<Record<string, number>>> = {}): number {
  return Object.values(counts).reduce((sum: number, count = 0) => sum + count, 0);
}
