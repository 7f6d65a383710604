/** The name of a host, as certificates and TLS clients have it. */

import { orPlaceholder, type ValueType } from "./value_type.ts";

const MAX_LENGTH = 253;
const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
/** The last label is not all digits: that would be an address (RFC 1123 §2.1), and those are not sent (RFC 6066 §3). */
const NAME = `^(?:${LABEL}\\.)*(?!\\d+$)${LABEL}$`;

/**
 * A DNS name in ASCII, without a port and without the dot of the root.
 *
 * @returns The type.
 */
export function dnsName(): ValueType<string> {
  const pattern = new RegExp(NAME);
  return {
    label: "DNS name",
    schema: { type: "string", maxLength: MAX_LENGTH, pattern: orPlaceholder(NAME) },
    parse(value, at) {
      if (typeof value === "string" && value.length <= MAX_LENGTH && pattern.test(value)) return value;
      return at.mismatch('a DNS name without port, like "api.internal"', value);
    },
  };
}
