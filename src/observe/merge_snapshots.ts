/** What several workers have counted, together. */

import type { BreakerState } from "../policy/breaker.ts";
import type { HealthState } from "../policy/health.ts";
import type {
  HistogramSnapshot,
  MetricsSnapshot,
  RouteSnapshot,
  ServiceSnapshot,
  ServiceStateSnapshot,
} from "./metrics_snapshot.ts";

/** From the best to the worst. */
const BREAKER_STATES: readonly (BreakerState | undefined)[] = [undefined, "closed", "half-open", "open"];
const HEALTH_STATES: readonly (HealthState | undefined)[] = [undefined, "healthy", "unhealthy"];

/**
 * Adds up what several threads have counted. Of states the worst is told.
 *
 * @param snapshots What each has counted, at least one.
 * @returns All together; routes and services in the order in which they first appear.
 */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  return {
    startedMs: Math.min(...snapshots.map(({ startedMs }) => startedMs)),
    lastRequestMs: Math.max(...snapshots.map(({ lastRequestMs }) => lastRequestMs)),
    routes: merge(snapshots.flatMap(({ routes }) => routes), ({ route }) => route, addRoutes),
    services: merge(
      snapshots.flatMap(({ services }) => services),
      ({ route, service, role }) => JSON.stringify([route, service, role]),
      addServices,
    ),
    states: merge(snapshots.flatMap(({ states }) => states), ({ service }) => service, worseOf),
  };
}

function merge<T>(all: readonly T[], keyOf: (item: T) => string, add: (a: T, b: T) => T): T[] {
  const merged = new Map<string, T>();
  for (const item of all) {
    const key = keyOf(item);
    const known = merged.get(key);
    merged.set(key, known === undefined ? item : add(known, item));
  }
  return [...merged.values()];
}

function addRoutes(a: RouteSnapshot, b: RouteSnapshot): RouteSnapshot {
  return {
    route: a.route,
    responses: addCounts(a.responses, b.responses),
    refusals: addCounts(a.refusals, b.refusals),
    fallbacks: a.fallbacks + b.fallbacks,
    ownAnswers: a.ownAnswers + b.ownAnswers,
    interrupted: a.interrupted + b.interrupted,
    requestBytes: a.requestBytes + b.requestBytes,
    responseBytes: a.responseBytes + b.responseBytes,
    inFlight: a.inFlight + b.inFlight,
    duration: addHistograms(a.duration, b.duration),
  };
}

function addServices(a: ServiceSnapshot, b: ServiceSnapshot): ServiceSnapshot {
  return {
    route: a.route,
    service: a.service,
    role: a.role,
    responses: addCounts(a.responses, b.responses),
    failedResponses: a.failedResponses + b.failedResponses,
    failures: addCounts(a.failures, b.failures),
    skips: addCounts(a.skips, b.skips),
    comparisons: addCounts(a.comparisons, b.comparisons),
    notComparable: addCounts(a.notComparable, b.notComparable),
    selected: a.selected + b.selected,
    hedges: { sent: a.hedges.sent + b.hedges.sent, won: a.hedges.won + b.hedges.won },
    inFlight: a.inFlight + b.inFlight,
    duration: addHistograms(a.duration, b.duration),
  };
}

function addHistograms(a: HistogramSnapshot, b: HistogramSnapshot): HistogramSnapshot {
  return { counts: a.counts.map((count, index) => count + (b.counts[index] ?? 0)), sumMs: a.sumMs + b.sumMs };
}

function addCounts<K extends string>(
  a: Readonly<Partial<Record<K, number>>>,
  b: Readonly<Partial<Record<K, number>>>,
): Partial<Record<K, number>> {
  const sum: Partial<Record<K, number>> = { ...a };
  for (const key in b) sum[key] = (sum[key] ?? 0) + (b[key] ?? 0);
  return sum;
}

function worseOf(a: ServiceStateSnapshot, b: ServiceStateSnapshot): ServiceStateSnapshot {
  const breaker = worst(BREAKER_STATES, a.breaker, b.breaker);
  const health = worst(HEALTH_STATES, a.health, b.health);
  return { service: a.service, ...(breaker !== undefined && { breaker }), ...(health !== undefined && { health }) };
}

function worst<T>(order: readonly T[], a: T, b: T): T {
  return order.indexOf(a) < order.indexOf(b) ? b : a;
}
