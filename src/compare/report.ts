/** The verdict on a service: `GET /api/report`, and what `conductor report` prints. */

import type { RatioEstimate } from "../lib/wilson_interval.ts";

import type { NotComparableReason } from "../observe/events.ts";

/** May the new version go live? */
export type Verdict = "ready" | "not-ready" | "not-enough-traffic";

/** Two values of one field that differed. */
export interface MismatchSample {
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The request method. */
  readonly method: string;
  /** The request path, redacted as configured. */
  readonly path: string;
  /** The primary's value; absent where it has none. */
  readonly expected?: string;
  /** The other's value; absent where it has none. */
  readonly actual?: string;
  /** The beginning of the primary's body, redacted; only with `samples: bodies`. */
  readonly expectedBody?: string;
  /** The beginning of the other's body. */
  readonly actualBody?: string;
}

/** A field that differs more often than by itself. */
export interface Mismatch {
  /** The route's pattern. */
  readonly route: string;
  /** The endpoint: method and path with its variable segments as `{…}`, for example `GET /users/{id}`. */
  readonly endpoint: string;
  /** The service that differs from the primary. */
  readonly service: string;
  /** Where, as in `Difference`. */
  readonly path: string;
  /** How many comparisons of the endpoint had a difference there. */
  readonly differing: number;
  /** How many comparisons of the endpoint there were. */
  readonly compared: number;
  /** Share of the comparisons that differ there, 0 to 1. */
  readonly rate: number;
  /** Share of the comparisons of the primary with itself that differ there, 0 to 1. */
  readonly noiseRate: number;
  /** At most five. */
  readonly samples: readonly MismatchSample[];
}

/** How one service compares with the primary. */
export interface ServiceReport {
  /** The route's pattern. */
  readonly route: string;
  /** The service. */
  readonly service: string;
  /** The verdict on this service alone. */
  readonly verdict: Verdict;
  /** Why, one sentence for each threshold that was not met; empty where it is ready. */
  readonly reasons: readonly string[];
  /** Comparisons made. */
  readonly compared: number;
  /** Responses that were not comparable, by reason. No other count includes them. */
  readonly notComparable: Readonly<Partial<Record<NotComparableReason, number>>>;
  /** Comparisons without a difference that is no noise. */
  readonly matchRate: RatioEstimate;
  /** Share of failures and of responses with 5xx of the primary, and of the service. */
  readonly errorRate: { readonly primary: number; readonly service: number };
  /** Quantiles in milliseconds of the primary, and of the service. */
  readonly latencyMs: {
    readonly primary: { readonly p50: number; readonly p95: number; readonly p99: number };
    readonly service: { readonly p50: number; readonly p95: number; readonly p99: number };
  };
}

/** The whole report. */
export interface Report {
  /** The worst verdict of all services: one that is not ready outweighs one with not enough traffic. */
  readonly verdict: Verdict;
  /** Comparisons made, noise aside. */
  readonly compared: number;
  /** Responses that were not comparable. Comparisons of the primary with itself are not included. */
  readonly notComparable: number;
  /** Share of the comparisons without a difference that is no noise, 0 to 1. */
  readonly matchRate: number;
  /** One for each service that is compared. */
  readonly services: readonly ServiceReport[];
  /** The fields that differ, the most frequent first. */
  readonly mismatches: readonly Mismatch[];
  /** The fields that differ by themselves, or were called noise. */
  readonly noise: readonly Omit<Mismatch, "samples">[];
  /** The fields that differ, and too little was compared to know whether they do by themselves. */
  readonly undecided: readonly Mismatch[];
  /** Samples, fields, endpoints and comparisons that there was no memory for, counted together. */
  readonly dropped: number;
}

/** What a service must do to be ready. */
export interface ReportThresholds {
  /** Comparisons that are needed. */
  readonly minRequests: number;
  /** The largest share of mismatches, 0 to 1. */
  readonly maxMismatch: number;
  /** The largest p99 as a multiple of the primary's, and p50 likewise. */
  readonly maxLatencyRatio: number;
  /** The largest share of errors beyond the primary's, 0 to 1. */
  readonly maxErrors: number;
}
