/** The report on all comparisons: `GET /api/report`, and the output of `conductor report`. */

import type { RatioEstimate } from "../lib/statistics.ts";
import type { NotComparableCounts, NotComparableReason } from "../observe/not_comparable.ts";

/** Verdict on a service: ready to replace the primary, not ready, or not enough comparisons to decide. */
export type Verdict = "ready" | "not-ready" | "not-enough-traffic";

/** Sample of a field that differs. */
export interface MismatchSample {
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The request method. */
  readonly method: string;
  /** The request path, redacted as configured. */
  readonly path: string;
  /** The primary's value. Absent if it has none. */
  readonly expected?: string;
  /** The service's value. Absent if it has none. */
  readonly actual?: string;
  /** Beginning of the primary's body, redacted. Present only with `samples: bodies`. */
  readonly expectedBody?: string;
  /** Beginning of the service's body, redacted. Present only with `samples: bodies`. */
  readonly actualBody?: string;
}

/** A field of one service that differs. */
export interface Mismatch {
  /** The route's pattern. */
  readonly route: string;
  /** The endpoint: method and path with its variable segments as `{…}`, for example `GET /users/{id}`. */
  readonly endpoint: string;
  /** The service that differs from the primary. */
  readonly service: string;
  /** Path of the field, as in `Difference`. */
  readonly path: string;
  /** Number of comparisons at the endpoint in which the field differs. */
  readonly differing: number;
  /** Number of comparisons at the endpoint. */
  readonly compared: number;
  /** Ratio of the comparisons in which the field differs, 0 to 1. */
  readonly rate: number;
  /** Ratio of the comparisons of the primary with itself in which the field differs, 0 to 1. */
  readonly noiseRate: number;
  /** At most five samples. */
  readonly samples: readonly MismatchSample[];
}

/** Pairs of responses at one endpoint that are not comparable for the same reason. */
export interface NotComparableEntry extends Pick<Mismatch, "route" | "endpoint" | "service"> {
  /** The reason. */
  readonly reason: NotComparableReason;
  /** Number of pairs. */
  readonly count: number;
  /** Ratio of all pairs at the endpoint, 0 to 1. */
  readonly rate: number;
}

/** The report on one service of one route. */
export interface ServiceReport {
  /** The route's pattern. */
  readonly route: string;
  /** The service. */
  readonly service: string;
  /** The verdict on this service alone. */
  readonly verdict: Verdict;
  /** One sentence for each threshold that is not met. Empty if the service is ready. */
  readonly reasons: readonly string[];
  /** Number of comparisons. */
  readonly compared: number;
  /** Number of responses that are not comparable, by reason. No other count includes them. */
  readonly notComparable: NotComparableCounts;
  /** Ratio of the comparisons without a mismatch. */
  readonly matchRate: RatioEstimate;
  /** Ratio of failures and of responses with status 5xx, 0 to 1. */
  readonly errorRate: { readonly primary: number; readonly service: number };
  /** Quantiles of the latency in milliseconds, within 1 %. All are 0 without responses. */
  readonly latencyMs: { readonly primary: LatencyQuantiles; readonly service: LatencyQuantiles };
}

/** Quantiles of latencies, in milliseconds. */
export interface LatencyQuantiles {
  /** Median. */
  readonly p50: number;
  /** 95th percentile. */
  readonly p95: number;
  /** 99th percentile. */
  readonly p99: number;
  /** Highest latency. */
  readonly max: number;
}

/** The report on all services. */
export interface Report {
  /** The worst verdict of all services: `not-ready` before `not-enough-traffic` before `ready`. */
  readonly verdict: Verdict;
  /** Number of comparisons, without noise measurements. */
  readonly compared: number;
  /** Number of responses that are not comparable. Comparisons of the primary with itself are not included. */
  readonly notComparable: number;
  /** Ratio of the comparisons without a mismatch, 0 to 1. */
  readonly matchRate: number;
  /** One entry for each service of each route that is compared. */
  readonly services: readonly ServiceReport[];
  /** Fields that differ more often than by noise, the highest rates first. */
  readonly mismatches: readonly Mismatch[];
  /** Fields that differ by noise, or were marked as noise. */
  readonly noise: readonly Omit<Mismatch, "samples">[];
  /** Fields that differ, with too few comparisons to decide whether by noise. */
  readonly undecided: readonly Mismatch[];
  /** Endpoints with responses that are not comparable, by reason, the highest counts first. */
  readonly notComparableAt: readonly NotComparableEntry[];
  /** Number of samples, fields, endpoints and comparisons that exceeded the memory limit. */
  readonly dropped: number;
}

/** Requirements for the verdict `ready`. */
export interface ReportThresholds {
  /** Minimum number of comparisons. */
  readonly minRequests: number;
  /** Maximum ratio of mismatches, 0 to 1. */
  readonly maxMismatch: number;
  /** Maximum latency as a multiple of the primary's, for p50 and p99. */
  readonly maxLatencyRatio: number;
  /** Maximum ratio of errors above the primary's, 0 to 1. */
  readonly maxErrors: number;
}
