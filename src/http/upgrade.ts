/** Connections that were upgraded to another protocol (RFC 9110 §7.8). */

import type { HeaderLine, UpgradePolicy } from "../config/config.ts";
import { carriesRequests } from "../config/schema/http.ts";
import { getHeader, parseList } from "./headers.ts";

/** One end of a tunnel: bytes in both directions, with backpressure. */
export interface TunnelEnd {
  /**
   * Returns the next bytes of the peer, valid until the next call; `null` after its end. Rejects if the connection
   * failed.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Sends bytes; resolves when more may be sent. The bytes must not change until then. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the sending direction (half-close). */
  end(): void;
  /** Closes both directions at once. */
  destroy(): void;
}

/** Returns the protocols that a request asks for; empty unless Connection names Upgrade. */
export function requestedProtocols(headers: readonly HeaderLine[]): string[] {
  const upgrade = getHeader(headers, "upgrade");
  if (upgrade === undefined || !parseList(getHeader(headers, "connection") ?? "").includes("upgrade")) return [];
  return protocolsOf(upgrade);
}

/** Returns the protocols in an Upgrade field, in their order and spelling. */
export function protocolsOf(upgrade: string): string[] {
  return upgrade.split(",").map((protocol) => protocol.trim()).filter((protocol) => protocol !== "");
}

/** Returns the offered protocols that a service may switch to, in order; `undefined` if there are none. */
export function permittedProtocols(
  offered: readonly string[] | undefined,
  policy: UpgradePolicy | undefined,
): readonly string[] | undefined {
  if (offered === undefined || policy === undefined) return undefined;
  const permitted = offered.filter((protocol) => !carriesRequests(protocol) && isPermitted(protocol, policy));
  return permitted.length === 0 ? undefined : permitted;
}

/**
 * Returns the Upgrade field of a 101 response; `undefined` if the response is invalid: it must name only protocols
 * that the request offered (RFC 9110 §7.8).
 */
export function selectedProtocol(headers: readonly HeaderLine[], offered: readonly string[]): string | undefined {
  const protocol = getHeader(headers, "upgrade");
  if (protocol === undefined || !parseList(getHeader(headers, "connection") ?? "").includes("upgrade")) {
    return undefined;
  }
  const selected = parseList(protocol);
  const names = offered.map((name) => name.toLowerCase());
  return selected.length > 0 && selected.every((name) => names.includes(name)) ? protocol : undefined;
}

/** Reports whether a policy permits a protocol. A name without a version permits every version. */
function isPermitted(protocol: string, policy: UpgradePolicy): boolean {
  if (policy === "any") return true;
  const name = protocol.toLowerCase();
  return policy.includes(name) || policy.includes(name.split("/", 1)[0]!);
}
