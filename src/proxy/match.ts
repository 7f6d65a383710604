/** From a path to its route, at a price that does not grow with the number of routes. */

import type { Config, PatternKind, Route } from "../config/config.ts";

/** Routes by kind and path, made once by {@linkcode compileRoutes}. */
export interface RouteTable {
  /** Routes that match one path only. */
  readonly pathExact: ReadonlyMap<string, Route>;
  /** Routes that match a path and what is below it. */
  readonly pathPrefix: PrefixTable;
  /** The weakest kind: base paths for what nothing else matched. */
  readonly path: PrefixTable;
}

/** Prefix routes, and the most segments that one of them has. */
export interface PrefixTable {
  /** The routes by their prefix; `/` is the empty string. */
  readonly routes: ReadonlyMap<string, Route>;
  /** How many segments of a path are worth comparing; it bounds the work for a path of many slashes. */
  readonly maxSegments: number;
}

/**
 * Prepares the routes for matching.
 *
 * @param config The checked configuration.
 * @returns The table for {@linkcode matchRoute}.
 */
export function compileRoutes(config: Pick<Config, "routes">): RouteTable {
  return {
    pathExact: new Map(ofKind(config.routes, "pathExact").map((route) => [route.path, route])),
    pathPrefix: compilePrefixes(ofKind(config.routes, "pathPrefix")),
    path: compilePrefixes(ofKind(config.routes, "path")),
  };
}

/**
 * Finds a path's route: the exact one, else the longest `pathPrefix`, else the longest `path`. Prefixes match whole
 * segments: `/api` matches `/api` and `/api/users`, never `/apiary`.
 *
 * @param table What {@linkcode compileRoutes} made.
 * @param path The normalised path of the request.
 * @returns The route, or `undefined` where none matches.
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
