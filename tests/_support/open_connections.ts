/** Connections of this machine to one port, as the kernel knows them: other tests of this process do not disturb that. */

/** Whether they can be counted. */
export const CAN_COUNT_CONNECTIONS: boolean = await Deno.stat("/proc/self/net/tcp").then(() => true, () => false);

/**
 * Counts the sockets that are connected to a port and that some process still holds.
 *
 * @param port The port, of an IPv4 address.
 * @returns How many.
 */
export function countConnectionsTo(port: number): number {
  const peer = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const sockets = Deno.readTextFileSync("/proc/self/net/tcp").split("\n").slice(1);
  // One that has been closed has no inode, for as long as the kernel still says goodbye on it.
  return sockets.map((line) => line.trim().split(/\s+/)).filter((socket) =>
    socket[2]?.endsWith(peer) && socket[9] !== "0"
  )
    .length;
}
