/**
 * Declarations of everything that is counted. Types, snapshots, merging, the Prometheus text and the reference follow
 * from them. A new counter needs an entry here, and a line in metrics.ts that counts it.
 */

import {
  FAILURE_KINDS,
  type FailureKind,
  NOT_SENT_KINDS,
  REFUSAL_REASONS,
  SKIP_REASONS,
  skipReasonOf,
} from "../http/outcome_kinds.ts";
import { countByHalfOctaves } from "../lib/latency_counts.ts";
import type { BreakerState } from "../policy/breaker.ts";
import type { HealthState } from "../policy/health.ts";
import type { ComparisonResult } from "./events.ts";
import { declareMetrics, type HistogramSnapshot } from "./metric_cells.ts";
import { NOT_COMPARABLE_REASONS } from "./not_comparable.ts";

/** Status class of a response: the first digit of the status code, then `xx`. */
export type StatusClass = "1xx" | "2xx" | "3xx" | "4xx" | "5xx";

/** Status classes, ascending. */
export const STATUS_CLASSES: readonly StatusClass[] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/** Records, not arrays: they do not compile if a value is missing. */
const COMPARISON_RESULTS: Readonly<Record<ComparisonResult, true>> = {
  "match": true,
  "mismatch": true,
  "missing": true,
  "noise": true,
  "not-comparable": true,
};

const FIRST_EXPONENT = -11;
const LAST_EXPONENT = 6;
/** Lower bound of the upper half of an octave, as in Prometheus' native histograms of schema 1. */
const HALF_OCTAVE = 0.7071067811865475;

/**
 * Bounds of all duration histograms: two for each octave from 0.5 ms to 64 s. Native histograms of schema 1 have the
 * same bounds, so the conversion to them loses nothing. So have the buckets of latencies.
 */
export const DURATION_BOUNDS_SECONDS: readonly number[] = [
  2 ** FIRST_EXPONENT,
  ...Array.from({ length: LAST_EXPONENT - FIRST_EXPONENT }, (_, index) => 2 ** (FIRST_EXPONENT + 1 + index))
    .flatMap((octave) => [octave * HALF_OCTAVE, octave]),
];

/** Buckets of histograms of durations. Bounds are powers of two, or half octaves between them. */
export interface DurationBuckets {
  /** Upper bounds in seconds, ascending. */
  readonly bounds: readonly number[];
  /** Binary logarithm of the first bound. */
  readonly firstExponent: number;
  /** Half octaves from one bound to the next. */
  readonly halfOctaves: number;
}

/** Buckets of the durations of requests and attempts. */
export const DURATION_BUCKETS: DurationBuckets = {
  bounds: DURATION_BOUNDS_SECONDS,
  firstExponent: FIRST_EXPONENT,
  halfOctaves: 1,
};

/** Buckets of the durations of tunnels: from 1 s, times 4 each, to 18 hours. */
export const TUNNEL_BUCKETS: DurationBuckets = {
  bounds: Array.from({ length: 9 }, (_, index) => 4 ** index),
  firstExponent: 0,
  halfOctaves: 4,
};

/** Returns the durations by bucket: one for each bound, and one for all above the last bound. */
export function durationCounts(
  { total }: HistogramSnapshot,
  { bounds, firstExponent, halfOctaves }: DurationBuckets = DURATION_BUCKETS,
): readonly number[] {
  return countByHalfOctaves(total, { firstExponent, bounds: bounds.length, step: halfOctaves });
}

/** Metrics of the exchanges of one route. */
export const ROUTE_METRICS = declareMetrics(["route"], {
  responses: {
    name: "conductor_requests_total",
    help: "Responses to clients by status class; 499, if the client disconnected early, counts as 4xx.",
    label: "code",
    values: STATUS_CLASSES,
  },
  fallbacks: {
    name: "conductor_fallbacks_total",
    help: "Responses to clients that came from a service other than a primary.",
  },
  localReplies: {
    name: "conductor_local_replies_total",
    help: "Responses that conductor generated itself, including 502 if all services failed, without 499.",
  },
  refusals: {
    name: "conductor_refused_requests_total",
    help: "Requests and connections refused by a limit, by reason; a refused connection has no route.",
    label: "reason",
    values: keysOf(REFUSAL_REASONS),
  },
  interrupted: {
    name: "conductor_interrupted_responses_total",
    help: "Responses of services that broke off after the head.",
  },
  requestBytes: {
    name: "conductor_request_bytes_total",
    help: "Bytes of request bodies received from clients.",
  },
  responseBytes: {
    name: "conductor_response_bytes_total",
    help: "Bytes of response bodies relayed from services to clients.",
  },
  tunnels: {
    name: "conductor_tunnels_open",
    help: "Upgraded connections that are open, without mirrored ones.",
  },
  tunnelsOpened: {
    name: "conductor_tunnels_opened_total",
    help: "Connections that were upgraded, without mirrored ones.",
  },
  tunnelClientBytes: {
    name: "conductor_tunnel_client_bytes_total",
    help: "Bytes that clients sent through upgraded connections, at most ten seconds late.",
  },
  tunnelServiceBytes: {
    name: "conductor_tunnel_service_bytes_total",
    help: "Bytes that services sent through upgraded connections, at most ten seconds late.",
  },
  tunnelDuration: {
    name: "conductor_tunnel_duration_seconds",
    help: "Time from the upgrade of a connection until its end.",
    isDuration: true,
  },
  inFlight: {
    name: "conductor_requests_in_flight",
    help: "Requests without a response yet.",
  },
  duration: {
    name: "conductor_request_duration_seconds",
    help: "Time from the arrival of a request until its response was selected.",
    isDuration: true,
  },
});

/** Metrics of the attempts of one service on one route. */
export const SERVICE_METRICS = declareMetrics(["route", "service", "role"], {
  responses: {
    name: "conductor_service_responses_total",
    help: "Responses of services by status class.",
    label: "code",
    values: STATUS_CLASSES,
  },
  failedResponses: {
    name: "conductor_service_failed_responses_total",
    help: "Responses of services that count as failures by failOn.",
  },
  failures: {
    name: "conductor_service_failures_total",
    help: "Attempts that were sent and got no response, by failure kind.",
    label: "kind",
    values: keysOf(FAILURE_KINDS).filter((kind) => skipReasonOf(kind, "primary") === undefined),
  },
  skips: {
    name: "conductor_service_skips_total",
    help: "Requests that were not sent to a service, and shadow requests that were cut off, by reason.",
    label: "reason",
    values: keysOf(SKIP_REASONS),
  },
  selected: {
    name: "conductor_service_selected_total",
    help: "Responses of services that were selected for the client.",
  },
  hedgesSent: {
    name: "conductor_service_hedges_total",
    help: "Hedges that were sent and settled: attempts that started with a delay.",
  },
  hedgesWon: {
    name: "conductor_service_hedges_won_total",
    help: "Hedges whose response was selected for the client.",
  },
  replays: {
    name: "conductor_service_replays_total",
    help: "Compared requests that were sent to the primary again, to detect noise; the other metrics include them.",
  },
  inFlight: {
    name: "conductor_service_attempts_in_flight",
    help: "Attempts that have started and not settled.",
  },
  duration: {
    name: "conductor_service_attempt_duration_seconds",
    help: "Time from the start of an attempt until it settled, without aborted, skipped and unsent attempts.",
    isDuration: true,
  },
  comparisons: {
    name: "conductor_comparisons_total",
    help: "Comparisons with the response of the primary, by result; noise compares the primary with itself.",
    label: "result",
    values: keysOf(COMPARISON_RESULTS),
    rowLabels: ["route", "service"],
  },
  notComparable: {
    name: "conductor_not_comparable_total",
    help: "Responses that were not comparable with the response of the primary, by reason.",
    label: "reason",
    values: keysOf(NOT_COMPARABLE_REASONS),
    rowLabels: ["route", "service"],
  },
});

/** Metric with the value 1 for the current state of a service, and 0 for its other states. */
export interface StateMetric<S extends string> {
  /** Name of the metric. */
  readonly name: string;
  /** Help text, one sentence. */
  readonly help: string;
  /** States, from the best to the worst: of several workers, the worst is reported. */
  readonly states: readonly S[];
}

/** States of a service, on all its routes. */
export const SERVICE_STATES: {
  readonly breaker: StateMetric<BreakerState>;
  readonly health: StateMetric<HealthState>;
} = {
  breaker: {
    name: "conductor_breaker_state",
    help:
      "1 for the current state of the circuit breaker of a service, otherwise 0; half-open when openFor has passed.",
    states: ["closed", "half-open", "open"],
  },
  health: {
    name: "conductor_health_state",
    help: "1 for the current result of the health checks of a service, otherwise 0.",
    states: ["healthy", "unhealthy"],
  },
};

/** Reports whether the duration of an attempt is meaningful: it was sent, and conductor did not abort it. */
export function hasDuration(failure: FailureKind | undefined): boolean {
  return failure === undefined || (failure !== "aborted" && !NOT_SENT_KINDS.has(failure));
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(record) as K[];
}
