/** Check of the permissions for all backends, before the first request. */

import { socketPath } from "../lib/unix_socket.ts";

/** Address of a backend. */
export interface NetTarget {
  /** Scheme and authority, for example `https://api.example.com`, or the origin of a Unix socket. */
  readonly origin: string;
  /** Texts to print; absent: the origin may be printed. */
  readonly shown?: { readonly isUrlSecret: boolean };
}

/** A target without permission. */
export interface ForbiddenTarget<T extends NetTarget> {
  readonly target: T;
  /** Host and port, or `unix:` and the path, as `--allow-net` takes them. */
  readonly host: string;
  /** Flags that are missing for a Unix socket; empty for a host. */
  readonly socketFlags: readonly string[];
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/**
 * Finds the first target without permission. A prompt, if allowed, appears here and not during a request.
 *
 * @param targets Targets to check.
 * @param options `prompt`: true if Deno may ask for the permission. A prompt blocks everything that already runs in the
 * process.
 * @returns The target, or `undefined` if all are allowed.
 */
export function findForbiddenTarget<T extends NetTarget>(
  targets: readonly T[],
  { prompt }: { readonly prompt: boolean } = { prompt: true },
): ForbiddenTarget<T> | undefined {
  for (const target of targets) {
    // No prompt for a secret URL, because Deno's prompt shows the host.
    const options = { prompt: prompt && !target.shown?.isUrlSecret };
    const path = socketPath(target.origin);
    if (path !== undefined) {
      const socketFlags = missingSocketFlags(path, options);
      if (socketFlags.length > 0) return { target, host: `unix:${path}`, socketFlags };
      continue;
    }
    const { protocol, hostname, port } = new URL(target.origin);
    const host = `${hostname}:${port || DEFAULT_PORTS[protocol] || "443"}`;
    if (!isGranted({ name: "net", host }, options)) return { target, host, socketFlags: [] };
  }
  return undefined;
}

/** Returns the flags that are missing for a Unix socket: Deno needs three permissions for one. */
export function missingSocketFlags(path: string, options: { readonly prompt: boolean }): string[] {
  const needs = [
    [{ name: "net", host: `unix:${path}` }, `--allow-net=unix:${path}`],
    [{ name: "read", path }, `--allow-read=${path}`],
    [{ name: "write", path }, `--allow-write=${path}`],
  ] as const;
  return needs.flatMap(([permission, flag]) => isGranted(permission, options) ? [] : [flag]);
}

function isGranted(permission: Deno.PermissionDescriptor, { prompt }: { readonly prompt: boolean }): boolean {
  const { permissions } = Deno;
  const { state } = prompt ? permissions.requestSync(permission) : permissions.querySync(permission);
  return state === "granted";
}
