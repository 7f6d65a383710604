/** What the counters of a process say at one moment, as plain data: it goes from worker to main thread, and adds up. */

import type { Role } from "../config/config.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import type { BreakerState } from "../policy/breaker.ts";
import type { HealthState } from "../policy/health.ts";
import type { RefusalReason } from "../http/client_response.ts";
import type { ComparisonResult, NotComparableReason } from "./events.ts";

/** How long something took, in buckets. */
export interface HistogramSnapshot {
  /** How many took no longer than each of `HISTOGRAM_BOUNDS_MS`, and longer than the bound before; one more for what took longer than all. */
  readonly counts: readonly number[];
  /** All together, in milliseconds. */
  readonly sumMs: number;
}

/** The first digit of a status code with `xx`. */
export type StatusClass = "1xx" | "2xx" | "3xx" | "4xx" | "5xx";

/** The exchanges of one route; the pattern is empty for requests that matched none. */
export interface RouteSnapshot {
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** Answers to clients by status class. 499, for a client that went away, counts among `4xx`. */
  readonly responses: Readonly<Partial<Record<StatusClass, number>>>;
  /** Requests refused by a limit, by reason. */
  readonly refusals: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Answers that came from another than a primary. */
  readonly fallbacks: number;
  /** Answers that conductor gave itself, among them 502 where all services had failed. */
  readonly ownAnswers: number;
  /** Responses that broke off after their head. */
  readonly interrupted: number;
  /** Bytes of request bodies that came from clients. */
  readonly requestBytes: number;
  /** Bytes of response bodies that were passed on to clients. */
  readonly responseBytes: number;
  /** Requests that have not been answered. */
  readonly inFlight: number;
  /** From a request's arrival until its answer was decided. */
  readonly duration: HistogramSnapshot;
}

/** The attempts of one service on one route. */
export interface ServiceSnapshot {
  /** The route's pattern. */
  readonly route: string;
  /** The service's configured name. */
  readonly service: string;
  /** The service's role on the route. */
  readonly role: Role;
  /** Responses by status class. */
  readonly responses: Readonly<Partial<Record<StatusClass, number>>>;
  /** Responses that count as a failure by `failOn`. */
  readonly failedResponses: number;
  /** Attempts without a response, by kind. */
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>;
  /** Requests that the service was not sent, by reason. */
  readonly skips: Readonly<Partial<Record<SkipReason, number>>>;
  /** How often its response was the client's answer. */
  readonly selected: number;
  /** Attempts that were hedges, and how many of them were selected. */
  readonly hedges: { readonly sent: number; readonly won: number };
  /** Answers that were compared with the primary's, by what came of it. */
  readonly comparisons: Readonly<Partial<Record<ComparisonResult, number>>>;
  /** Responses that were not comparable with the primary's, by reason. */
  readonly notComparable: Readonly<Partial<Record<NotComparableReason, number>>>;
  /** Attempts that have started and not settled. */
  readonly inFlight: number;
  /** From an attempt's start until it settled; attempts that were given up (`aborted`) or never sent are not in it. */
  readonly duration: HistogramSnapshot;
}

/** The state of one service beside its attempts. */
export interface ServiceStateSnapshot {
  /** The service's configured name. */
  readonly service: string;
  /** Its breaker's state; absent where it has none. */
  readonly breaker?: BreakerState;
  /** What its health checks say; absent where it has none. */
  readonly health?: HealthState;
}

/** Everything that is counted. */
export interface MetricsSnapshot {
  /** When counting began, in milliseconds since 1970. */
  readonly startedMs: number;
  /** When the last request arrived, in milliseconds since 1970; 0 where none has. */
  readonly lastRequestMs: number;
  /** The routes in the order of the configuration, and one without a pattern. */
  readonly routes: readonly RouteSnapshot[];
  /** The services of each route in the order of the configuration. */
  readonly services: readonly ServiceSnapshot[];
  /** The services in the order of the configuration. */
  readonly states: readonly ServiceStateSnapshot[];
}
