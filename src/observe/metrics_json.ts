/** Metrics as JSON: go-conductor's fields, and figures of each service beside them. */

import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import type { BreakerState } from "../policy/breaker.ts";
import type { HealthState } from "../policy/health.ts";
import type { Role } from "../config/config.ts";
import type { MetricsReading } from "./metrics_reading.ts";
import type { HistogramSnapshot, ServiceSnapshot, ServiceStateSnapshot } from "./metrics_snapshot.ts";
import { quantileOf } from "./quantile_of.ts";

/** Figures of one service on one route; times in milliseconds, `null` where nothing has been counted. */
export interface ServiceMetrics {
  /** The service's configured name. */
  readonly service: string;
  /** The route's pattern. */
  readonly route: string;
  /** The service's role on it. */
  readonly role: Role;
  /** Attempts that have settled. */
  readonly request_count: number;
  /** Of these the ones without a response, or with one that counts as a failure. */
  readonly error_count: number;
  /** The others. */
  readonly success_count: number;
  /** The share of the successes, 0 to 1. */
  readonly success_rate: number | null;
  /** Attempts that have not settled. */
  readonly in_flight: number;
  /** How often it was the client's answer. */
  readonly selected_count: number;
  /** The mean duration of an attempt. */
  readonly avg_request_time_ms: number | null;
  /** What half of the attempts took no longer than, estimated. */
  readonly p50_ms: number | null;
  /** The same for 95 %. */
  readonly p95_ms: number | null;
  /** The same for 99 %. */
  readonly p99_ms: number | null;
  /** Attempts without a response, by kind, where there were any. */
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>;
  /** Requests that it was not sent, by reason, where there were any. */
  readonly skips: Readonly<Partial<Record<SkipReason, number>>>;
  /** Its breaker's state; absent where it has none. */
  readonly breaker?: BreakerState;
  /** What its health checks say; absent where it has none. */
  readonly health?: HealthState;
}

/** What go-conductor's metrics handler wrote, and more. */
export interface MetricsJson {
  /** Requests that have been answered. */
  readonly request_count: number;
  /** Of these the ones answered with a status from 500 on. */
  readonly error_count: number;
  /** The others. */
  readonly success_count: number;
  /** The share of the errors, 0 to 1; 0 where there were no requests. */
  readonly error_rate: number;
  /** From the arrival until the answer was decided, on average; 0 where there were no requests. */
  readonly avg_request_time_ms: number;
  /** When the last request arrived, RFC 3339; the start where none has, as in go-conductor. */
  readonly last_request_time: string;
  /** Time since the start, in seconds. */
  readonly uptime_seconds: number;
  /** When counting began, RFC 3339. */
  readonly start_time: string;
  /** The services of each route. */
  readonly services: readonly ServiceMetrics[];
}

/**
 * Sums up a reading.
 *
 * @param reading What has been counted.
 * @param nowMs The time, in milliseconds since 1970.
 * @returns What is written as JSON.
 */
export function metricsJson({ metrics }: MetricsReading, nowMs: number): MetricsJson {
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
    services: services.map((service) => ({ ...figuresOf(service), ...stateOf.get(service.service) })),
  };
}

function figuresOf(counted: ServiceSnapshot): Omit<ServiceMetrics, keyof Omit<ServiceStateSnapshot, "service">> {
  const { service, route, role, responses, failedResponses, failures, skips, selected, inFlight, duration } = counted;
  const settled = total(responses) + total(failures);
  const errors = failedResponses + total(failures);
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
    p50_ms: quantileOf(duration, 0.5) ?? null,
    p95_ms: quantileOf(duration, 0.95) ?? null,
    p99_ms: quantileOf(duration, 0.99) ?? null,
    failures: withoutZeros(failures),
    skips: withoutZeros(skips),
  };
}

function meanOf({ counts, sumMs }: HistogramSnapshot): number | null {
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
