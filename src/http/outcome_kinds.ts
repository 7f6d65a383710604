/**
 * Failure kinds, skip reasons and refusal reasons: one declaration for types, metrics, log, dashboard and
 * docs/reference/outcomes.md.
 */

import type { Role } from "../config/config.ts";

/** Point at which an attempt failed: before the request was sent, by an abort of conductor, or after it was sent. */
export type FailureStage = "not-sent" | "aborted" | "failed";

/** Facts about a failure kind. */
export interface FailureKindInfo {
  /** Cause, in one sentence. */
  readonly description: string;
  /** Reports whether a client can cause the failure alone: `yes` or `no`, and how. */
  readonly clientCause: string;
  /** Reports whether the failure counts against the breaker of the service: `yes`, `no`, or the condition. */
  readonly breaker: string;
  /** Point at which the attempt failed. */
  readonly stage: FailureStage;
}

/** Causes of an overload of conductor, not of the service: failure kinds, and for shadows also skip reasons. */
const OVERLOADS = {
  "queue-full": "`limits.maxConnectionsPerService` is reached, and the queue of the service has no room.",
  "queue-timeout": "The attempt waited in the queue of the service until its `timeout`.",
  "no-descriptors": "The operating system has no file descriptor or socket buffer for a connection.",
  "no-ports": "The operating system has no local port for a connection.",
  "hanging-handshakes": "32 TLS handshakes in a row were not completed, and another one is in progress.",
} as const;

/** Failure kind of an attempt that did not reach the service for lack of a resource of conductor. */
export type OverloadKind = keyof typeof OVERLOADS;

/** Every failure kind with its facts. */
export const FAILURE_KINDS = {
  "timeout": {
    description:
      "No response head arrived within `timeout` after the request was sent, a small body stopped, or no connection was established.",
    clientCause: "not with a slow upload: the timeout pauses while the service waits for the client",
    breaker: "yes",
    stage: "failed",
  },
  "refused": {
    description: "The connection was refused, or the host or network is unreachable.",
    clientCause: "no",
    breaker: "yes",
    stage: "failed",
  },
  "dns": {
    description: "The name of the service cannot be resolved.",
    clientCause: "no",
    breaker: "yes",
    stage: "failed",
  },
  "tls": {
    description: "The TLS handshake failed, the certificate is not valid, or TLS records are corrupt.",
    clientCause: "no: neither the name nor the certificate depends on a request",
    breaker: "yes",
    stage: "failed",
  },
  "reset": {
    description: "The connection ended before the response was complete.",
    clientCause:
      "with an upload that is too large or too slow, or a head that is too large; over HTTP/2 with many cancelled requests",
    breaker:
      "over HTTP/1.1 only, for requests with a head up to 8 KiB, and with no body or a body of known length up to 64 KiB",
    stage: "failed",
  },
  "protocol": {
    description: "The response is not valid HTTP, switches protocols unasked, or has a status above 599.",
    clientCause: "no",
    breaker: "yes",
    stage: "failed",
  },
  "head-too-large": {
    description: "The head of the response or of an interim response has more than 256 KiB or 1,000 fields.",
    clientCause: "yes, if the service returns parts of the request",
    breaker: "no",
    stage: "failed",
  },
  "unsendable": {
    description: "The transport cannot write the request; the client gets 400.",
    clientCause: "yes, over `fetch` only: methods such as `TRACK` or `get`, a URL above 64 KiB",
    breaker: "no",
    stage: "not-sent",
  },
  "aborted": {
    description: "The client disconnected or broke off its body, or the response was no longer needed.",
    clientCause: "yes",
    breaker: "no",
    stage: "aborted",
  },
  "body-lag": {
    description:
      "A secondary or shadow lagged by more than `bodyWindow` in reading an upload, or a shadow in reading a tunnel.",
    clientCause: "yes, with a fast upload",
    breaker: "no",
    stage: "aborted",
  },
  "body-too-large": {
    description: "The body of a shadow request was larger than `maxBodySize`, so the request was cut off.",
    clientCause: "yes",
    breaker: "no",
    stage: "aborted",
  },
  "open-circuit": {
    description: "The breaker of the service is open.",
    clientCause: "no",
    breaker: "no",
    stage: "not-sent",
  },
  "unhealthy": {
    description: "The health checks of the service fail.",
    clientCause: "no",
    breaker: "no",
    stage: "not-sent",
  },
  "queue-full": {
    description: OVERLOADS["queue-full"],
    clientCause: "yes",
    breaker: "no",
    stage: "not-sent",
  },
  "queue-timeout": {
    description: OVERLOADS["queue-timeout"],
    clientCause: "yes",
    breaker: "no",
    stage: "not-sent",
  },
  "no-descriptors": {
    description: OVERLOADS["no-descriptors"],
    clientCause: "yes",
    breaker: "no",
    stage: "not-sent",
  },
  "no-ports": {
    description: OVERLOADS["no-ports"],
    clientCause: "yes",
    breaker: "no",
    stage: "not-sent",
  },
  "hanging-handshakes": {
    description: OVERLOADS["hanging-handshakes"],
    clientCause: "yes",
    breaker: "no",
    stage: "not-sent",
  },
} as const satisfies Record<string, FailureKindInfo>;

/** Reason why an attempt ended without a usable response. */
export type FailureKind = keyof typeof FAILURE_KINDS;

/** Failures of attempts that were never sent to the service. */
export const NOT_SENT_KINDS: ReadonlySet<FailureKind> = kindsWith(({ stage }) => stage === "not-sent");

/** Failures that the breaker of the service ignores. */
export const NEUTRAL_KINDS: ReadonlySet<FailureKind> = kindsWith(({ breaker }) => breaker === "no");

/** Reports whether an attempt failed because conductor lacked a connection, a descriptor or a port for it. */
export function isOverload(kind: FailureKind): kind is OverloadKind {
  return Object.hasOwn(OVERLOADS, kind);
}

/** Every skip reason with a description. */
export const SKIP_REASONS = {
  "method-excluded": "The method is not one of `methods`, not safe, or not safe to send again.",
  "not-sampled": "The request, or its client, is not in the sample.",
  "max-in-flight": "The limit `maxInFlight` is reached: earlier requests to the shadow are still in flight.",
  "connection-budget":
    "Responses of the shadow do not end, so that each costs a connection, and it was sent 20 in the last second.",
  "rate-limited": "The limit `maxRate` is reached: that many requests were sent to the shadow in the last second.",
  "body-too-large": "The body is larger than `maxBodySize`, or was streamed and cannot be sent again.",
  "body-lag": FAILURE_KINDS["body-lag"].description,
  "open-circuit": FAILURE_KINDS["open-circuit"].description,
  "unhealthy": FAILURE_KINDS["unhealthy"].description,
  "handshake-mismatch":
    "The shadow negotiated another protocol, subprotocol or other extensions than the selected service, so the bytes of the client would have no meaning to it.",
  "hedge-budget": "The budget for hedges (`maxExtra`) is used up.",
  "unsendable": FAILURE_KINDS["unsendable"].description,
  ...OVERLOADS,
} as const;

/** Reason why a service did not get a request that its route matched. */
export type SkipReason = keyof typeof SKIP_REASONS;

/** Failures by which a shadow request is cut off. A shadow that lags or gets too much is no failure of the service. */
const CUT_OFF_KINDS: ReadonlySet<FailureKind> = new Set<FailureKind & SkipReason>(["body-lag", "body-too-large"]);

/**
 * Returns the reason if a failed attempt is a skip: it was not sent, or it is a shadow request that was cut off. Every
 * view counts it as a skip and not as a failure, so that each request is counted once for each service.
 */
export function skipReasonOf(kind: FailureKind, role: Role): SkipReason | undefined {
  const isSkip = NOT_SENT_KINDS.has(kind) || (role === "shadow" && CUT_OFF_KINDS.has(kind));
  return isSkip ? kind as FailureKind & SkipReason : undefined;
}

/** A local reply to a request that a limit refused. */
export interface RefusalReasonInfo {
  /** Status of the reply. */
  readonly status: number;
  /** Limit that was reached, in one sentence. */
  readonly description: string;
}

/** Every refusal reason with its facts. */
export const REFUSAL_REASONS = {
  "max-in-flight": { status: 503, description: "`limits.maxInFlight` requests are in flight." },
  "max-in-flight-per-client": {
    status: 503,
    description:
      "The client has as many requests in flight as `limits.maxInFlightPerClient`, or its fair share, allows.",
  },
  "max-uploads": { status: 503, description: "`limits.maxUploads` request bodies are arriving." },
  "max-uploads-per-client": {
    status: 503,
    description:
      "The client has as many uploads in progress as `limits.maxInFlightPerClient`, or its fair share, allows.",
  },
  "max-tunnels": { status: 503, description: "`limits.maxTunnels` upgraded connections are open." },
  "max-tunnels-per-client": {
    status: 503,
    description:
      "The client has as many upgraded connections as `limits.maxInFlightPerClient`, or its fair share, allows.",
  },
  "stalled-upload": { status: 408, description: "No byte of the request body arrived within the timeout." },
  "slow-upload": { status: 408, description: "The request body arrived more slowly than `limits.minUploadRate`." },
  "request-timeout": { status: 408, description: "The request did not arrive within `clientTimeouts.request`." },
  "head-timeout": {
    status: 408,
    description: "The head of the request did not arrive within `clientTimeouts.header`.",
  },
  "max-connections": { status: 503, description: "`limits.maxConnections` connections of clients are open." },
  "max-connections-per-client": {
    status: 503,
    description: "The client has `limits.maxConnectionsPerClient` open connections.",
  },
} as const satisfies Record<string, RefusalReasonInfo>;

/** Limit that refused a request, so that one client cannot harm other clients. */
export type RefusalReason = keyof typeof REFUSAL_REASONS;

/** Limits that refuse a connection before conductor has a request. */
export type ConnectionRefusal = "head-timeout" | "max-connections" | "max-connections-per-client";

function kindsWith(predicate: (info: FailureKindInfo) => boolean): ReadonlySet<FailureKind> {
  const entries = Object.entries(FAILURE_KINDS) as [FailureKind, FailureKindInfo][];
  return new Set(entries.filter(([, info]) => predicate(info)).map(([kind]) => kind));
}
