/** What a route is called in events and metrics. */

import type { Route } from "../config/config.ts";

/**
 * Names a route by its pattern; no two routes of a configuration have the same.
 *
 * @param route The route.
 * @returns For example `pathPrefix /api`.
 */
export function routePattern({ kind, path }: Pick<Route, "kind" | "path">): string {
  return `${kind} ${path}`;
}
