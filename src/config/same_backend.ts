/** Whether what is known of a service still holds under another configuration. */

import type { Service } from "./config.ts";

/** What knowledge of a service depends on, besides where it is. */
type Settings = "breaker" | "health";

/**
 * Compares two services of the same name.
 *
 * @param a A service of the old configuration.
 * @param b The one of the new configuration.
 * @param settings What must be the same besides. Absent: nothing.
 * @returns Whether they are at the same place, proven in the same way, with the same settings.
 */
export function sameUpstream(a: Service, b: Service, settings?: Settings): boolean {
  return identityOf(a, settings) === identityOf(b, settings);
}

function identityOf(service: Service, settings: Settings | undefined): string {
  const { origin, basePath, tls, http2 } = service;
  return JSON.stringify([origin, basePath, tls, http2, settings === undefined ? null : service[settings]]);
}
