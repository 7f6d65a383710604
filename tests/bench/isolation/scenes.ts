/** What stands beside the primary while its clients are measured. */

import { type Trouble, TROUBLES } from "../../_support/troubles.ts";

/** What the service beside the primary does. */
export type Manner = "is healthy" | "responds late" | Trouble;

/** One configuration of conductor. */
export interface Scene {
  /** Its name in the table. */
  readonly name: string;
  /** The service beside the primary; absent: there is none. */
  readonly beside?: { readonly role: "shadow" | "secondary"; readonly manner: Manner };
}

/** Whom all others are compared with. */
export const ALONE: Scene = { name: "the primary alone" };

/**
 * All others: the primary alone in a second process, which shows how far two measurements of the same thing differ; a shadow
 * in every manner; then a slow secondary that is not waited for.
 */
export const SCENES: readonly Scene[] = [
  { name: "the primary alone, again" },
  ...(["is healthy", ...TROUBLES] as const).map((manner) => besideOf("shadow", manner)),
  ...(["responds late", "hangs", "reads 1 KB/s"] as const).map((manner) => besideOf("secondary", manner)),
];

function besideOf(role: "shadow" | "secondary", manner: Manner): Scene {
  return { name: `a ${role} that ${manner}`, beside: { role, manner } };
}

/** How long a service beside the primary may take: slots are taken and given back several times in each slice. */
const BESIDE_TIMEOUT = "500ms";
/**
 * A secondary's attempts are bounded by this and its time-out alone; a shadow's copies by `maxInFlight`, which is 64 as it
 * comes. It holds for the primary, too, so it is more than a stall of the machine piles up there.
 */
const MAX_CONNECTIONS_PER_SERVICE = 1_000;

/** Where everything of a scene is. */
export interface SceneAddresses {
  readonly primaryUrl: string;
  /** Absent where the scene has no other service. */
  readonly besideUrl: string | undefined;
  /** Where the metrics are asked for. */
  readonly adminPort: number;
}

/**
 * Writes a scene's configuration.
 *
 * @param scene The scene.
 * @param addresses Where everything is.
 * @returns The text of the file.
 */
export function configFor({ beside }: Scene, { primaryUrl, besideUrl, adminPort }: SceneAddresses): string {
  const services: unknown[] = [{ name: "primary", url: primaryUrl, primary: true }];
  if (beside !== undefined) {
    services.push({
      name: "beside",
      url: besideUrl,
      timeout: BESIDE_TIMEOUT,
      breaker: true,
      ...(beside.role === "shadow" && { shadow: true }),
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
