/** What one of several workers may take of what the process may. */

import type { Config, Service } from "../config/config.ts";

/**
 * Divides the limits that protect the process and the services. The limit on each client is not divided: a client with
 * one connection meets one worker, and would be turned away long before the limit that was set for it. Shares of requests
 * and of clients are the same for each worker.
 *
 * @param config The configuration of the process.
 * @param count How many workers there are.
 * @returns The configuration of one worker; shares are rounded up.
 */
export function divideLimits(config: Config, count: number): Config {
  const { maxInFlight, maxUploads, maxConnectionsPerService, maxQueuedPerService } = config.limits;
  const services = new Map(config.services.map((service) => [service, divideShadowLimits(service, count)]));
  return {
    ...config,
    services: [...services.values()],
    routes: config.routes.map(({ members, ...route }) => ({
      ...route,
      members: members.map(({ service, role }) => ({ service: services.get(service)!, role })),
    })),
    limits: {
      ...config.limits,
      maxInFlight: Math.ceil(maxInFlight / count),
      maxUploads: Math.ceil(maxUploads / count),
      maxConnectionsPerService: Math.ceil(maxConnectionsPerService / count),
      maxQueuedPerService: Math.ceil(maxQueuedPerService / count),
    },
  };
}

function divideShadowLimits(service: Service, count: number): Service {
  const { shadow } = service;
  if (shadow === undefined) return service;
  const maxInFlight = Math.ceil(shadow.maxInFlight / count);
  return { ...service, shadow: { ...shadow, maxInFlight, maxPerSecond: shadow.maxPerSecond / count } };
}
