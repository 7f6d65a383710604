/** Scenes: the services beside the primary while its clients are measured. */

import { type Trouble, TROUBLES } from "../../_support/troubles.ts";

/** Behavior of a shadow that switches protocols, and then reads nothing. */
export const HANGS_IN_TUNNEL = "hangs in a mirrored tunnel";

/** Behavior of the service beside the primary. */
export type Behavior = "is healthy" | "responds late" | Trouble | typeof HANGS_IN_TUNNEL;

/** One configuration of conductor. */
export interface Scene {
  /** Name in the table. */
  readonly name: string;
  /** The service beside the primary. Default: none. */
  readonly beside?: { readonly role: "shadow" | "secondary"; readonly behavior: Behavior };
  /** True if clients send messages in tunnels instead of requests. */
  readonly hasTunnels?: true;
  /** Baseline of a scene that differs in more than the service beside the primary. Default: the primary alone. */
  readonly baseline?: Scene;
}

/** The baseline of all scenes with requests. */
export const ALONE: Scene = { name: "the primary alone" };

/** The baseline of scenes with tunnels, over the node listener. */
export const TUNNELS_ALONE: Scene = { name: "tunnels of the primary alone", hasTunnels: true };

/**
 * The primary alone in a second process, which shows the variance of the measurement; a shadow with each behavior; and
 * a slow secondary that the client does not wait for; and a shadow in tunnels.
 */
export const SCENES: readonly Scene[] = [
  { name: "the primary alone, again" },
  ...(["is healthy", ...TROUBLES] as const).map((behavior) => besideOf("shadow", behavior)),
  ...(["responds late", "hangs", "reads 1 KB/s"] as const).map((behavior) => besideOf("secondary", behavior)),
  { ...besideOf("shadow", HANGS_IN_TUNNEL), hasTunnels: true, baseline: TUNNELS_ALONE },
];

function besideOf(role: "shadow" | "secondary", behavior: Behavior): Scene {
  return { name: `a ${role} that ${behavior}`, beside: { role, behavior } };
}

/** Short enough that permits are acquired and released several times in each slice. */
const BESIDE_TIMEOUT = "500ms";
/**
 * This and the timeout alone bound the attempts of a secondary. Shadow requests are bounded by `maxInFlight`, 64 by
 * default. The limit also applies to the primary, so it exceeds the backlog of a stalled machine.
 */
const MAX_CONNECTIONS_PER_SERVICE = 1_000;

/** Addresses of a scene. */
export interface SceneAddresses {
  readonly primaryUrl: string;
  /** Missing if the scene has no other service. */
  readonly besideUrl: string | undefined;
  /** Port of the metrics. */
  readonly adminPort: number;
}

/** Returns the configuration file of a scene. */
export function configFor({ beside, hasTunnels }: Scene, { primaryUrl, besideUrl, adminPort }: SceneAddresses): string {
  const upgrade = hasTunnels && { upgrade: "websocket" };
  const services: unknown[] = [{ name: "primary", url: primaryUrl, primary: true, ...upgrade }];
  if (beside !== undefined) {
    services.push({
      name: "beside",
      url: besideUrl,
      timeout: BESIDE_TIMEOUT,
      breaker: true,
      ...(beside.role === "shadow" && { shadow: true }),
      ...upgrade,
    });
  }
  return JSON.stringify({
    logging: { level: "error" },
    admin: { port: adminPort },
    wait: "primary",
    ...(beside?.role === "secondary" && { limits: { maxConnectionsPerService: MAX_CONNECTIONS_PER_SERVICE } }),
    services,
  });
}
