/** One port for several threads: support by the system, and the check that the port is free. */

import type { Config } from "../config/config.ts";
import { socketPath } from "../lib/unix_socket.ts";
import { ListenError } from "./listen_error.ts";

/** Only Linux distributes connections over all listeners of a port. Deno ignores `reusePort` on other systems. */
const IS_SHARED_BY_SYSTEM = Deno.build.os === "linux";

/** Support for several listeners on one port. */
export type PortSharing = "possible" | "no-system" | "no-flag";

/**
 * Reports whether several threads can listen on one port. Deno ends the process if `reusePort` is used without
 * `--unstable-net`, so the check comes first.
 */
export function portSharing(): PortSharing {
  if (!IS_SHARED_BY_SYSTEM) return "no-system";
  return "listenDatagram" in Deno ? "possible" : "no-flag";
}

/** Returns the number of useful threads: the available cores, or 1 if ports cannot be shared. */
export function coresForWorkers(): number {
  return IS_SHARED_BY_SYSTEM ? navigator.hardwareConcurrency : 1;
}

/**
 * Checks that an address is free, and returns the port (a free one for port 0). Beside another process that shares the
 * port, the threads would start without an error and receive only some of the connections. `reusePort` permits this.
 *
 * @throws {ListenError} If the address cannot be listened on.
 */
export function findFreePort(
  { hostname, shownHostname, port, tls }: Pick<Config, "hostname" | "shownHostname" | "port" | "tls">,
  { reusePort }: { readonly reusePort: boolean },
): number {
  if (socketPath(hostname) !== undefined) {
    const cause = new Error("workers cannot share a Unix socket: use one worker, or a port");
    throw new ListenError({ hostname: shownHostname, port }, cause);
  }
  try {
    // Not `using`: bundlers include this file in programs for Node 20 and 22, which cannot parse it.
    const listener = tls === undefined
      ? Deno.listen({ hostname, port, reusePort })
      : Deno.listenTls({ hostname, port, reusePort, cert: tls.cert, key: tls.key });
    listener.close();
    return (listener.addr as Deno.NetAddr).port;
  } catch (error) {
    throw new ListenError({ hostname: shownHostname, port }, error);
  }
}
