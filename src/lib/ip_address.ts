/** IP addresses as numbers, so that all spellings of one address are equal (RFC 4291 §2.2). */

/** An address. */
export interface IpAddress {
  /** Its bits as a number. */
  readonly bits: bigint;
  /** Number of bits: 32 for IPv4, 128 for IPv6. */
  readonly width: 32 | 128;
}

/** High 96 bits of an IPv4-mapped address, `::ffff:0:0/96` (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = 0xffffn;
/** High 96 bits of the well-known prefix of NAT64, `64:ff9b::/96` (RFC 6052 §2.1). */
const NAT64_PREFIX = 0x64_ff9bn << 64n;
const OCTET = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;

/**
 * Parses an address in any spelling: upper case, leading zeros in groups, an embedded IPv4 address. A zone id is
 * ignored. An IPv4-mapped address becomes an IPv4 address. Returns `undefined` if the text is not an address.
 *
 * @example Usage
 * ```ts ignore
 * parseIpAddress("::ffff:192.0.2.1"); // { bits: 0xc0000201n, width: 32 }
 * ```
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const zoneStart = text.indexOf("%");
  const bits = parseIpv6(zoneStart === -1 ? text : text.slice(0, zoneStart));
  if (bits === undefined) return undefined;
  return bits >> 32n === MAPPED_PREFIX ? ipv4(bits) : { bits, width: 128 };
}

/** Returns the IPv4 address inside `64:ff9b::/96`, behind a NAT64 translator; any other address unchanged. */
export function withoutNat64({ bits, width }: IpAddress): IpAddress {
  return width === 128 && bits >> 32n === NAT64_PREFIX ? ipv4(bits) : { bits, width };
}

/** Formats an IPv4 address as dotted decimals, such as `192.0.2.1`. */
export function formatIpv4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join(".");
}

function ipv4(bits: bigint): IpAddress {
  return { bits: bits & 0xffff_ffffn, width: 32 };
}

/** Parses an IPv4 address. Leading zeros are refused, as in inet_pton(3), because some parsers read octal numbers. */
function parseIpv4(text: string): IpAddress | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part) && Number(part) < 256)) return undefined;
  return { bits: parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n), width: 32 };
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => half === "" ? [] : half.split(":"));
  const embedded = parseIpv4(groups.at(-1)!.at(-1) ?? "");
  if (embedded !== undefined) {
    groups.at(-1)!.splice(-1, 1, (embedded.bits >> 16n).toString(16), (embedded.bits & 0xffffn).toString(16));
  }
  const [head = [], tail = []] = groups;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!all.every((group) => GROUP.test(group))) return undefined;
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}
