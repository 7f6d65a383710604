/** A client's request, parsed once for all services, and the requests that are refused without asking a service. */

import type { Config, HeaderLine } from "../config/config.ts";
import { encodeNonAscii, isValidQuery, normalizePath, removeDotSegments, toByteString } from "../config/path.ts";
import { withoutCookies } from "../lib/cookies.ts";
import { UNIX_PEER } from "../lib/unix_socket.ts";
import { type AddressMatcher, unmapAddress } from "./client_address.ts";
import { type ClientRequest, isAuthority } from "./client_request.ts";
import { BODY_TOO_LARGE, type LocalReply } from "./client_response.ts";
import { forwardingHeaders, isLoop, requestIdFrom } from "./forwarding.ts";
import { getHeader, parseList, stripHopByHop } from "./headers.ts";
import { RequestFields } from "./request_fields.ts";
import type { relayedTrailers } from "./trailers.ts";
import { parseTraceparent, type TraceContext } from "./trace_context.ts";

/** A request that can be matched and forwarded. */
export interface ReceivedRequest {
  /** `X-Request-Id` of the client, or a new one. */
  readonly requestId: string;
  /** Method as sent. */
  readonly method: string;
  /** Path to forward: as sent, without dot segments, with bytes outside ASCII percent-encoded. */
  readonly path: string;
  /** Path to match: normalised, still percent-encoded. */
  readonly matchPath: string;
  /** Query with its question mark, encoded like `path` and otherwise as sent; empty if there is none. */
  readonly query: string;
  /** Path and query with one character for each byte that the client sent; absent if both are ASCII. */
  readonly raw?: RawTarget | undefined;
  /** Authority that the client requested. */
  readonly authority: string;
  /** Address of the peer; absent if unknown. */
  readonly peer?: string | undefined;
  /** Protocol of the request, such as `HTTP/1.1`. */
  readonly protocol?: string | undefined;
  /** End-to-end header lines with forwarding fields, without Host, framing and `X-Conductor-Role`. */
  readonly headers: readonly HeaderLine[];
  /** Length of the body in bytes, if the client sent it. */
  readonly contentLength: number | undefined;
  /** Protocols that the connection may be upgraded to, in order; `undefined` if it cannot be upgraded. */
  readonly upgrade?: readonly string[] | undefined;
  /** True if trailers of the response reach the client. */
  readonly takesTrailers?: boolean | undefined;
  /** Field Trailer, and the trailers once the body has been read to its end. Absent: none. */
  readonly trailers?: Parameters<typeof relayedTrailers>[0] | undefined;
  /** Trace of the request; `undefined` if it has none. `headers` never contain `traceparent`. */
  readonly trace?: TraceContext | undefined;
}

/** A path and a query with one character for each byte. */
export interface RawTarget {
  /** Path to forward. */
  readonly path: string;
  /** Query with its question mark. */
  readonly query: string;
}

/** Dependencies of {@linkcode receive}. */
export interface ReceiveContext {
  readonly config: Pick<Config, "forwarded" | "maxBodyBytes">;
  /** Reports whether the forwarding fields of a peer are trusted. */
  readonly isTrusted: AddressMatcher;
  /** Name of this instance in Via. */
  readonly pseudonym: string;
}

const TAB = 9;
const SPACE = 32;

/** Prefix of the names of the admin listener's cookies. No service receives them. */
export const ADMIN_COOKIE_PREFIX = "conductor-admin-";

/** Each service gets its own `traceparent`, and a `tracestate` means nothing without one. */
const TRACE_FIELDS = ["traceparent", "tracestate"];
/** Framing is up to the transport on each side. Our own server responds to Expect (RFC 9110 §10.1.1). */
const NOT_FORWARDED: ReadonlySet<string> = new Set(["host", "content-length", "expect", ...TRACE_FIELDS]);

/** Fields of HTTP/1 connections. Servers refuse them over HTTP/2 (RFC 9113 §8.2.2). */
const HTTP1_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Parses and checks a request. A request with a `refusal` must not be forwarded. The trace that the server records
 * takes precedence over the trace in the request.
 */
export function receive(
  request: ClientRequest,
  serverTrace: TraceContext | undefined,
  { config, isTrusted, pseudonym }: ReceiveContext,
): {
  readonly received: ReceivedRequest;
  readonly refusal: LocalReply | undefined;
  /** True if the target is valid, so that a refused request has a route, too. */
  readonly isMatchable: boolean;
} {
  const { method, headers, target, connection } = request;
  const { authority } = target;
  const fields = new RequestFields(headers);
  const { host } = fields;
  const checked = removeDotSegments(target.path);
  const isValidTarget = checked !== undefined && isValidQuery(target.query);
  const { path, query, raw } = isValidTarget
    ? encodeTarget(checked, target.query)
    : { path: target.path, query: target.query, raw: undefined };
  const requestId = requestIdFrom(fields.requestId);
  const peer = connection.remoteAddr?.hostname;
  const clientAddress = peer === undefined || peer === UNIX_PEER ? undefined : unmapAddress(peer);
  const length = parseLength(fields.contentLength);
  const contentLength = length === "malformed" ? undefined : length;
  const { traceparent } = fields;
  const clientTrace = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  const trace = serverTrace ?? clientTrace;
  const isClientTrace = clientTrace !== undefined && trace?.traceId === clientTrace.traceId;
  const received: ReceivedRequest = {
    requestId,
    method,
    path,
    matchPath: isValidTarget ? normalizePath(path) : path,
    query,
    raw,
    authority,
    contentLength,
    upgrade: upgradeOf(request),
    takesTrailers: request.takesTrailers,
    trailers: request.trailers && { headers, read: request.trailers },
    trace,
    peer: clientAddress,
    protocol: connection.protocol ?? (host === undefined ? "HTTP/2.0" : "HTTP/1.1"),
    headers: forwardingHeaders(forwardedHeaders(request, isClientTrace), {
      clientAddress,
      authority,
      scheme: connection.scheme ?? target.scheme,
      trusted: peer !== undefined && isTrusted(clientAddress ?? peer),
      forwarded: config.forwarded,
      pseudonym,
      requestId,
    }),
  };
  const refusal = refuse({
    method,
    headers,
    transferEncoding: fields.transferEncoding,
    hostMissing: host === "" || (host === undefined && isHttp1WithoutHost(request)),
    // The Host field is checked too: a server may replace a Host that is not ASCII by its own authority.
    targetValid: isValidTarget && isAuthority(authority) && (!host || host === authority || isAuthority(host)) &&
      (target.scheme === "http" || target.scheme === "https"),
    targetIsServer: path === "/*",
    loop: isLoop(fields.via, pseudonym),
    lengthMalformed: length === "malformed",
    contentLength,
    hasBody: () => request.body !== null,
    maxBodyBytes: config.maxBodyBytes,
  });
  return { received, refusal, isMatchable: isValidTarget };
}

/**
 * Returns the protocols that the connection may be upgraded to. A body would have to be read completely before, and
 * Upgrade means nothing in HTTP/1.0 (RFC 9110 §7.8).
 */
function upgradeOf(request: ClientRequest): readonly string[] | undefined {
  const { upgrade, httpVersion } = request;
  return upgrade === undefined || httpVersion === "1.0" || request.body !== null ? undefined : upgrade;
}

/** Properties of a request that decide whether it is refused. */
interface RefusalInfo {
  readonly method: string;
  readonly headers: readonly HeaderLine[];
  readonly transferEncoding: string | undefined;
  /** True if the client sent no authority. */
  readonly hostMissing: boolean;
  /** True if scheme, authority, path and query are well-formed. */
  readonly targetValid: boolean;
  /** True if the target is `*`, the server itself. */
  readonly targetIsServer: boolean;
  /** True if the request has already passed through this instance. */
  readonly loop: boolean;
  /** True if Content-Length is neither a number nor a list of one number. */
  readonly lengthMalformed: boolean;
  readonly contentLength: number | undefined;
  /** Returns true if the listener passes on the body of every method. */
  readonly hasBody: () => boolean;
  readonly maxBodyBytes: number;
}

const ALLOW: HeaderLine = ["allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"];

/** The first row that applies decides. */
const REFUSALS: readonly (readonly [applies: (request: RefusalInfo) => boolean, reply: LocalReply])[] = [
  // CONNECT requests a tunnel, and TRACE would show a client the fields that the proxy adds (RFC 9110 §9.3.6, §9.3.8).
  [({ method }) => method === "CONNECT" || method === "TRACE", {
    status: 405,
    detail: "This method is not forwarded",
    headers: [ALLOW],
  }],
  // RFC 9112 §3.2: a request without a Host field, or with an empty one.
  [({ hostMissing }) => hostMissing, { status: 400, detail: "The Host field is missing" }],
  [({ targetValid }) => !targetValid, { status: 400, detail: "The request target or the Host field is malformed" }],
  // RFC 9113 §8.2.1: servers remove the white space over HTTP/1.1, but Deno's does not over HTTP/2.
  [({ headers }) => headers.some(isPadded), {
    status: 400,
    detail: "A header field begins or ends with white space",
  }],
  // RFC 9112 §6.1: an unknown coding could hide where the request ends.
  [({ transferEncoding = "chunked" }) => transferEncoding.toLowerCase() !== "chunked", {
    status: 501,
    detail: "The only supported transfer coding is chunked",
  }],
  // RFC 9110 §8.6. Over HTTP/2, Deno accepts two different lengths.
  [({ lengthMalformed }) => lengthMalformed, { status: 400, detail: "The Content-Length field is malformed" }],
  // Servers built on fetch's Request drop such a body. Without its body, the request could have another meaning.
  [hasUnreadableBody, { status: 501, detail: "A body is not forwarded with this method" }],
  [({ loop }) => loop, { status: 508, detail: "The request has already passed through this conductor" }],
  // A length that is not a safe integer could not be forwarded exactly.
  [
    ({ contentLength = 0, maxBodyBytes }) => contentLength > Math.min(maxBodyBytes, Number.MAX_SAFE_INTEGER),
    BODY_TOO_LARGE,
  ],
  // RFC 9110 §9.3.7 and §7.6.2: OPTIONS for the server itself, and OPTIONS that must not be forwarded any further.
  [
    ({ method, headers, targetIsServer }) =>
      method === "OPTIONS" && (targetIsServer || /^0+$/.test(getHeader(headers, "max-forwards") ?? "")),
    {
      status: 204,
      detail: "This server forwards requests with these methods",
      headers: [ALLOW],
    },
  ],
];

function refuse(request: RefusalInfo): LocalReply | undefined {
  return REFUSALS.find(([applies]) => applies(request))?.[1];
}

function isPadded([, value]: HeaderLine): boolean {
  return value !== "" && (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)));
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function hasUnreadableBody({ method, transferEncoding, contentLength = 0, hasBody }: RefusalInfo): boolean {
  return (method === "GET" || method === "HEAD") &&
    (contentLength > 0 || transferEncoding !== undefined) && !hasBody();
}

/**
 * Servers decode the target as UTF-8 and refuse other bytes (Deno 2.9.6, HTTP/1.1 and HTTP/2), so encoding the
 * characters restores the bytes.
 */
function encodeTarget(path: string, query: string): Pick<ReceivedRequest, "path" | "query" | "raw"> {
  const encoded = { path: encodeNonAscii(path), query: encodeNonAscii(query) };
  // Comparing lengths is enough: encoding a character always makes the text longer.
  if (encoded.path.length === path.length && encoded.query.length === query.length) return { path, query };
  return { ...encoded, raw: { path: toByteString(path), query: toByteString(query) } };
}

/** Parses Content-Length. A list of equal numbers is one number (RFC 9110 §8.6). */
function parseLength(value: string | undefined): number | undefined | "malformed" {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const [first = "", ...others] = parseList(value);
  return /^\d+$/.test(first) && others.every((other) => other === first) ? Number(first) : "malformed";
}

/**
 * Reports whether a request without a Host field is HTTP/1, which requires one. Servers do not tell the version of a
 * request, and HTTP/2 has `:authority` instead. Without TLS, HTTP/2 is rare, so the server's own authority counts as
 * missing.
 */
function isHttp1WithoutHost({ headers, target, connection, httpVersion }: ClientRequest): boolean {
  if (httpVersion !== undefined) return httpVersion === "1.1" || target.authority === "";
  const { defaultAuthority, scheme = target.scheme } = connection;
  if (defaultAuthority === undefined) return false;
  if (scheme === "http" && target.authority === defaultAuthority) return true;
  return headers.some(([name]) => HTTP1_FIELDS.has(name.toLowerCase()));
}

function forwardedHeaders({ method, headers }: ClientRequest, keepsTracestate: boolean): HeaderLine[] {
  const lines = withoutAdminCookies(stripHopByHop(headers, NOT_FORWARDED));
  const tracestate = keepsTracestate ? getHeader(headers, "tracestate") : undefined;
  if (tracestate) lines.push(["tracestate", tracestate]);
  return method === "OPTIONS" ? lines.map(decrementMaxForwards) : lines;
}

/**
 * Removes the admin listener's cookies. Browsers send cookies to every port of a host, so a service could otherwise use
 * the session of a logged-in browser.
 */
function withoutAdminCookies(lines: HeaderLine[]): HeaderLine[] {
  for (let index = lines.length - 1; index >= 0; index--) {
    const [name, value] = lines[index]!;
    if (name.length !== 6 || name.toLowerCase() !== "cookie" || !value.includes(ADMIN_COOKIE_PREFIX)) continue;
    const others = withoutCookies(value, ADMIN_COOKIE_PREFIX);
    if (others === "") lines.splice(index, 1);
    else lines[index] = [name, others];
  }
  return lines;
}

/**
 * RFC 9110 §7.6.2: each hop decrements Max-Forwards of OPTIONS, and of TRACE, which is never forwarded. A larger number
 * than it supports becomes the largest one.
 */
function decrementMaxForwards([name, value]: HeaderLine): HeaderLine {
  const counts = name.toLowerCase() === "max-forwards" && /^\d+$/.test(value);
  return [name, counts ? String(Math.min(Number(value) - 1, Number.MAX_SAFE_INTEGER)) : value];
}
