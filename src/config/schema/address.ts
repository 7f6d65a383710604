/** Hosts and addresses: where to listen, whom to trust, which name a backend sees. */

import { parseIpAddress } from "../../lib/ip_address.ts";
import { suggest } from "./suggest.ts";
import type { ValueType } from "./value_type.ts";

const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;

/**
 * An address or a range of addresses in CIDR notation (RFC 4632, RFC 4291).
 *
 * @returns The type.
 */
export function addressRange(): ValueType<string> {
  const need = 'an IP address or a range, like "10.0.0.0/8" or "fd00::/8"';
  return {
    label: "IP address or CIDR range",
    schema: { type: "string" },
    parse(value, at) {
      const [, address = "", length] = (typeof value === "string" && /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(value)) ||
        [];
      const isV4 = isIpv4(address);
      if (!isV4 && !isIpv6(address)) return at.mismatch(need, value);
      if (isIpv4Mapped(address)) return at.mismatch("written as IPv4, as such peers are treated", value);
      if (length !== undefined && Number(length) > (isV4 ? 32 : 128)) return at.mismatch(need, value);
      return value as string;
    },
  };
}

/**
 * The address or host name to listen on.
 *
 * @returns The type.
 */
export function listenHost(): ValueType<string> {
  return {
    label: "IP address or host name",
    schema: { type: "string" },
    parse(value, at) {
      if (typeof value === "string" && (isHostName(value) || isIpv6(value))) return value;
      return at.mismatch("an IP address or a host name, without port", value);
    },
  };
}

/** The Host field that a backend sees. */
export type HostMode = "target" | "preserve" | { readonly literal: string };

/**
 * What a backend sees as Host: its own, the client's, or a literal one.
 *
 * @returns The type.
 */
export function hostMode(): ValueType<HostMode> {
  return {
    label: "`target`, `preserve` or a host",
    schema: { type: "string" },
    parse(value, at) {
      if (value === "target" || value === "preserve") return value;
      const [, host = "", port = "0"] =
        (typeof value === "string" && /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(value)) || [];
      const isHost = isHostName(host) || (host.startsWith("[") && isIpv6(host.slice(1, -1)));
      if (!isHost || Number(port) > 65_535) {
        return at.mismatch('"target", "preserve" or a host with or without port', value);
      }
      const meant = suggest(host, ["target", "preserve"]);
      if (meant !== "" && !at.isSecret) at.warn(`${at.describe(value)} is taken for a host name${meant}`);
      return { literal: value as string };
    },
  };
}

/** Names as they are in use, underscores included; all digits and dots must be an IPv4 address. */
function isHostName(text: string): boolean {
  return text.length <= 253 && HOST_NAME.test(text) && (!/^[\d.]+$/.test(text) || isIpv4(text));
}

function isIpv4(text: string): boolean {
  return !text.includes(":") && parseIpAddress(text) !== undefined;
}

function isIpv6(text: string): boolean {
  return text.includes(":") && !text.includes("%") && parseIpAddress(text) !== undefined;
}

function isIpv4Mapped(text: string): boolean {
  return text.includes(":") && parseIpAddress(text)?.width === 32;
}
