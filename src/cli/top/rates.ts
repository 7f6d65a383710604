/** What happened between two readings of the counters. */

import type { StateView } from "../../admin/api.ts";
import type { SkipReason } from "../../http/outcome_kinds.ts";
import type { HistogramSnapshot, RouteSnapshot, ServiceSnapshot } from "../../observe/metrics_snapshot.ts";
import { DURATION_BUCKETS } from "../../observe/counted_metrics.ts";

/** How long things took, in milliseconds; each `undefined` where nothing has. */
export interface Durations {
  /** What half of them took at most. */
  readonly p50: number | undefined;
  /** What 95 of 100 took at most. */
  readonly p95: number | undefined;
  /** What 99 of 100 took at most. */
  readonly p99: number | undefined;
}

/** A route between two readings. */
export interface RouteRates extends Durations {
  /** Answers per second. */
  readonly perSecond: number;
  /** The share of 5xx among them, 0 to 1; `undefined` where there were none. */
  readonly serverErrors: number | undefined;
  /** The share that came from another than a primary; `undefined` where there were none. */
  readonly fallbacks: number | undefined;
}

/** A service of a route between two readings. */
export interface ServiceRates extends Durations {
  /** Attempts that were made and settled, per second. */
  readonly perSecond: number;
  /** The share of successes among them, those aside that were given up; `undefined` where there were none. */
  readonly success: number | undefined;
  /** Requests that it was not sent, per second, by reason. */
  readonly skips: readonly (readonly [reason: SkipReason, perSecond: number])[];
}

/**
 * Tells how much time is between two readings.
 *
 * @param previous The earlier one.
 * @param current The later one.
 * @returns Seconds, more than 0.
 */
export function secondsBetween(previous: Pick<StateView, "timeMs">, current: Pick<StateView, "timeMs">): number {
  return Math.max(1, current.timeMs - previous.timeMs) / 1_000;
}

/**
 * Tells what happened to a route.
 *
 * @param previous Its counters before; `undefined` where it was not there.
 * @param current Its counters.
 * @param seconds The time between.
 * @returns The rates.
 */
export function routeRates(
  previous: RouteSnapshot | undefined,
  current: RouteSnapshot,
  seconds: number,
): RouteRates {
  const answers = rise(sum(previous?.responses), sum(current.responses));
  const share = (before: number | undefined, after: number | undefined) => {
    return answers === 0 ? undefined : Math.min(1, rise(before, after) / answers);
  };
  return {
    perSecond: answers / seconds,
    serverErrors: share(previous?.responses["5xx"], current.responses["5xx"]),
    fallbacks: share(previous?.fallbacks, current.fallbacks),
    ...durations(previous?.duration, current.duration),
  };
}

/**
 * Tells what happened to a service of a route.
 *
 * @param previous Its counters before; `undefined` where it was not there.
 * @param current Its counters.
 * @param seconds The time between.
 * @returns The rates.
 */
export function serviceRates(
  previous: ServiceSnapshot | undefined,
  current: ServiceSnapshot,
  seconds: number,
): ServiceRates {
  const responses = rise(sum(previous?.responses), sum(current.responses));
  // Who is left alone was sent nothing: that is among the skips.
  const failures = rise(sum(previous?.failures), sum(current.failures)) -
    rise(previous?.failures["open-circuit"], current.failures["open-circuit"]) -
    rise(previous?.failures.unhealthy, current.failures.unhealthy);
  const judged = responses + failures - rise(previous?.failures.aborted, current.failures.aborted);
  const succeeded = responses - rise(previous?.failedResponses, current.failedResponses);
  const skips = Object.entries(current.skips) as [SkipReason, number][];
  return {
    perSecond: (responses + failures) / seconds,
    success: judged <= 0 ? undefined : Math.max(0, Math.min(1, succeeded / judged)),
    skips: skips
      .map(([reason, count]) => [reason, rise(previous?.skips[reason], count) / seconds] as const)
      .filter(([, perSecond]) => perSecond > 0),
    ...durations(previous?.duration, current.duration),
  };
}

/** What a worker has counted is lost with it: then a counter is lower than before, and nothing is known to have happened. */
function rise(before = 0, after = 0): number {
  return Math.max(0, after - before);
}

function sum(counts: Readonly<Partial<Record<string, number>>> = {}): number {
  return Object.values(counts).reduce((sum: number, count = 0) => sum + count, 0);
}

function durations(previous: HistogramSnapshot | undefined, current: HistogramSnapshot): Durations {
  const counts = current.counts.map((count, bucket) => rise(previous?.counts[bucket], count));
  return {
    p50: DURATION_BUCKETS.quantile(counts, 0.5),
    p95: DURATION_BUCKETS.quantile(counts, 0.95),
    p99: DURATION_BUCKETS.quantile(counts, 0.99),
  };
}
