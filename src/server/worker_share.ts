/** What one of several workers may take of what the process may. */

import type { Config } from "../config/config.ts";

/**
 * Divides the limits that protect the process and the services. The limit on each client is not divided: a client with
 * one connection meets one worker, and would be turned away long before the limit that was set for it.
 *
 * @param config The configuration of the process.
 * @param count How many workers there are.
 * @returns The configuration of one worker; shares are rounded up.
 */
export function shareLimits(config: Config, count: number): Config {
  const { maxInFlight, maxConnectionsPerService, maxQueuedPerService } = config.limits;
  return {
    ...config,
    limits: {
      ...config.limits,
      maxInFlight: Math.ceil(maxInFlight / count),
      maxConnectionsPerService: Math.ceil(maxConnectionsPerService / count),
      maxQueuedPerService: Math.ceil(maxQueuedPerService / count),
    },
  };
}
