/** Cost of matching, which must not grow with the number of routes. */

import type { PatternKind, Route } from "../../src/config/config.ts";
import { compileRoutes, matchRoute } from "../../src/proxy/match.ts";

const COUNTS = [10, 10_000];

function routes(kind: PatternKind, count: number): Route[] {
  return Array.from({ length: count }, (_, index) => ({ kind, path: `/api/v1/r${index}`, members: [] }));
}

/** Returns paths all over the table, so that caches do not help. */
function paths(count: number, tail: string): string[] {
  return Array.from({ length: 10 }, (_, index) => `/api/v1/r${Math.floor((index + 0.5) * count / 10)}${tail}`);
}

const CASES: readonly (readonly [title: string, kind: PatternKind, tail: string])[] = [
  ["the exact path", "pathExact", ""],
  ["a prefix, two segments further down", "pathPrefix", "/users/7"],
  ["no route", "pathPrefix", "x"],
];

for (const [title, kind, tail] of CASES) {
  for (const count of COUNTS) {
    const table = compileRoutes({ routes: routes(kind, count) });
    const requested = paths(count, tail);
    Deno.bench(`matchRoute() 10 times, ${title}, ${count} routes`, { group: title, baseline: count === 10 }, () => {
      for (const path of requested) matchRoute(table, path);
    });
  }
}

const all = routes("pathPrefix", 10_000);
Deno.bench("compileRoutes() 10000 routes", () => {
  compileRoutes({ routes: all });
});
