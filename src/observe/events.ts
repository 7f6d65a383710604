/**
 * Events: one for each step of a request and each change of a service. Log, metrics and dashboard read the same events.
 */

import type { Role, Route } from "../config/config.ts";
import type { ConnectionRefusal, FailureKind, RefusalReason, SkipReason } from "../http/outcome_kinds.ts";
import type { BreakerState } from "../policy/breaker.ts";
import type { HealthState } from "../policy/health.ts";
import type { NotComparableReason } from "./not_comparable.ts";

/** Details of a failure, for operators. They are never part of a response to a client. */
export interface FailureDetail {
  /** Words of the platform, or a description of the failure; without secrets. Absent if the attempt was aborted. */
  readonly error?: string;
  /** `host:port` of the service; its URL with placeholders if the URL is secret. */
  readonly address?: string;
  /** Usual cause with its remedy, for example `connection refused at 10.0.0.7:8081: …`; absent if none is recognised. */
  readonly cause?: string;
}

/** A request arrived. */
export interface ReceivedEvent {
  /** Type of the event. */
  readonly type: "received";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Pattern of the matched route, for example `pathPrefix /api`; absent if none matched. */
  readonly route?: string;
}

/** An attempt started: the request goes to one service. */
export interface AttemptedEvent {
  /** Type of the event. */
  readonly type: "attempted";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Pattern of the route, for example `pathPrefix /api`. */
  readonly route: string;
  /** Configured name of the service. */
  readonly service: string;
  /** Role of the service on the route. */
  readonly role: Role;
  /** Time since the request arrived, in milliseconds. */
  readonly atMs: number;
  /** True for a hedge: the attempt started with a delay. */
  readonly hedge: boolean;
  /** True for a request that is sent to the primary again, to detect noise; otherwise absent. */
  readonly replay?: true;
}

/** A service of the route did not get the request, or a shadow request was cut off. Once for each request and service. */
export interface SkippedEvent {
  /** Type of the event. */
  readonly type: "skipped";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Pattern of the route, for example `pathPrefix /api`. */
  readonly route: string;
  /** Configured name of the service. */
  readonly service: string;
  /** Role of the service on the route. */
  readonly role: Role;
  /** Reason of the skip. */
  readonly reason: SkipReason;
}

/** An attempt settled: with a response head (and a small body), or with a failure. */
export interface SettledEvent extends FailureDetail {
  /** Type of the event. */
  readonly type: "settled";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Pattern of the route, for example `pathPrefix /api`. */
  readonly route: string;
  /** Configured name of the service. */
  readonly service: string;
  /** Role of the service on the route. */
  readonly role: Role;
  /** True for a request that is sent to the primary again, to detect noise; otherwise absent. */
  readonly replay?: true;
  /** True if the response counts as a success. */
  readonly success: boolean;
  /** Status of the response; absent without a response. */
  readonly status?: number;
  /** Kind of the failure; absent with a response. */
  readonly failure?: FailureKind;
  /** True for a hedge: the attempt started with a delay; otherwise absent. */
  readonly hedge?: boolean;
  /** Time from the start of the attempt, in milliseconds. */
  readonly durationMs: number;
}

/** The response for the client was selected and handed to the server. */
export interface RespondedEvent {
  /** Type of the event. */
  readonly type: "responded";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Trace id of the request (W3C Trace Context); absent without a trace. */
  readonly traceId?: string;
  /** Request method. */
  readonly method: string;
  /** Request path without the query; secrets are redacted for observers given to `conductor()`. */
  readonly path: string;
  /** Pattern of the matched route; absent if none matched. */
  readonly route?: string;
  /** Status of the response; 499 if the client disconnected earlier. */
  readonly status: number;
  /** Limit that refused the request; absent for every other response. */
  readonly refusal?: RefusalReason;
  /** Service whose response was selected; absent for a local reply of conductor. */
  readonly service?: string;
  /** Role of the selected service. */
  readonly role?: Role;
  /** True if the selected service is not a primary. */
  readonly fallback: boolean;
  /** True if the selected attempt was a hedge; otherwise absent. */
  readonly hedge?: boolean;
  /** Bytes of the body of a local reply; absent for the response of a service, whose bytes are in `relayed`. */
  readonly localBytes?: number;
  /** Time since the request arrived, in milliseconds. */
  readonly durationMs: number;
}

/** The selected response broke off after its head. The client's connection is closed. */
export interface InterruptedEvent extends FailureDetail {
  /** Type of the event. */
  readonly type: "interrupted";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Pattern of the route, for example `pathPrefix /api`. */
  readonly route: string;
  /** Service whose response was being relayed. */
  readonly service: string;
  /** Kind of the failure. */
  readonly failure: FailureKind;
}

/**
 * The relay of a response ended: it is complete, it broke off, or the client disconnected. Emitted once for each
 * admitted request, after `responded`.
 */
export interface RelayedEvent {
  /** Type of the event. */
  readonly type: "relayed";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Pattern of the route, for example `pathPrefix /api`. */
  readonly route: string;
  /** Service whose response was relayed; absent for a local reply of conductor. */
  readonly service?: string;
  /** Role of the service. */
  readonly role?: Role;
  /** Bytes of the request body that were read. */
  readonly requestBytes: number;
  /** Bytes of the response body that were relayed; 0 for a local reply of conductor. */
  readonly responseBytes: number;
  /** Time since the request arrived, in milliseconds. */
  readonly durationMs: number;
}

/** A service switched protocols: bytes are relayed in both directions. */
export interface TunnelOpenedEvent {
  /** Type of the event. */
  readonly type: "tunnel-opened";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Pattern of the route, for example `pathPrefix /api`. */
  readonly route: string;
  /** Configured name of the service. */
  readonly service: string;
  /** Role of the service on the route; `shadow` for a mirrored tunnel. */
  readonly role: Role;
  /** Protocol of the tunnel, for example `websocket`. */
  readonly protocol: string;
}

/**
 * Bytes moved through a tunnel. Emitted every ten seconds while bytes move, and before `tunnel-closed`; not for mirrored
 * tunnels.
 */
export interface TunnelProgressEvent extends Omit<TunnelOpenedEvent, "type" | "protocol"> {
  /** Type of the event. */
  readonly type: "tunnel-progress";
  /** Bytes from the client since the last such event. */
  readonly clientBytes: number;
  /** Bytes from the service since the last such event. */
  readonly serviceBytes: number;
}

/**
 * Cause of the end of a tunnel. `client` or `service`: that side ended it first. `failed`: a connection broke. `idle`:
 * `upgradeIdleTimeout`. `shutdown`: conductor shut down. `cut-off`: a shadow lagged or did not close.
 */
export type TunnelEndCause = "client" | "service" | "failed" | "idle" | "shutdown" | "cut-off";

/** A tunnel ended. */
export interface TunnelClosedEvent extends Omit<TunnelOpenedEvent, "type"> {
  /** Type of the event. */
  readonly type: "tunnel-closed";
  /** Cause of the end. */
  readonly cause: TunnelEndCause;
  /** Close code that the service sent over a WebSocket; absent if it sent none. */
  readonly closeCode?: number;
  /** Bytes from the client that were sent to the service. */
  readonly clientBytes: number;
  /** Bytes that the service sent. */
  readonly serviceBytes: number;
  /** Time since the tunnel was opened, in milliseconds. */
  readonly durationMs: number;
}

/** A limit refused a connection before there was a request. Only the node listener has these limits. */
export interface RefusedEvent {
  /** Type of the event. */
  readonly type: "refused";
  /** Limit that was reached. */
  readonly reason: ConnectionRefusal;
  /** Address of the peer. */
  readonly client: string;
}

/** The circuit breaker of a service changed its state. */
export interface BreakerEvent {
  /** Type of the event. */
  readonly type: "breaker";
  /** Configured name of the service. */
  readonly service: string;
  /** `open`: no requests are sent. `half-open`: one request is sent as a probe. `closed`: all requests are sent. */
  readonly state: BreakerState;
  /** Time until the next probe, in milliseconds; present if the breaker opened. */
  readonly openForMs?: number;
}

/** The health checks of a service changed its state. */
export interface HealthEvent extends FailureDetail {
  /** Type of the event. */
  readonly type: "health";
  /** Configured name of the service. */
  readonly service: string;
  /** `unhealthy`: no requests are sent to the service. */
  readonly state: HealthState;
  /** Status of the response to the last check; absent without a response. */
  readonly status?: number;
  /** Kind of the failure of the last check; absent with a response. */
  readonly failure?: FailureKind;
}

/**
 * Result of a comparison. `noise`: the primary was compared with itself. `missing`: one of the two has no response.
 * `not-comparable`: the comparison was not possible.
 */
export type ComparisonResult = "match" | "mismatch" | "missing" | "noise" | "not-comparable";

/** The responses of two services to one request were compared. */
export interface ComparedEvent {
  /** Type of the event. */
  readonly type: "compared";
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Pattern of the route, for example `pathPrefix /api`. */
  readonly route: string;
  /** Service whose response was compared with the response of the primary. */
  readonly service: string;
  /** Result of the comparison. */
  readonly result: ComparisonResult;
  /** Paths of at most ten differences; empty if the responses match. */
  readonly paths: readonly string[];
  /** Reason if `result` is `not-comparable`; otherwise absent. */
  readonly reason?: NotComparableReason;
}

/** Any event. */
export type ConductorEvent =
  | ReceivedEvent
  | AttemptedEvent
  | SkippedEvent
  | SettledEvent
  | RespondedEvent
  | InterruptedEvent
  | RelayedEvent
  | TunnelOpenedEvent
  | TunnelProgressEvent
  | TunnelClosedEvent
  | RefusedEvent
  | BreakerEvent
  | HealthEvent
  | ComparedEvent;

/** Receives every event. Errors that it throws are ignored, and so are rejections of a promise that it returns. */
export type Observer = (event: ConductorEvent) => void;

/** Keeps each pattern as one string: a Map lookup with a newly concatenated string computes its hash again. */
const PATTERNS = new WeakMap<Pick<Route, "kind" | "path">, string>();

/** Returns the pattern of a route, for example `pathPrefix /api`. It is unique within a configuration. */
export function routePattern(route: Pick<Route, "kind" | "path">): string {
  const known = PATTERNS.get(route);
  if (known !== undefined) return known;
  const pattern = `${route.kind} ${route.path}`;
  PATTERNS.set(route, pattern);
  return pattern;
}
