/** Errors of listeners, with the reason in words that people search for. */

import { socketPath } from "../lib/unix_socket.ts";
import { missingSocketFlags } from "./net_access.ts";

/**
 * Kind of a listen error. `in-use`: the address is already in use. `no-permission`: the runtime's permissions exclude
 * it. `not-allowed`: the system denies it. `no-such-address`: it is not one of this machine. `bad-certificate`: the
 * certificate or the key cannot be used.
 */
export type ListenErrorKind =
  | "in-use"
  | "no-permission"
  | "not-allowed"
  | "no-such-address"
  | "bad-certificate"
  | "other";

/** Kinds by the codes of `node:net`. Deno reports an address of another machine as EINVAL there. */
const KINDS_BY_CODE: Readonly<Record<string, ListenErrorKind>> = {
  EADDRINUSE: "in-use",
  EACCES: "not-allowed",
  EADDRNOTAVAIL: "no-such-address",
  EINVAL: "no-such-address",
  ENOTFOUND: "no-such-address",
};

/** Thrown if an address cannot be listened on. */
export class ListenError extends Error {
  /** Name of the error. */
  override readonly name = "ListenError";
  /** Kind of the error. */
  readonly kind: ListenErrorKind;
  /** Address that could not be opened. */
  readonly address: { readonly hostname: string; readonly port: number };

  /** Describes an error of `Deno.serve`, `Deno.listen` or `node:net`. */
  constructor(address: { readonly hostname: string; readonly port: number }, cause: unknown) {
    const kind = kindOf(cause);
    super(`Cannot listen on ${formatAddress(address)}: ${reason(kind, address, cause)}`, { cause });
    this.kind = kind;
    this.address = address;
  }
}

/**
 * Formats a host and a port as an authority, for example `localhost:8080` or `[::1]:8080`. A Unix socket has no port:
 * `unix:/run/conductor.sock`.
 */
export function formatAddress(address: { readonly hostname: string; readonly port: number }): string {
  const { hostname, port } = address;
  if (hostname.startsWith("unix:")) return hostname;
  // A placeholder such as `${env:HOST}` also contains a colon.
  return hostname.includes(":") && !/^\[|\$\{/.test(hostname) ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Codes of OpenSSL and BoringSSL, and messages of Deno, for certificates and keys that cannot be used. */
const TLS_ERRORS = /^ERR_(?:OSSL|SSL|TLS|CRYPTO|BORINGSSL)|\bPEM\b|certificate|private key|keys may not be consistent/i;

function kindOf(cause: unknown): ListenErrorKind {
  const { code = "", message = "" } = cause instanceof Error ? cause as Error & { readonly code?: string } : {};
  const kind = KINDS_BY_CODE[code] ?? ("Deno" in globalThis ? kindInDeno(cause) : undefined);
  if (kind !== undefined) return kind;
  if (TLS_ERRORS.test(code) || TLS_ERRORS.test(message)) return "bad-certificate";
  return message.includes("lookup") ? "no-such-address" : "other";
}

function kindInDeno(cause: unknown): ListenErrorKind | undefined {
  if (cause instanceof Deno.errors.AddrInUse) return "in-use";
  if (cause instanceof Deno.errors.NotCapable) return "no-permission";
  if (cause instanceof Deno.errors.PermissionDenied) return "not-allowed";
  if (cause instanceof Deno.errors.AddrNotAvailable) return "no-such-address";
  if (cause instanceof Deno.errors.InvalidData) return "bad-certificate";
  return undefined;
}

function reason(
  kind: ListenErrorKind,
  { hostname, port }: { readonly hostname: string; readonly port: number },
  cause: unknown,
): string {
  const path = socketPath(hostname);
  switch (kind) {
    case "in-use":
      return "address already in use by another program";
    case "no-permission":
      return path === undefined
        ? "no network permission: run again with --allow-net"
        : `no permission for the Unix socket: run again with ${missingSocketFlags(path, { prompt: false }).join(" ")}`;
    case "not-allowed":
      if (path !== undefined) return "permission denied: the user needs write access to the folder of the socket";
      return port > 0 && port < 1024
        ? "permission denied: ports below 1024 are reserved for privileged users"
        : "permission denied";
    case "no-such-address":
      return "address not available: the host must be an address of this machine";
    case "bad-certificate":
      return `invalid certificate or key: ${cause instanceof Error ? cause.message : String(cause)}`;
    case "other":
      return cause instanceof Error ? cause.message : String(cause);
  }
}
