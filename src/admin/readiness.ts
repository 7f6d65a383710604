/** Whether requests should be sent here. */

import type { StateView } from "./api.ts";

/** What stands against it. */
export type Unreadiness = "draining" | "no primary";

/**
 * Tells why a server is not ready: it is about to end, or all primaries of a route are left alone.
 *
 * @param state The server's state.
 * @returns The reason; `undefined` where it is ready.
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
    members.some(({ service, role }) => role === "primary" && !down.has(service))
  );
  return isServed ? undefined : "no primary";
}
