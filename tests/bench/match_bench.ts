/** What matching costs, and that it does not grow with the number of routes. */

import type { Route } from "../../src/config/config.ts";
import { compileRoutes, matchRoute } from "../../src/match.ts";

function routes(count: number): Route[] {
  return Array.from({ length: count }, (_, index) => ({ kind: "pathPrefix", path: `/api/v1/r${index}`, members: [] }));
}

for (const count of [10, 10_000]) {
  const table = compileRoutes({ routes: routes(count) });
  const path = `/api/v1/r${count - 1}/users/7`;
  Deno.bench(`matchRoute() among ${count} routes`, { group: "match", baseline: count === 10 }, () => {
    matchRoute(table, path);
  });
}
