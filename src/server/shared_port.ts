/** One port for several threads: where that works, and whether a port is free for it. */

import type { Config } from "../config/config.ts";
import { ListenError } from "./listen_error.ts";

/** Only Linux spreads connections over all who listen; elsewhere Deno leaves `reusePort` out. */
const IS_SHARED_BY_SYSTEM = Deno.build.os === "linux";

/** Whether threads of this process can listen on one port, or what stands in the way. */
export type PortSharing = "possible" | "no-system" | "no-flag";

/**
 * Finds out whether threads of this process can listen on one port. Deno ends the process where `reusePort` is used
 * without `--unstable-net`, so it has to be known before.
 *
 * @returns Whether they can, or why not.
 */
export function portSharing(): PortSharing {
  if (!IS_SHARED_BY_SYSTEM) return "no-system";
  return "listenDatagram" in Deno ? "possible" : "no-flag";
}

/**
 * Counts the threads that a server can make use of.
 *
 * @returns The cores that the process may use, or 1 where ports can not be shared.
 */
export function coresForWorkers(): number {
  return IS_SHARED_BY_SYSTEM ? navigator.hardwareConcurrency : 1;
}

/**
 * Makes sure that an address can be listened on, before threads share it: next to a listener that also shares its port,
 * theirs would start without an error, and get only some of the connections.
 *
 * @param config The address, and the certificate to show there.
 * @returns The port; a free one where the configuration leaves it open.
 * @throws {ListenError} Where the address can not be listened on.
 */
export function findFreePort(
  { hostname, shownHostname, port, tls }: Pick<Config, "hostname" | "shownHostname" | "port" | "tls">,
): number {
  try {
    using listener = tls === undefined
      ? Deno.listen({ hostname, port })
      : Deno.listenTls({ hostname, port, cert: tls.cert, key: tls.key });
    return (listener.addr as Deno.NetAddr).port;
  } catch (error) {
    throw new ListenError({ hostname: shownHostname, port }, error);
  }
}
