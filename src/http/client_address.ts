/** Addresses of clients: trusted proxies (CIDR ranges of RFC 4632 and RFC 4291), and the network of a client. */

import { formatIpv4, type IpAddress, parseIpAddress, withoutNat64 } from "../lib/ip_address.ts";
import { UNIX_PEER } from "../lib/unix_socket.ts";
import { lastMembers } from "./headers.ts";

/** Reports whether an address is in a list. */
export type AddressMatcher = (address: string) => boolean;

interface Range extends IpAddress {
  readonly prefixLength: number;
}

/** Maximum entries of `X-Forwarded-For` that are read, from the right. No chain of trusted proxies is longer. */
const MAX_HOPS = 32;
/** Maximum length of an entry. The longest address with brackets, zone and port is shorter. */
const MAX_HOP_LENGTH = 128;

/**
 * Compiles the list of `trustProxy`: IPv4 and IPv6 addresses or CIDR ranges. Entries that are neither match no address.
 * An IPv4-mapped address counts as IPv4 in every spelling (`::ffff:10.0.0.1`, `::FFFF:a00:1`). An address behind NAT64
 * (`64:ff9b::a00:1`) does not count as IPv4, because the packets come from a translator. `unix` matches peers on Unix
 * sockets.
 */
export function addressMatcher(ranges: readonly string[]): AddressMatcher {
  const parsed = ranges.map(parseRange).filter((range) => range !== undefined);
  const hasUnix = ranges.includes(UNIX_PEER);
  if (parsed.length === 0) return (address) => hasUnix && address === UNIX_PEER;
  return (address) => {
    if (address === UNIX_PEER) return hasUnix;
    const candidate = parseIpAddress(address);
    return candidate !== undefined && parsed.some((range) => contains(range, candidate));
  };
}

/** Converts an IPv4-mapped address to IPv4: `10.0.0.1` for `::ffff:10.0.0.1` and `::ffff:a00:1`. */
export function unmapAddress(address: string): string {
  // Other addresses are recognised without parsing, because this runs for each request.
  if (!address.includes(":") || !/:ffff:/i.test(address)) return address;
  const parsed = parseIpAddress(address);
  return parsed?.width === 32 ? formatIpv4(parsed.bits) : address;
}

/**
 * Returns the network of one client: an IPv4 address, or the first 64 bits of an IPv6 address (RFC 6177). Clients
 * behind NAT64 share these 64 bits, so they count by their IPv4 address. Returns `undefined` if the text is not an
 * address.
 */
export function networkOf(address: string): string | undefined {
  const parsed = parseIpAddress(address);
  if (parsed === undefined) return undefined;
  const { bits, width } = withoutNat64(parsed);
  return width === 32 ? formatIpv4(bits) : `${(bits >> 64n).toString(16)}/64`;
}

/**
 * Returns the address of the client: that of the peer, or the nearest address in `X-Forwarded-For` that is not a trusted
 * proxy. Clients can write any address further to the left. Returns `undefined` if the address of the peer is unknown.
 */
export function clientAddress(
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
  return client;
}

/**
 * Identifies the client by its network. An IPv6 client has at least 2^64 addresses, so its network counts. Returns
 * `undefined` if the address of the peer is unknown.
 */
export function clientNetwork(
  peer: string | undefined,
  forwardedFor: string | null,
  isTrusted: AddressMatcher,
): string | undefined {
  const client = clientAddress(peer, forwardedFor, isTrusted);
  return client === undefined ? undefined : networkOf(client) ?? client;
}

/** Removes the port that some proxies add: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function toAddress(hop: string): string {
  if (hop.length > MAX_HOP_LENGTH) return "";
  const [, v4, v6] = /^(?:([\d.]+)|\[(.+)\])(?::\d+)?$/.exec(hop) ?? [];
  return unmapAddress(v4 ?? v6 ?? hop);
}

function parseRange(text: string): Range | undefined {
  const [address = "", length] = text.split("/");
  const parsed = parseIpAddress(address);
  if (parsed === undefined) return undefined;
  const prefixLength = length === undefined ? parsed.width : Number(length);
  return prefixLength <= parsed.width ? { ...parsed, prefixLength } : undefined;
}

function contains(range: Range, { bits, width }: IpAddress): boolean {
  if (range.width !== width) return false;
  const shift = BigInt(width - range.prefixLength);
  return range.bits >> shift === bits >> shift;
}
