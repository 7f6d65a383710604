/** The state of the server, and the readiness that follows from it. */

import type { Config } from "../config/config.ts";
import { DURATION_BUCKETS } from "../observe/counted_metrics.ts";
import type { StateView } from "./api.ts";

/** Parts of the state that do not come from the configuration. */
export type StateInfo = Pick<StateView, "version" | "url" | "draining" | "workers" | "process" | "metrics" | "reloads">;

/** Reason why a server is not ready. */
export type UnreadyReason = "draining" | "no service";

/** Returns the current state. */
export function viewState(
  { services, routes, compare }: Pick<Config, "services" | "routes" | "compare">,
  info: StateInfo,
): StateView {
  return {
    ...info,
    timeMs: Date.now(),
    histogramBoundsMs: DURATION_BUCKETS.bounds,
    comparing: compare !== undefined,
    services: services.map(({ name, origin, shown }) => ({ name, origin: shown.isUrlSecret ? shown.url : origin })),
    routes: routes.map(({ kind, path, members }) => ({
      route: `${kind} ${path}`,
      members: members.map(({ service, role }) => ({ service: service.name, role })),
    })),
  };
}

/**
 * Returns the reason why a server is not ready: it drains, or no primary and no secondary of a route is available.
 *
 * A half-open breaker counts as available: without traffic, it never closes, and without readiness, there is no
 * traffic.
 */
export function unreadyReason(
  { draining, routes, metrics }: Pick<StateView, "draining" | "routes" | "metrics">,
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
