/** Identifies the client of a request by its network. */

import { lastMembers } from "./headers.ts";
import { type AddressMatcher, networkOf, unmapAddress } from "./trust_proxy.ts";

/** Maximum entries of `X-Forwarded-For` that are read, from the right. No chain of trusted proxies is longer. */
const MAX_HOPS = 32;
/** Maximum length of an entry. The longest address with brackets, zone and port is shorter. */
const MAX_HOP_LENGTH = 128;

/**
 * Names the client: the peer, or the nearest address in `X-Forwarded-For` that no trusted proxy has. What stands to the
 * left of that was written by the client itself. An IPv6 client has 2^64 addresses at least, so its network counts.
 *
 * @param peer The peer's address; `undefined` where the server did not tell.
 * @param forwardedFor The request's `X-Forwarded-For`.
 * @param isTrusted Whether an address is a trusted proxy's.
 * @returns A name for the client, or `undefined` where there is no address.
 */
export function clientNetwork(
  peer: string | undefined,
  forwardedFor: string | null,
  isTrusted: AddressMatcher,
): string | undefined {
  if (peer === undefined) return undefined;
  let client = unmapAddress(peer);
  const hops = lastMembers(forwardedFor ?? "", MAX_HOPS).map(toAddress);
  while (isTrusted(client)) {
    const hop = hops.pop();
    if (hop === undefined || networkOf(hop) === undefined) break;
    client = hop;
  }
  return networkOf(client) ?? client;
}

/** Some proxies add the client's port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function toAddress(hop: string): string {
  if (hop.length > MAX_HOP_LENGTH) return "";
  const [, v4, v6] = /^(?:([\d.]+)|\[(.+)\])(?::\d+)?$/.exec(hop) ?? [];
  return unmapAddress(v4 ?? v6 ?? hop);
}
