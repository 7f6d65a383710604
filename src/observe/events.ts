/**
 * One event per thing that happened to a request, or to a service. Log, metrics, dashboard and tests read the same events.
 */

import type { Role } from "../config/config.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import type { BreakerState } from "../policy/breaker.ts";
import type { HealthState } from "../policy/health.ts";
import type { RefusalReason } from "../http/client_response.ts";

/** A request arrived. */
export interface ReceivedEvent {
  /** What happened. */
  readonly type: "received";
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The matched route's pattern, for example `pathPrefix /api`; absent where none matched. */
  readonly route?: string;
}

/** A request was given to one service. */
export interface AttemptedEvent {
  /** What happened. */
  readonly type: "attempted";
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** The service's configured name. */
  readonly service: string;
  /** The service's role on the route. */
  readonly role: Role;
  /** Time since the request arrived, in milliseconds. */
  readonly atMs: number;
  /** Whether the request had been held back from it. */
  readonly hedge: boolean;
}

/** A service of the route was not sent the request; a copy that was cut off later is told of as well. */
export interface SkippedEvent {
  /** What happened. */
  readonly type: "skipped";
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** The service's configured name. */
  readonly service: string;
  /** The service's role on the route. */
  readonly role: Role;
  /** Why. */
  readonly reason: SkipReason;
}

/** An attempt ended: with a response's head (and small body), or with a failure. */
export interface SettledEvent {
  /** What happened. */
  readonly type: "settled";
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** The service's configured name. */
  readonly service: string;
  /** The service's role on the route. */
  readonly role: Role;
  /** Whether the response counts as a success. */
  readonly success: boolean;
  /** The response's status; absent where there was none. */
  readonly status?: number;
  /** Why there was no response; absent where there was one. */
  readonly failure?: FailureKind;
  /** Time from the start of the attempt, in milliseconds. */
  readonly durationMs: number;
}

/** The client's answer was decided and handed to the server. */
export interface RespondedEvent {
  /** What happened. */
  readonly type: "responded";
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The id of the trace that the request is part of (W3C Trace Context); absent where it is part of none. */
  readonly traceId?: string;
  /** The request method. */
  readonly method: string;
  /** The request path without the query; observers given to `conductor()` get it with secrets redacted. */
  readonly path: string;
  /** The matched route's pattern; absent if none matched. */
  readonly route?: string;
  /** The status that the client gets; 499 if the client disconnected before a response. */
  readonly status: number;
  /** Limit that refused the request; absent for every other response. */
  readonly refusal?: RefusalReason;
  /** The service whose response was selected; absent if conductor responded itself. */
  readonly service?: string;
  /** The selected service's role. */
  readonly role?: Role;
  /** Whether the answer came from another than a primary. */
  readonly fallback: boolean;
  /** Whether the selected service's request had been held back first; absent: it had not. */
  readonly hedge?: boolean;
  /** Time since the request arrived, in milliseconds. */
  readonly durationMs: number;
}

/** The selected response broke off after its head; the client's connection is cut. */
export interface InterruptedEvent {
  /** What happened. */
  readonly type: "interrupted";
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** The service that was being relayed. */
  readonly service: string;
  /** What broke it off. */
  readonly failure: FailureKind;
}

/**
 * Nothing more of an answer is passed on: it has been whole, was broken off, or the client does not want the rest. Told
 * once of each request that was admitted, after `responded`.
 */
export interface RelayedEvent {
  /** What happened. */
  readonly type: "relayed";
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** The service whose response it was; absent where conductor answered itself. */
  readonly service?: string;
  /** That service's role. */
  readonly role?: Role;
  /** How much of the request's body had been read, in bytes. */
  readonly requestBytes: number;
  /** How much of the service's body has been passed on, in bytes; 0 where conductor answered itself. */
  readonly responseBytes: number;
  /** Time since the request arrived, in milliseconds. */
  readonly durationMs: number;
}

/** A service's circuit breaker changed its state. */
export interface BreakerEvent {
  /** What happened. */
  readonly type: "breaker";
  /** The service's configured name. */
  readonly service: string;
  /** `open`: nothing is sent; `half-open`: one request is, to see; `closed`: all are. */
  readonly state: BreakerState;
  /** How long it stays open before a request may tell how the service is, in milliseconds; absent otherwise. */
  readonly openForMs?: number;
}

/** A service's health checks changed what is thought of it. */
export interface HealthEvent {
  /** What happened. */
  readonly type: "health";
  /** The service's configured name. */
  readonly service: string;
  /** `unhealthy`: nothing is sent to it. */
  readonly state: HealthState;
  /** The status that the last check was answered with; absent where there was no answer. */
  readonly status?: number;
  /** Why there was no answer; absent where there was one. */
  readonly failure?: FailureKind;
}

/**
 * Result of a comparison. `noise`: the primary was compared with itself. `missing`: one of the two has no response.
 * `not-comparable`: the comparison was not possible.
 */
export type ComparisonResult = "match" | "mismatch" | "missing" | "noise" | "not-comparable";

/**
 * Reason why two responses are not comparable. `too-large`: a body above `compare.maxBody`. `undecodable`: an unknown
 * or broken content coding. `memory`: `compare.maxMemory` is used up. `costly`: more work than the limit for one
 * comparison. `busy`: too many waiting comparisons. `lagging`: a service cut off for reading an upload too slowly.
 */
export type NotComparableReason = "too-large" | "undecodable" | "memory" | "costly" | "busy" | "lagging";

/** The responses of two services to one request were compared. */
export interface ComparedEvent {
  /** What happened. */
  readonly type: "compared";
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** The service that was compared with the primary. */
  readonly service: string;
  /** Result of the comparison. */
  readonly result: ComparisonResult;
  /** Paths of at most ten differences; empty if the responses match. */
  readonly paths: readonly string[];
  /** Reason if `result` is `not-comparable`; otherwise absent. */
  readonly reason?: NotComparableReason;
}

/** Anything that an observer is told. */
export type ConductorEvent =
  | ReceivedEvent
  | AttemptedEvent
  | SkippedEvent
  | SettledEvent
  | RespondedEvent
  | InterruptedEvent
  | RelayedEvent
  | BreakerEvent
  | HealthEvent
  | ComparedEvent;

/** Receives every event. It may throw; the request does not notice. */
export type Observer = (event: ConductorEvent) => void;
