/** Metrics as JSON: the fields of go-conductor, and figures of each service. */

import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import type { BreakerState } from "../policy/breaker.ts";
import type { HealthState } from "../policy/health.ts";
import type { Role } from "../config/config.ts";
import type { HistogramSnapshot, MetricsReading, ServiceSnapshot, ServiceStateSnapshot } from "./metrics_snapshot.ts";
import { percentilesOf } from "../lib/latency_counts.ts";

/** Figures of one service on one route. Times are in milliseconds, and `null` before the first attempt. */
export interface ServiceMetrics {
  /** Configured name of the service. */
  readonly service: string;
  /** Pattern of the route. */
  readonly route: string;
  /** Role of the service on the route. */
  readonly role: Role;
  /** Attempts that have settled, without skipped ones. */
  readonly request_count: number;
  /** Attempts without a response, or with a response that counts as a failure. */
  readonly error_count: number;
  /** Attempts with a successful response. */
  readonly success_count: number;
  /** Ratio of successes to settled attempts, 0 to 1. */
  readonly success_rate: number | null;
  /** Attempts that have started and not settled. */
  readonly in_flight: number;
  /** Responses that were selected for the client. */
  readonly selected_count: number;
  /** Mean duration of an attempt. */
  readonly avg_request_time_ms: number | null;
  /** Median duration of an attempt since the start, within 1 %. */
  readonly p50_ms: number | null;
  /** 95th percentile. */
  readonly p95_ms: number | null;
  /** 99th percentile. */
  readonly p99_ms: number | null;
  /** Longest duration. */
  readonly max_ms: number | null;
  /** Attempts without a response, by failure kind; kinds without any are absent. */
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>;
  /** Requests that were not sent to the service, by reason; reasons without any are absent. */
  readonly skips: Readonly<Partial<Record<SkipReason, number>>>;
  /** State of the breaker; absent if the service has none. */
  readonly breaker?: BreakerState;
  /** Result of the health checks; absent if the service has none. */
  readonly health?: HealthState;
}

/** Response of the metrics endpoint as JSON. */
export interface MetricsJson {
  /** Responses to clients. */
  readonly request_count: number;
  /** Responses with a status of 500 or above. */
  readonly error_count: number;
  /** Responses with a status below 500. */
  readonly success_count: number;
  /** Ratio of errors to responses, 0 to 1; 0 before the first response. */
  readonly error_rate: number;
  /** Mean time from the arrival until the response was selected; 0 before the first response. */
  readonly avg_request_time_ms: number;
  /** Arrival of the last request, RFC 3339. Before the first request it is the start, as in go-conductor. */
  readonly last_request_time: string;
  /** Time since the start of counting, in seconds. */
  readonly uptime_seconds: number;
  /** Start of counting, RFC 3339. */
  readonly start_time: string;
  /**
   * True if the last reload was applied, or if there was none; absent if the configuration does not come from a file.
   */
  readonly config_last_reload_successful?: boolean;
  /** Time at which the configuration in force was applied, RFC 3339; absent like the field above. */
  readonly config_last_reload_success_time?: string;
  /** Services of each route. */
  readonly services: readonly ServiceMetrics[];
}

/** Returns the JSON value for a reading at a time in milliseconds since 1970. */
export function metricsJson({ metrics, reloads }: MetricsReading, nowMs: number): MetricsJson {
  const { routes, services, states, startedMs, lastRequestMs } = metrics;
  const responses = routes.map((route) => route.responses);
  const requests = sum(responses.map(total));
  const errors = sum(responses.map((counts) => counts["5xx"] ?? 0));
  const stateOf = new Map(states.map(({ service, ...state }) => [service, state]));
  return {
    request_count: requests,
    error_count: errors,
    success_count: requests - errors,
    error_rate: requests === 0 ? 0 : errors / requests,
    avg_request_time_ms: requests === 0 ? 0 : sum(routes.map(({ duration }) => duration.sumMs)) / requests,
    last_request_time: new Date(lastRequestMs || startedMs).toISOString(),
    uptime_seconds: (nowMs - startedMs) / 1_000,
    start_time: new Date(startedMs).toISOString(),
    ...(reloads !== undefined && {
      config_last_reload_successful: reloads.isSuccessful,
      config_last_reload_success_time: new Date(reloads.lastSuccessMs).toISOString(),
    }),
    services: services.map((service) => ({ ...serviceMetrics(service), ...stateOf.get(service.service) })),
  };
}

function serviceMetrics(counted: ServiceSnapshot): Omit<ServiceMetrics, keyof Omit<ServiceStateSnapshot, "service">> {
  const { service, route, role, responses, failedResponses, failures, skips, selected, inFlight, duration } = counted;
  const settled = total(responses) + total(failures);
  const errors = failedResponses + total(failures);
  const { p50Ms, p95Ms, p99Ms, maxMs } = percentilesOf(duration.total);
  return {
    service,
    route,
    role,
    request_count: settled,
    error_count: errors,
    success_count: settled - errors,
    success_rate: settled === 0 ? null : (settled - errors) / settled,
    in_flight: inFlight,
    selected_count: selected,
    avg_request_time_ms: meanOf(duration),
    p50_ms: p50Ms,
    p95_ms: p95Ms,
    p99_ms: p99Ms,
    max_ms: maxMs,
    failures: withoutZeros(failures),
    skips: withoutZeros(skips),
  };
}

function meanOf({ total: { counts }, sumMs }: HistogramSnapshot): number | null {
  const count = sum(counts);
  return count === 0 ? null : sumMs / count;
}

function withoutZeros<K extends string>(counts: Readonly<Partial<Record<K, number>>>): Partial<Record<K, number>> {
  const kept: Partial<Record<K, number>> = {};
  for (const key in counts) if (counts[key] !== 0) kept[key] = counts[key];
  return kept;
}

function total(counts: Readonly<Partial<Record<string, number>>>): number {
  return sum(Object.values(counts).map((count = 0) => count));
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
