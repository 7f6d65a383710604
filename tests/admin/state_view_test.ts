import { assertEquals } from "@std/assert";

import type { StateView } from "../../src/admin/api.ts";
import { viewConfig } from "../../src/admin/config_view.ts";
import { unreadyReason } from "../../src/admin/state_view.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { Metrics } from "../../src/observe/metrics.ts";

for (
  const [states, expected] of [
    [[{ service: "a", breaker: "closed" }], undefined],
    [[{ service: "a", breaker: "open" }], undefined],
    [[{ service: "a", breaker: "open" }, { service: "b", health: "unhealthy" }], undefined],
    [
      [{ service: "a", breaker: "open" }, { service: "b", health: "unhealthy" }, { service: "c", breaker: "open" }],
      "no service",
    ],
    [[{ service: "a", breaker: "open" }, { service: "b", breaker: "half-open" }], undefined],
    [[{ service: "c", breaker: "open" }, { service: "d", health: "unhealthy" }], undefined],
    [[{ service: "e", health: "unhealthy" }], "no service"],
  ] as const
) {
  Deno.test(`unreadyReason() returns ${expected} with ${JSON.stringify(states)}`, () => {
    const routes: StateView["routes"] = [
      {
        route: "path /",
        members: [
          { service: "a", role: "primary" },
          { service: "b", role: "primary" },
          { service: "c", role: "secondary" },
          { service: "d", role: "shadow" },
        ],
      },
      { route: "path /e", members: [{ service: "e", role: "primary" }] },
    ];
    const metrics = { ...new Metrics().snapshot(), states };
    assertEquals(unreadyReason({ draining: false, routes, metrics }), expected);
  });
}

Deno.test("viewConfig() shows the names of compared header fields as a list", () => {
  const { config } = validateConfig({
    services: [
      { name: "a", url: "http://x", primary: true },
      { name: "b", url: "http://y", shadow: true, compare: { headers: ["etag", "x-b"] } },
    ],
  });
  const { services: [, shown] } = viewConfig(config) as { services: [unknown, { compare: { headers: string[] } }] };
  assertEquals(shown.compare.headers, ["etag", "x-b"]);
});
