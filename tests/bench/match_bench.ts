/** What matching costs, and that it does not grow with the number of routes. */

import type { PatternKind, Route } from "../../src/config/config.ts";
import { compileRoutes, matchRoute } from "../../src/proxy/match.ts";

const COUNTS = [10, 10_000];

function routes(kind: PatternKind, count: number): Route[] {
  return Array.from({ length: count }, (_, index) => ({ kind, path: `/api/v1/r${index}`, members: [] }));
}

/** Paths all over the table, so that it is not always the same entry that is at hand. */
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
    const asked = paths(count, tail);
    Deno.bench(`matchRoute() 10 times, ${title}, ${count} routes`, { group: title, baseline: count === 10 }, () => {
      for (const path of asked) matchRoute(table, path);
    });
  }
}

const all = routes("pathPrefix", 10_000);
Deno.bench("compileRoutes() 10000 routes", () => {
  compileRoutes({ routes: all });
});
