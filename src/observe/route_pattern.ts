/** What a route is called in events and metrics. */

import type { Route } from "../config/config.ts";

/** A text that is put together anew is read anew by every map that is asked for it. */
const PATTERNS = new WeakMap<Pick<Route, "kind" | "path">, string>();

/**
 * Names a route by its pattern; no two routes of a configuration have the same.
 *
 * @param route The route.
 * @returns For example `pathPrefix /api`.
 */
export function routePattern(route: Pick<Route, "kind" | "path">): string {
  const known = PATTERNS.get(route);
  if (known !== undefined) return known;
  const pattern = `${route.kind} ${route.path}`;
  PATTERNS.set(route, pattern);
  return pattern;
}
