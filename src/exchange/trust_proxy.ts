/** Whose forwarding headers are believed: addresses against a list of CIDR ranges (RFC 4632, RFC 4291). */

/** Tells whether an address is in the list. */
export type AddressMatcher = (address: string) => boolean;

interface Range {
  readonly bits: bigint;
  readonly width: 32 | 128;
  readonly prefixLength: number;
}

/**
 * Prepares the list of `trustProxy`.
 *
 * @param ranges Addresses or CIDR ranges, IPv4 and IPv6; entries that are neither match nothing.
 * @returns A test for the peer's address. An IPv4 address that arrives as IPv6 (`::ffff:10.0.0.1`) counts as IPv4.
 */
export function addressMatcher(ranges: readonly string[]): AddressMatcher {
  const parsed = ranges.map(parseRange).filter((range) => range !== undefined);
  if (parsed.length === 0) return () => false;
  return (address) => {
    const candidate = parseAddress(unmapAddress(address));
    return candidate !== undefined && parsed.some((range) => contains(range, candidate));
  };
}

/**
 * Writes an IPv4 address that arrived on an IPv6 socket as IPv4.
 *
 * @param address The peer's address.
 * @returns `10.0.0.1` for `::ffff:10.0.0.1`, any other address unchanged.
 */
export function unmapAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/**
 * Names the network that one client has to itself: an IPv4 address, or the first 64 bits of an IPv6 one (RFC 6177).
 *
 * @param address An address.
 * @returns The same text for each address of the network, or `undefined` where it is no address.
 */
export function networkOf(address: string): string | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined) return undefined;
  return parsed.width === 32 ? address : `${(parsed.bits >> 64n).toString(16)}/64`;
}

function parseRange(text: string): Range | undefined {
  const [address = "", length] = text.split("/");
  const parsed = parseAddress(address);
  if (parsed === undefined) return undefined;
  const prefixLength = length === undefined ? parsed.width : Number(length);
  return prefixLength <= parsed.width ? { ...parsed, prefixLength } : undefined;
}

function contains(range: Range, { bits, width }: Range): boolean {
  if (range.width !== width) return false;
  const shift = BigInt(width - range.prefixLength);
  return range.bits >> shift === bits >> shift;
}

function parseAddress(address: string): Range | undefined {
  const octets = parseIpv4(address);
  if (octets !== undefined) return { bits: octets, width: 32, prefixLength: 32 };
  const groups = parseIpv6(address);
  return groups === undefined ? undefined : { bits: groups, width: 128, prefixLength: 128 };
}

function parseIpv4(address: string): bigint | undefined {
  const parts = address.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function parseIpv6(address: string): bigint | undefined {
  const halves = address.split("::");
  if (!address.includes(":") || halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => half === "" ? [] : half.split(":").flatMap(ipv6Groups));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function ipv6Groups(part: string): string[] {
  const embedded = parseIpv4(part);
  if (embedded === undefined) return [part];
  return [(embedded >> 16n).toString(16), (embedded & 0xffffn).toString(16)];
}
