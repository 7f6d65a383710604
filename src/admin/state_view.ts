/** The state of the server, and the readiness that follows from it. */

import type { Config } from "../config/config.ts";
import { groupBy } from "../lib/group_by.ts";
import { percentilesOf } from "../lib/latency_counts.ts";
import type {
  HistogramSnapshot,
  MetricsSnapshot,
  RouteSnapshot,
  ServiceSnapshot,
} from "../observe/metrics_snapshot.ts";
import type { DurationView, LatencyView, RowView, StateView } from "./api.ts";

/** Parts of the state that do not come from the configuration. */
export interface StateInfo extends Pick<StateView, "version" | "url" | "draining" | "workers" | "process" | "reloads"> {
  /** Counters of all workers together. */
  readonly metrics: MetricsSnapshot;
}

/** Reason why a server is not ready. */
export type UnreadyReason = "draining" | "no service";

/** Returns the current state. */
export function viewState(
  { services, routes, compare }: Pick<Config, "services" | "routes" | "compare">,
  info: StateInfo,
): StateView {
  const { metrics } = info;
  const rowsOf = groupBy(metrics.services, ({ service }) => service);
  return {
    ...info,
    timeMs: Date.now(),
    comparing: compare !== undefined,
    services: services.map(({ name, origin, shown }) => ({
      name,
      origin: shown.isUrlSecret ? shown.url : origin,
      ...latencyOf(rowsOf.get(name) ?? []),
    })),
    routes: routes.map(({ kind, path, members }) => ({
      route: `${kind} ${path}`,
      members: members.map(({ service, role }) => ({ service: service.name, role })),
    })),
    total: latencyOf(metrics.routes),
    metrics: {
      ...metrics,
      routes: metrics.routes.map(viewRow<RouteSnapshot>),
      services: metrics.services.map(viewRow<ServiceSnapshot>),
    },
  };
}

type Row = RouteSnapshot | ServiceSnapshot;

/**
 * Returns a row without buckets, which are for Prometheus: the state of 200 routes is then small enough to be sent each
 * second.
 */
function viewRow<T extends Row>(row: T): RowView<T> {
  const tunnels = "tunnelDuration" in row ? { tunnelDuration: viewDuration(row.tunnelDuration) } : {};
  return { ...row, ...latencyOf([row]), ...tunnels, duration: viewDuration(row.duration) } as RowView<T>;
}

function viewDuration({ total, sumMs }: HistogramSnapshot): DurationView {
  return { count: total.counts.reduce((sum, count) => sum + count, 0), sumMs };
}

/** Returns the percentiles of several rows together. */
function latencyOf(rows: readonly Row[]): LatencyView {
  return {
    ...percentilesOf(...rows.map(({ duration }) => duration.recent)),
    sinceStart: percentilesOf(...rows.map(({ duration }) => duration.total)),
  };
}

/**
 * Returns the reason why a server is not ready: it drains, or no primary and no secondary of a route is available.
 *
 * A half-open breaker counts as available: without traffic, it never closes, and without readiness, there is no
 * traffic.
 */
export function unreadyReason(
  { draining, routes, metrics }: Pick<StateView, "draining" | "routes"> & {
    readonly metrics: Pick<StateView["metrics"], "states">;
  },
): UnreadyReason | undefined {
  if (draining) return "draining";
  const unavailable = new Set<string>();
  for (const { service, breaker, health } of metrics.states) {
    if (breaker === "open" || health === "unhealthy") unavailable.add(service);
  }
  const isServed = routes.every(({ members }) =>
    members.some(({ service, role }) => role !== "shadow" && !unavailable.has(service))
  );
  return isServed ? undefined : "no service";
}
