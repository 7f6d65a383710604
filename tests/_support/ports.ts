/** Ports of loopback: free ones, listening ones, and the connections to them. */

import { delay } from "@std/async/delay";

/** Below the ephemeral ports, so that the kernel does not give the port to another test. */
const [FIRST, COUNT] = [20_000, 12_000];

/** Returns a port of loopback without a listener. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** True if `/proc` can be read. */
export const CAN_COUNT_CONNECTIONS: boolean = await Deno.stat("/proc/self/net/tcp").then(() => true, () => false);

/**
 * Counts the sockets that are connected to an IPv4 port and that a process still holds. The kernel's list includes all
 * processes, and other tests do not use the port.
 */
export function countConnectionsTo(port: number): number {
  const peer = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const sockets = Deno.readTextFileSync("/proc/self/net/tcp").split("\n").slice(1);
  // A closed socket has no inode while the kernel completes the close.
  return sockets.map((line) => line.trim().split(/\s+/)).filter((socket) =>
    socket[2]?.endsWith(peer) && socket[9] !== "0"
  )
    .length;
}

const RETRY_MS = 10;

/** Waits until a process listens on a port of loopback. Rejects if `ended` settles first. */
export async function untilListening(port: number, ended: Promise<unknown>): Promise<void> {
  let hasEnded = false;
  ended.then(() => hasEnded = true, () => hasEnded = true);
  while (!hasEnded) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await delay(RETRY_MS);
    }
  }
  throw new Error(`Cannot wait for port ${port} as the process has ended`);
}
