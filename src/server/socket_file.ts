/** Files of Unix sockets to listen on. */

import { socketPath } from "../lib/unix_socket.ts";

/**
 * Removes the file that a crashed process has left, so that its address is free again.
 *
 * @throws {Error} If another process listens on the socket, or the file is not a socket.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!("Deno" in globalThis)) return await removeInNode(path);
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
  if (path === undefined || mode === undefined) return;
  if ("Deno" in globalThis) return await Deno.chmod(path, mode);
  const { chmod } = await import("node:fs/promises");
  await chmod(path, mode);
}

/** Removes a stale file in Node and Bun. Their errors have codes, which {@linkcode ListenError} reads. */
async function removeInNode(path: string): Promise<void> {
  const [{ lstat, rm }, { connect }] = await Promise.all([import("node:fs/promises"), import("node:net")]);
  const file = await lstat(path).catch((error: { readonly code?: string }) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return;
  if (!file.isSocket()) throw notASocket();
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve("EADDRINUSE");
    });
    socket.on("error", (error: { readonly code?: string }) => resolve(error.code));
  });
  if (code === "ECONNREFUSED") return await rm(path);
  throw Object.assign(new Error("Another process listens on the socket"), { code });
}

async function isSocket(path: string): Promise<boolean> {
  try {
    const { isSocket } = await Deno.lstat(path);
    if (isSocket) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  throw notASocket();
}

function notASocket(): Error {
  return new Error("the file exists, and is not a socket");
}
