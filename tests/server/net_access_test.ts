import { assert, assertEquals } from "@std/assert";

import { findForbiddenTarget } from "../../src/server/net_access.ts";

Deno.test({
  name: "findForbiddenTarget() names the first backend without permission, with the port of its scheme",
  permissions: { net: ["allowed.example:80", "allowed.example:8080"] },
  fn: () => {
    const targets = ["http://allowed.example", "http://allowed.example:8080", "https://allowed.example"].map((
      origin,
    ) => ({
      origin,
    }));
    assertEquals(findForbiddenTarget(targets.slice(0, 2)), undefined);
    const forbidden = findForbiddenTarget(targets);
    assert(forbidden !== undefined);
    assertEquals(forbidden.host, "allowed.example:443");
    assertEquals(forbidden.target, targets[2]);
  },
});
