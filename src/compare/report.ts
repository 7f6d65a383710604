/** The report on all comparisons: `GET /api/report`, and the output of `conductor report`. */

import type { HeaderLine } from "../config/config.ts";
import type { RatioEstimate } from "../lib/statistics.ts";
import type { NoiseMark } from "./noise_marks.ts";
import type { NotComparableCounts, NotComparableReason } from "../observe/not_comparable.ts";

/** Verdict on a service: ready to replace the primary, not ready, or not enough comparisons to decide. */
export type Verdict = "ready" | "not-ready" | "not-enough-traffic";

/** A request without its secrets. */
export interface RequestSample {
  /** Scheme and authority that the client requested, for example `https://shop.example`. */
  readonly origin: string;
  /** Path and query. */
  readonly target: string;
  /** End-to-end header lines of the client. `…` stands for further lines. */
  readonly headers: readonly HeaderLine[];
  /** Text of the body, JSON without white space. Absent: there is no body, or it was not kept. */
  readonly body?: string;
  /** Length of the body in bytes. Present only if `body` is not the whole body, and the length is known. */
  readonly bodyBytes?: number;
}

/** Sample of a field that differs. */
export interface MismatchSample {
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The request method. */
  readonly method: string;
  /** The request path, redacted as configured. */
  readonly path: string;
  /** The request, redacted as configured. */
  readonly request?: RequestSample;
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
  /** Path of the field, as in `Difference`, and a trait of the differences in parentheses if they have one. */
  readonly path: string;
  /** Path without the trait. Absent if there is none. */
  readonly plainPath?: string;
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

/** A field that differs by noise, or that a person has marked as noise. */
export interface NoisyField extends Omit<Mismatch, "samples"> {
  /** Time at which a person marked the field, in milliseconds since 1970. Absent for other fields. */
  readonly markedMs?: number;
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
  /** The newest build, if the configuration has a `version`. Only its comparisons count. */
  readonly build?: string;
  /** Builds before the newest one, the latest first. */
  readonly otherBuilds: readonly OtherBuild[];
  /** Start of counting for this build of the service, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Requests that the service did not get, because of its breaker or its health checks. They count as errors. */
  readonly unavailable: number;
  /**
   * Ratio of the pairs of responses that were comparable, 0 to 1. Requests that were left out for lack of time do not
   * count.
   */
  readonly comparable: number;
  /** Comparisons that differ only in undecided fields, which may be noise. The match rate leaves them out. */
  readonly undecidedCount: number;
  /** Ratio of the requests that there was time to compare, 0 to 1. The others were left out at random. */
  readonly sampled: number;
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
  /** Start of counting, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Number of comparisons, without noise measurements. */
  readonly compared: number;
  /** Number of responses that are not comparable. Comparisons of the primary with itself are not included. */
  readonly notComparable: number;
  /** Comparisons that differ only in undecided fields, which may be noise. The match rate leaves them out. */
  readonly undecidedCount: number;
  /** Ratio of the comparisons without a mismatch, 0 to 1. */
  readonly matchRate: number;
  /** One entry for each service of each route that is compared. */
  readonly services: readonly ServiceReport[];
  /** Fields that differ more often than by noise, the highest rates first. */
  readonly mismatches: readonly Mismatch[];
  /** Fields that differ by noise, or were marked as noise. */
  readonly noise: readonly NoisyField[];
  /** Fields in which a regression cannot be detected. */
  readonly neverComparable: readonly NeverComparable[];
  /** Fields that a person has marked as noise, in the order of the marks. */
  readonly marks: readonly ReportedMark[];
  /** Fields that differ, with too few comparisons to decide whether by noise. */
  readonly undecided: readonly Mismatch[];
  /** Endpoints with responses that are not comparable, by reason, the highest counts first. */
  readonly notComparableAt: readonly NotComparableEntry[];
  /** Number of samples, fields, endpoints and comparisons that exceeded the memory limit. */
  readonly dropped: number;
}

/** A field that is never comparable: it differs so often by noise that a regression in it cannot be detected. */
export interface NeverComparable extends Pick<Mismatch, "route" | "endpoint" | "service" | "path" | "noiseRate"> {
  /** Number of comparisons in which the field differs. */
  readonly differing: number;
  /** Ratio of all comparisons of the service on the route in which the field differs, 0 to 1. */
  readonly share: number;
}

/** A field that a person has marked as noise. */
export interface ReportedMark extends NoiseMark {
  /** Number of comparisons in which the field differs, and would otherwise count. */
  readonly differing: number;
}

/** Another build of a service. */
export interface OtherBuild {
  /** The version in its responses. */
  readonly build: string;
  /** Start of its first comparison, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Number of its comparisons. */
  readonly compared: number;
  /** The verdict on this build. */
  readonly verdict: Verdict;
}

/** Requirements for the verdict `ready`. */
export interface ReportThresholds {
  /**
   * Minimum number of comparisons.
   *
   * @default {2_000}
   */
  readonly minRequests: number;
  /**
   * Minimum ratio of the pairs of responses that are comparable, 0 to 1.
   *
   * @default {0.95}
   */
  readonly minComparable: number;
  /**
   * Maximum ratio of mismatches to comparisons, 0 to 1.
   *
   * @default {0.001}
   */
  readonly maxMismatch: number;
  /**
   * Maximum latency as a multiple of the primary's, for p50 and p99. Differences of up to 1 ms are ignored.
   *
   * @default {1.2}
   */
  readonly maxLatencyRatio: number;
  /**
   * Maximum ratio of errors above the primary's, 0 to 1.
   *
   * @default {0.001}
   */
  readonly maxErrors: number;
}
