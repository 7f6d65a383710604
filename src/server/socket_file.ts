/** Files of Unix sockets to listen on. */

import { socketPath } from "../lib/unix_socket.ts";

/**
 * Removes the file that a crashed process has left, so that its address is free again.
 *
 * @throws {Deno.errors.AddrInUse} If another process listens on the socket.
 * @throws {Error} If the file is not a socket.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!await isSocket(path)) return;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return await Deno.remove(path);
  }
  throw new Deno.errors.AddrInUse("Another process listens on the socket");
}

/** Sets the permissions of a socket, unless the address is not one or has the system's. */
export async function setSocketMode(hostname: string, mode: number | undefined): Promise<void> {
  const path = socketPath(hostname);
  if (path !== undefined && mode !== undefined) await Deno.chmod(path, mode);
}

async function isSocket(path: string): Promise<boolean> {
  try {
    const { isSocket } = await Deno.lstat(path);
    if (isSocket) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  throw new Error("the file exists, and is not a socket");
}
