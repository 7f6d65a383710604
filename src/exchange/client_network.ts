/** Which client a request comes from, as far as clients can be told apart. */

import { type AddressMatcher, networkOf, unmapAddress } from "./trust_proxy.ts";

/** Maximum hops that are read: a client can write thousands of trusted addresses, which take a tenth of a second. */
const MAX_HOPS = 32;

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
  let left = forwardedFor ?? "";
  for (let hops = 0; hops < MAX_HOPS && left !== "" && isTrusted(client); hops++) {
    const comma = left.lastIndexOf(",");
    const hop = left.slice(comma + 1).trim().toLowerCase();
    left = left.slice(0, Math.max(comma, 0));
    if (hop === "") continue;
    const address = toAddress(hop);
    if (networkOf(address) === undefined) break;
    client = address;
  }
  return networkOf(client) ?? client;
}

/** Some proxies add the client's port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function toAddress(hop: string): string {
  const [, v4, v6] = /^(?:([\d.]+)|\[(.+)\])(?::\d+)?$/.exec(hop) ?? [];
  return unmapAddress(v4 ?? v6 ?? hop);
}
