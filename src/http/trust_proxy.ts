/** Whose forwarding headers are believed: addresses against a list of CIDR ranges (RFC 4632, RFC 4291). */

import { formatIpv4, type IpAddress, parseIpAddress, withoutNat64 } from "../lib/ip_address.ts";

/** Tells whether an address is in the list. */
export type AddressMatcher = (address: string) => boolean;

interface Range extends IpAddress {
  readonly prefixLength: number;
}

/**
 * Prepares the list of `trustProxy`.
 *
 * @param ranges Addresses or CIDR ranges, IPv4 and IPv6; entries that are neither match no address.
 * @returns A test for the peer's address. An IPv4-mapped address counts as IPv4 in every spelling (`::ffff:10.0.0.1`,
 * `::FFFF:a00:1`). An address behind NAT64 (`64:ff9b::a00:1`) does not count as IPv4, because the packets come from a
 * translator.
 */
export function addressMatcher(ranges: readonly string[]): AddressMatcher {
  const parsed = ranges.map(parseRange).filter((range) => range !== undefined);
  if (parsed.length === 0) return () => false;
  return (address) => {
    const candidate = parseIpAddress(address);
    return candidate !== undefined && parsed.some((range) => contains(range, candidate));
  };
}

/**
 * Converts an IPv4-mapped address to IPv4.
 *
 * @param address The peer's address.
 * @returns `10.0.0.1` for `::ffff:10.0.0.1` and `::ffff:a00:1`, any other address unchanged.
 */
export function unmapAddress(address: string): string {
  // Other addresses are recognised without parsing, because this runs for each request.
  if (!/:ffff:/i.test(address)) return address;
  const parsed = parseIpAddress(address);
  return parsed?.width === 32 ? formatIpv4(parsed.bits) : address;
}

/**
 * Returns the network of one client: an IPv4 address, or the first 64 bits of an IPv6 address (RFC 6177). Clients
 * behind NAT64 share these 64 bits, so they count by their IPv4 address.
 *
 * @param address An address.
 * @returns The same text for each address of the network; `undefined` if the text is not an address.
 */
export function networkOf(address: string): string | undefined {
  const parsed = parseIpAddress(address);
  if (parsed === undefined) return undefined;
  const { bits, width } = withoutNat64(parsed);
  return width === 32 ? formatIpv4(bits) : `${(bits >> 64n).toString(16)}/64`;
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
