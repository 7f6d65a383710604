/** Finds the route of a path. The cost does not grow with the number of routes. */

import type { Config, PatternKind, Route } from "../config/config.ts";

/** Routes by kind and path. */
export interface RouteTable {
  readonly pathExact: ReadonlyMap<string, Route>;
  readonly pathPrefix: PrefixTable;
  /** Base paths, for requests that nothing else matches. */
  readonly path: PrefixTable;
}

/** Routes by prefix. */
export interface PrefixTable {
  /** Routes by their prefix; `/` is the empty string. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Segments of the longest prefix. Limits the work for a path with many slashes. */
  readonly maxSegments: number;
}

/** Compiles the routes of a configuration. */
export function compileRoutes(config: Pick<Config, "routes">): RouteTable {
  return {
    pathExact: new Map(ofKind(config.routes, "pathExact").map((route) => [route.path, route])),
    pathPrefix: compilePrefixes(ofKind(config.routes, "pathPrefix")),
    path: compilePrefixes(ofKind(config.routes, "path")),
  };
}

/**
 * Returns the route of a normalised path: the exact route, otherwise the longest `pathPrefix`, otherwise the longest
 * `path`. Prefixes match whole segments: `/api` matches `/api` and `/api/users`, but not `/apiary`.
 */
export function matchRoute(table: RouteTable, path: string): Route | undefined {
  return table.pathExact.get(path) ?? matchPrefix(table.pathPrefix, path) ?? matchPrefix(table.path, path);
}

function ofKind(routes: readonly Route[], kind: PatternKind): Route[] {
  return routes.filter((route) => route.kind === kind);
}

function compilePrefixes(routes: readonly Route[]): PrefixTable {
  const byPrefix = new Map(routes.map((route) => [route.path === "/" ? "" : route.path, route]));
  const depths = [...byPrefix.keys()].map((prefix) => prefix.split("/").length - 1);
  return { routes: byPrefix, maxSegments: depths.reduce((most, depth) => Math.max(most, depth), 0) };
}

function matchPrefix({ routes, maxSegments }: PrefixTable, path: string): Route | undefined {
  if (routes.size === 0) return undefined;
  const ends: number[] = [0];
  let end = 0;
  while (ends.length <= maxSegments && end < path.length) {
    const slash = path.indexOf("/", end + 1);
    end = slash === -1 ? path.length : slash;
    ends.push(end);
  }
  for (let index = ends.length - 1; index >= 0; index--) {
    const route = routes.get(path.slice(0, ends[index]));
    if (route !== undefined) return route;
  }
  return undefined;
}
