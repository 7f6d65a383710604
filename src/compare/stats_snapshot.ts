/** Snapshots of comparison statistics: plain data that workers send to the main thread, and that can be merged. */

import type { LatencySnapshot } from "../lib/latency_counts.ts";
import type { NotComparableCounts } from "../observe/not_comparable.ts";
import type { MismatchSample } from "./report.ts";

/** A sample with the rank that decides whether it is kept. */
export interface RankedSample extends MismatchSample {
  /** The five lowest ranks are kept. -1 for the first samples, otherwise random from 0 to 1: an unbiased selection. */
  readonly rank: number;
}

/** Counts of one field of one service. */
export interface FieldStats {
  /** Path as in `Difference`. `$.…`, `header:…` and `form:…` stand for all fields above the limits. */
  readonly path: string;
  /** Comparisons in which the field differs. */
  readonly differing: number;
  /** At most five samples. */
  readonly samples: readonly RankedSample[];
}

/** Number of comparisons that differ in exactly these fields. */
export interface DifferenceSet {
  /** The paths, without duplicates. */
  readonly paths: readonly string[];
  readonly count: number;
}

/** Counts by field: the path, and the number of comparisons in which it differs. */
export type PathCounts = readonly (readonly [path: string, differing: number])[];

/** Counts of one service at one endpoint. */
export interface EndpointServiceStats {
  /** The service, or a build of it: see {@linkcode tallyKey}. */
  readonly service: string;
  /** Comparisons, without noise measurements. */
  readonly compared: number;
  /** Pairs of responses that are not comparable, by reason. No other count includes them. */
  readonly notComparable: NotComparableCounts;
  /** Fields that differ in any comparison. */
  readonly fields: readonly FieldStats[];
  /** Comparisons with differences, by the set of differing fields. */
  readonly sets: readonly DifferenceSet[];
  /** Comparisons above the limit of sets: their number, and the number that differ in each field. */
  readonly overflow: { readonly count: number; readonly fields: PathCounts };
}

/** Counts of one endpoint of a route. */
export interface EndpointStats {
  /** The route's pattern. */
  readonly route: string;
  /** Name of the endpoint; `…` stands for all endpoints above the limit. */
  readonly endpoint: string;
  /** Comparisons of the primary with itself: their number, and the number that differ in each field. */
  readonly noise: { readonly compared: number; readonly fields: PathCounts };
  /** The candidates. */
  readonly services: readonly EndpointServiceStats[];
}

/** Errors and latencies of one side of the comparisons. */
export interface ResponseStats {
  /** Failures, and responses with status 5xx. */
  readonly errors: number;
  /** Latencies from the start of the attempt to the response head. */
  readonly latency: LatencySnapshot;
  /** Latencies to the end of the body, of the comparisons in which both are known. */
  readonly total: LatencySnapshot;
}

/** Counts of one service on one route. */
export interface ServiceStats {
  /** The route's pattern. */
  readonly route: string;
  /** The service, or a build of it: see {@linkcode tallyKey}. */
  readonly service: string;
  /** Start of counting, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Comparisons, without noise measurements. */
  readonly compared: number;
  /** Pairs of responses that are not comparable, by reason. No other count includes them. */
  readonly notComparable: NotComparableCounts;
  /** Requests that the service did not get, because of its breaker or its health checks. */
  readonly unavailable: {
    readonly requests: number;
    /** Errors of the primary in these requests. */
    readonly primaryErrors: number;
  };
  /** Requests with an unfinished response, for which the status of both services is known. */
  readonly unfinished: {
    readonly requests: number;
    /** Errors of the primary in these requests. */
    readonly primaryErrors: number;
    /** Errors of the service. */
    readonly errors: number;
  };
  /** The primary's responses in these comparisons. */
  readonly primary: ResponseStats;
  /** The service's responses. */
  readonly responses: ResponseStats;
}

/** All counts. */
export interface StatsSnapshot {
  /** Start of counting, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** The endpoints in the order in which they were first seen. */
  readonly endpoints: readonly EndpointStats[];
  /** The services. Configured candidates come first. */
  readonly services: readonly ServiceStats[];
  /** Number of samples, fields, endpoints and comparisons above the limits. */
  readonly dropped: number;
}

/** Separates a service from its build. Names of services and versions have no line breaks. */
const BUILD_SEPARATOR = "\n";

/** Returns the name under which a build of a service is counted. Without a build, it is the name of the service. */
export function tallyKey(service: string, build: string | undefined): string {
  return build === undefined ? service : service + BUILD_SEPARATOR + build;
}

/** Returns the service and the build of a {@linkcode tallyKey}. */
export function splitTallyKey(key: string): { readonly service: string; readonly build: string | undefined } {
  const [service = "", build] = key.split(BUILD_SEPARATOR);
  return { service, build };
}

/** Bounds of a count. Both are equal if the count is exact. */
export interface CountRange {
  readonly least: number;
  readonly most: number;
}

/**
 * Counts the comparisons that differ in a field for which the predicate holds.
 *
 * The count is exact unless there were more combinations of fields than sets. The overflow only has counts by field: at
 * least the largest of these counts differ, and at most their sum.
 */
export function countDiffering(
  { sets, overflow }: Pick<EndpointServiceStats, "sets" | "overflow">,
  predicate: (path: string) => boolean,
): CountRange {
  let exact = 0;
  for (const { paths, count } of sets) if (paths.some(predicate)) exact += count;
  let [largest, sum] = [0, 0];
  for (const [path, differing] of overflow.fields) {
    if (!predicate(path)) continue;
    largest = Math.max(largest, differing);
    sum += differing;
  }
  return { least: exact + largest, most: exact + Math.min(sum, overflow.count) };
}
