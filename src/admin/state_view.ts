/** The state as the dashboard and programs read it. */

import type { Config } from "../config/config.ts";
import { DURATION_BUCKETS } from "../observe/counted_metrics.ts";
import type { StateView } from "./api.ts";

/** What is not in the configuration. */
export type StateInfo = Pick<StateView, "version" | "url" | "draining" | "workers" | "process" | "metrics" | "reloads">;

/**
 * Puts the state together.
 *
 * @param config The configuration that new requests meet.
 * @param facts What is known besides.
 * @returns The state at this moment.
 */
export function viewState(
  { services, routes, compare }: Pick<Config, "services" | "routes" | "compare">,
  facts: StateInfo,
): StateView {
  return {
    ...facts,
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
