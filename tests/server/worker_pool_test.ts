import { assertEquals } from "@std/assert";

import { validateConfig } from "../../src/config/validate.ts";
import { divideLimits } from "../../src/server/worker_pool.ts";

Deno.test("divideLimits() divides the limits of the process and of the services, and rounds up", () => {
  const { config } = validateConfig({
    limits: { maxInFlight: 5, maxInFlightPerClient: 5, maxUploads: 3 },
    services: [{ name: "a", url: "http://127.0.0.1:1" }],
  });
  assertEquals(divideLimits(config, 2).limits, {
    maxInFlight: 3,
    maxInFlightPerClient: 5,
    maxUploads: 2,
    maxTunnels: 2,
    maxConnections: Infinity,
    maxConnectionsPerClient: Infinity,
    minUploadBytesPerSecond: 240,
    maxConnectionsPerService: Infinity,
    maxQueuedPerService: 0,
  });
  assertEquals(divideLimits(config, 8).limits.maxInFlight, 1);
});

Deno.test("divideLimits() divides the limits of shadows, in services and in routes", () => {
  const { config } = validateConfig({
    services: [
      { name: "a", url: "http://127.0.0.1:1" },
      { name: "b", url: "http://127.0.0.1:2", shadow: true, sample: 0.5, maxInFlight: 5, maxRate: 3 },
    ],
  });
  const { services, routes } = divideLimits(config, 2);
  assertEquals(services[0], config.services[0]!);
  assertEquals(services[1]!.shadow, { ...config.services[1]!.shadow!, maxInFlight: 3, maxPerSecond: 1.5 });
  assertEquals(routes[0]!.members.map(({ service }) => service), services);
});
