/** Readiness: a request would be answered by a service. */

import type { StateView } from "./api.ts";

/** Reason why a server is not ready. */
export type Unreadiness = "draining" | "no service";

/**
 * Returns the reason why a server is not ready: it is shutting down, or all primaries and secondaries of a route are
 * unavailable. `undefined` if it is ready.
 *
 * A half-open breaker counts as available: without traffic, it never closes, and without readiness, there is no traffic.
 */
export function whyUnready(
  { draining, routes, metrics }: Pick<StateView, "draining" | "routes" | "metrics">,
): Unreadiness | undefined {
  if (draining) return "draining";
  const down = new Set<string>();
  for (const { service, breaker, health } of metrics.states) {
    if (breaker === "open" || health === "unhealthy") down.add(service);
  }
  const isServed = routes.every(({ members }) =>
    members.some(({ service, role }) => role !== "shadow" && !down.has(service))
  );
  return isServed ? undefined : "no service";
}
