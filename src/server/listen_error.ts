/** Why a server could not start, in a sentence. */

/** What stands in the way of listening. */
export type ListenErrorKind =
  | "in-use"
  | "no-permission"
  | "not-allowed"
  | "no-such-address"
  | "bad-certificate"
  | "other";

/** Thrown where an address can not be listened on. */
export class ListenError extends Error {
  /** The error's name. */
  override readonly name = "ListenError";
  /** What stands in the way. */
  readonly kind: ListenErrorKind;
  /** The host and port. */
  readonly address: { readonly hostname: string; readonly port: number };

  /**
   * Tells why an address can not be listened on.
   *
   * @param address The host and port.
   * @param cause What `Deno.serve` threw.
   */
  constructor(address: { readonly hostname: string; readonly port: number }, cause: unknown) {
    const kind = kindOf(cause);
    super(`Cannot listen on ${formatAddress(address)} as ${reason(kind, address.port, cause)}`, { cause });
    this.kind = kind;
    this.address = address;
  }
}

/**
 * Writes a host and a port as one authority.
 *
 * @param address The host and port.
 * @returns For example `localhost:8080` or `[::1]:8080`.
 */
export function formatAddress(address: { readonly hostname: string; readonly port: number }): string {
  const { hostname, port } = address;
  // A placeholder such as `${env:HOST}` also contains a colon.
  return hostname.includes(":") && !/^\[|\$\{/.test(hostname) ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function kindOf(cause: unknown): ListenErrorKind {
  if (cause instanceof Deno.errors.AddrInUse) return "in-use";
  if (cause instanceof Deno.errors.NotCapable) return "no-permission";
  if (cause instanceof Deno.errors.PermissionDenied) return "not-allowed";
  if (cause instanceof Deno.errors.AddrNotAvailable) return "no-such-address";
  if (cause instanceof Deno.errors.InvalidData) return "bad-certificate";
  const message = cause instanceof Error ? cause.message : "";
  if (message.includes("keys may not be consistent")) return "bad-certificate";
  return message.includes("lookup") ? "no-such-address" : "other";
}

function reason(kind: ListenErrorKind, port: number, cause: unknown): string {
  switch (kind) {
    case "in-use":
      return "the port must be free: another program is listening there";
    case "no-permission":
      return "the network permission must be granted: run again with --allow-net";
    case "not-allowed":
      return port > 0 && port < 1024
        ? "the system must allow it: ports below 1024 are reserved for privileged users"
        : "the system must allow it: permission denied";
    case "no-such-address":
      return "the host must be an address of this machine: no such address found";
    case "bad-certificate":
      return `the certificate and its key must be usable: ${cause instanceof Error ? cause.message : String(cause)}`;
    case "other":
      return `the system must allow it: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}
