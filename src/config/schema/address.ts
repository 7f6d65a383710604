/** Hosts, addresses and the URLs of backends. */

import { parseIpAddress } from "../../lib/ip_address.ts";
import { isSocketPath, MAX_SOCKET_PATH_BYTES, socketOrigin, socketPath, UNIX_PEER } from "../../lib/unix_socket.ts";
import { withoutTrailingSlashes } from "../../lib/trailing_slashes.ts";
import { removeDotSegments } from "../path.ts";
import { suggest } from "./describe.ts";
import { orPlaceholder, PLACEHOLDER_PATTERN, type ValueType } from "./value_type.ts";

const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/;
const MAX_NAME_LENGTH = 253;
const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
/** The last label must not be all digits: that is an address (RFC 1123 §2.1), which SNI excludes (RFC 6066 §3). */
const DNS_NAME = `^(?:${LABEL}\\.)*(?!\\d+$)${LABEL}$`;
/** Loopback addresses, and names for them (RFC 6761 §6.3). */
const LOOPBACK = /^(?:(?:.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[?::1\]?|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]+\])$/;
const URL_NEED = "an http or https URL, or a Unix socket like unix:/run/app.sock";
const SOCKET_NEED = `an absolute path of a Unix socket with at most ${MAX_SOCKET_PATH_BYTES} bytes`;

/** The `Host` field that a backend receives. */
export type HostMode = "target" | "preserve" | { readonly literal: string };

/** The parts of a backend's URL. */
export interface BackendUrl {
  /** Scheme and authority, without the default port; `http+unix://` and the encoded path for a Unix socket. */
  readonly origin: string;
  /** Path before every request path; empty, or `/base`. */
  readonly basePath: string;
}

/** Reports whether only programs of this machine can reach a host. IPv6 addresses may have brackets. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** Returns the type of addresses and of ranges in CIDR notation (RFC 4632, RFC 4291). */
export function addressRange(): ValueType<string> {
  const need = 'an IP address or a range, like "10.0.0.0/8" or "fd00::/8"';
  return {
    label: "IP address or CIDR range",
    input: "string",
    notation: "IP addresses, ranges in CIDR notation, or `unix`.",
    schema: { type: "string" },
    parse(value, at) {
      if (value === UNIX_PEER) return UNIX_PEER;
      const [, address = "", length] = (typeof value === "string" && /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(value)) ||
        [];
      const isV4 = isIpv4(address);
      if (!isV4 && !isIpv6(address)) return at.mismatch(need, value);
      if (isIpv4Mapped(address)) return at.mismatch("in IPv4 notation, because such peers count as IPv4", value);
      if (length !== undefined && Number(length) > (isV4 ? 32 : 128)) return at.mismatch(need, value);
      return value as string;
    },
  };
}

/** Returns the type of hosts to listen on. Values of Unix sockets are `unix:` and the path. */
export function listenHost(): ValueType<string> {
  return {
    label: "IP address, host name or Unix socket",
    input: "string",
    notation: "An IP address or a host name without port, or `unix:` and an absolute path.",
    schema: { type: "string" },
    parse(value, at) {
      if (typeof value === "string" && value.startsWith("unix:")) {
        const path = socketPath(value);
        return path !== undefined && isSocketPath(path) ? `unix:${path}` : at.mismatch(SOCKET_NEED, value);
      }
      if (typeof value === "string" && (isHostName(value) || isIpv6(value))) return value;
      return at.mismatch("an IP address or a host name, without port, or unix: and a path", value);
    },
  };
}

/** Returns the type of the `Host` field that a backend receives. */
export function hostMode(): ValueType<HostMode> {
  return {
    label: "`target`, `preserve` or a host",
    input: "string",
    notation: '`"target"`, `"preserve"`, or a host with or without a port.',
    schema: { type: "string" },
    parse(value, at) {
      if (value === "target" || value === "preserve") return value;
      const [, host = "", port = "0"] =
        (typeof value === "string" && /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(value)) || [];
      const isHost = isHostName(host) || (host.startsWith("[") && isIpv6(host.slice(1, -1)));
      if (!isHost || Number(port) > 65_535) {
        return at.mismatch('"target", "preserve" or a host with or without port', value);
      }
      const hint = suggest(host, ["target", "preserve"]);
      if (hint !== "" && !at.isSecret) at.warn(`${at.describe(value)} is used as a host name${hint}`);
      return { literal: value as string };
    },
  };
}

/** Returns the type of DNS names in ASCII, without port and trailing dot. */
export function dnsName(): ValueType<string> {
  const pattern = new RegExp(DNS_NAME);
  return {
    label: "DNS name",
    input: "string",
    notation: "A DNS name.",
    schema: { type: "string", maxLength: MAX_NAME_LENGTH, pattern: orPlaceholder(DNS_NAME) },
    parse(value, at) {
      if (typeof value === "string" && value.length <= MAX_NAME_LENGTH && pattern.test(value)) return value;
      return at.mismatch('a DNS name without port, like "api.internal"', value);
    },
  };
}

/** Returns the type of backend URLs. Messages show a URL only if it cannot contain credentials. */
export function backendUrl(): ValueType<BackendUrl> {
  return {
    label: "URL",
    input: "string | URL",
    notation:
      "`http` or `https`, without credentials, query and fragment; or a Unix socket: `unix:/run/app.sock`, or " +
      "`http+unix://%2Frun%2Fapp.sock/base` with a base path.",
    schema: {
      type: "string",
      pattern:
        `^(?:[hH][tT][tT][pP](?:[sS]|\\+unix)?://[^/?#@\\s\\\\]+(?:/[^?#\\s\\\\]*)?|unix:/[^?#\\s\\\\]+)$|${PLACEHOLDER_PATTERN}`,
    },
    parse(given, at) {
      const value = given instanceof URL ? given.href : given;
      if (typeof value !== "string") return at.mismatch(URL_NEED, value);
      if (/^[^/?#]*\/\/[^/?#]*@/.test(value)) {
        return at.problem("must not contain credentials: set an Authorization field in `headers`");
      }
      if (/[?#]/.test(value)) return at.problem("must be a URL without query and fragment: found one of them");
      // The URL parser drops or converts these characters, so requests would go to an unexpected path.
      const socket = socketUrl(value);
      if (socket !== undefined) return socket === "malformed" ? at.mismatch(SOCKET_NEED, value) : socket;
      // deno-lint-ignore no-control-regex
      const url = /[\x00-\x20\\\x7f]/.test(value) || !/^https?:\/\/[^/]/i.test(value) ? null : URL.parse(value);
      if (url === null || url.port === "0") {
        return /@|%40/.test(value) ? at.problem(`must be ${URL_NEED}`) : at.mismatch(URL_NEED, value);
      }
      const path = removeDotSegments(url.pathname);
      if (path === undefined) return at.mismatch("a URL with a well-formed path", value);
      return { origin: url.origin, basePath: withoutTrailingSlashes(path) };
    },
  };
}

/** Returns the URL of a service on a Unix socket; `undefined` for another scheme. */
function socketUrl(text: string): BackendUrl | "malformed" | undefined {
  if (!/^(?:http\+)?unix:/i.test(text)) return undefined;
  const [, origin = text, path = ""] = /^(http\+unix:\/\/[^/]+)(\/.*)?$/i.exec(text) ?? [];
  const file = socketPath(origin);
  const basePath = path === "" ? "" : removeDotSegments(new URL(`http://localhost${path}`).pathname);
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x20\\\x7f]/.test(text) || file === undefined || !isSocketPath(file) || basePath === undefined) {
    return "malformed";
  }
  return { origin: socketOrigin(file), basePath: withoutTrailingSlashes(basePath) };
}

/** Accepts underscores, which are in use. Text of digits and dots must be an IPv4 address. */
function isHostName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && HOST_NAME.test(text) && (!/^[\d.]+$/.test(text) || isIpv4(text));
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
