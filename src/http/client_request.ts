/** The client's request, checked and taken apart once for all services. */

import type { Config, HeaderLine } from "../config/config.ts";
import { encodeNonAscii, isValidQuery, normalizePath, removeDotSegments, toByteString } from "../config/path.ts";
import { forwardingLines, isLoop, requestIdFrom } from "./forwarding.ts";
import { stripHopByHop } from "./headers.ts";
import type { LocalReply } from "./problem.ts";
import { refuse } from "./refusals.ts";
import { isAuthority, splitTarget } from "./request_target.ts";
import { parseTraceparent, type TraceContext } from "./trace_context.ts";
import { type AddressMatcher, unmapAddress } from "./trust_proxy.ts";
import { withoutCookies } from "../lib/cookies.ts";

/** What the server knows of the connection; `Deno.serve` passes such an object as its second argument. */
export interface ConnectionInfo {
  /** The peer's address, for `X-Forwarded-For` and `trustProxy`. */
  readonly remoteAddr?: { readonly hostname?: string } | undefined;
  /**
   * Settles when the response has been sent, or can not be any more; the request counts as in flight until then. Absent:
   * until the handler has passed the response on.
   */
  readonly completed?: Promise<unknown>;
  /** The scheme of the client's connection; absent: the scheme of the request's URL. */
  readonly scheme?: "http" | "https";
  /**
   * The authority that the server puts into the URL of a request without a Host field. With it, such a request is
   * answered with 400 (RFC 9112 §3.2). Absent: not checked; a `Request` that was made by hand has no Host field.
   */
  readonly defaultAuthority?: string | undefined;
}

/** A request that may be matched and forwarded. */
export interface ReceivedRequest {
  /** The kept or made `X-Request-Id`. */
  readonly requestId: string;
  /** The method as it came. */
  readonly method: string;
  /** The path to forward: as sent, without dot segments, and with bytes outside ASCII percent-encoded. */
  readonly path: string;
  /** The path to match: normalised, still percent-encoded. */
  readonly matchPath: string;
  /** The query with its question mark, encoded like `path` and otherwise as sent; empty if there is none. */
  readonly query: string;
  /** Path and query with one character for each byte that the client sent; absent if both are ASCII. */
  readonly raw?: RawTarget | undefined;
  /** The authority that the client asked for. */
  readonly authority: string;
  /** End-to-end header lines with forwarding fields, without Host, framing and what says a service's role. */
  readonly headers: readonly HeaderLine[];
  /** The body's length in bytes where the client told it. */
  readonly contentLength: number | undefined;
  /** The trace that it is part of; `undefined` where it is part of none. `lines` have no `traceparent` then or now. */
  readonly trace?: TraceContext | undefined;
}

/** A path and a query with one character for each byte. */
export interface RawTarget {
  /** The path to forward. */
  readonly path: string;
  /** The query with its question mark. */
  readonly query: string;
}

/** What receiving needs to know beside the request. */
export interface ReceiveOptions {
  /** The configuration. */
  readonly config: Pick<Config, "forwarded" | "maxBodyBytes">;
  /** Whether a peer's forwarding fields are believed. */
  readonly isTrusted: AddressMatcher;
  /** This instance's name in Via. */
  readonly pseudonym: string;
  /** The trace that the server records the request in; absent: the one that the request tells of, if any. */
  readonly trace?: TraceContext | undefined;
}

/** Prefix of the names of the admin listener's cookies. No service receives them. */
export const ADMIN_COOKIE_PREFIX = "conductor-admin-";

/** Each service gets a `traceparent` of its own, and a `tracestate` says nothing without one. */
const TRACE_FIELDS = ["traceparent", "tracestate"];
/** Framing is the transport's business on each side; an Expect is answered by our own server (RFC 9110 §10.1.1). */
const NOT_FORWARDED: ReadonlySet<string> = new Set(["host", "content-length", "expect", ...TRACE_FIELDS]);

/**
 * Checks a request and takes it apart.
 *
 * @param request The request as the server built it.
 * @param info What the server knows of the connection.
 * @param options What receiving needs to know beside the request.
 * @returns The request's parts, with a problem beside them where it must be answered without asking a service.
 */
export function receive(
  request: Request,
  info: ConnectionInfo,
  options: ReceiveOptions,
): { readonly clientRequest: ReceivedRequest; readonly problem?: LocalReply } {
  const { config, isTrusted, pseudonym } = options;
  const { headers, method } = request;
  const host = headers.get("host");
  const { scheme, authority, ...target } = splitTarget(request.url, host);
  const checked = removeDotSegments(target.path);
  const isValidTarget = checked !== undefined && isValidQuery(target.query);
  const { path, query, raw } = isValidTarget ? encodeTarget(checked, target.query) : { ...target, raw: undefined };
  const requestId = requestIdFrom(headers.get("x-request-id") ?? undefined);
  const clientAddress = info.remoteAddr?.hostname === undefined ? undefined : unmapAddress(info.remoteAddr.hostname);
  const contentLength = lengthFrom(headers.get("content-length"));
  const traceparent = headers.get("traceparent");
  const received = traceparent === null ? undefined : parseTraceparent(traceparent);
  const trace = options.trace ?? received;
  const tracestate = received !== undefined && trace?.traceId === received.traceId ? headers.get("tracestate") : null;
  const clientRequest: ReceivedRequest = {
    requestId,
    method,
    path,
    matchPath: isValidTarget ? normalizePath(path) : path,
    query,
    raw,
    authority,
    contentLength,
    trace,
    headers: forwardingLines(forwardedHeaders(request, tracestate), {
      clientAddress,
      authority,
      scheme: info.scheme ?? scheme,
      trusted: clientAddress !== undefined && isTrusted(clientAddress),
      forwarded: config.forwarded,
      pseudonym,
      requestId,
    }),
  };
  const problem = refuse({
    method,
    headers,
    hostMissing: host === "" || (host === null && authority === info.defaultAuthority),
    // The Host field is checked too: a server may replace a Host that is not ASCII by an authority of its own.
    targetValid: isValidTarget && isAuthority(authority) && (!host || host === authority || isAuthority(host)),
    targetIsServer: path === "/*",
    loop: isLoop(headers.get("via") ?? undefined, pseudonym),
    contentLength,
    maxBodyBytes: config.maxBodyBytes,
  });
  return problem === undefined ? { clientRequest } : { clientRequest, problem };
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

function lengthFrom(value: string | null): number | undefined {
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined;
}

function forwardedHeaders({ headers, method }: Request, tracestate: string | null): HeaderLine[] {
  const lines = withoutAdminCookies(stripHopByHop(headers, NOT_FORWARDED));
  if (tracestate) lines.push(["tracestate", tracestate]);
  return method === "OPTIONS" ? lines.map(countDown) : lines;
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

/** RFC 9110 §7.6.2: each hop takes one off Max-Forwards, for OPTIONS (and TRACE, which goes no further than here). */
function countDown([name, value]: HeaderLine): HeaderLine {
  const counts = name.toLowerCase() === "max-forwards" && /^\d+$/.test(value);
  return [name, counts ? String(Number(value) - 1) : value];
}
