/** A client's request as a listener hands it over, and the target of a request line. */

import type { HeaderLine } from "../config/config.ts";
import { parseIpAddress } from "../lib/ip_address.ts";

/** Details of the client's connection. `Deno.serve` passes such an object as its second argument. */
export interface ConnectionInfo {
  /** Address of the peer, for `X-Forwarded-For`, `trustProxy` and the limits per client. */
  readonly remoteAddr?: { readonly hostname?: string } | undefined;
  /**
   * Settles when the response has been sent or can no longer be sent. The request counts as in flight until then, and
   * its signal is read only if it takes longer than 50 ms. Default: the request counts until the response has been
   * passed on, and its signal is read at once.
   */
  readonly completed?: Promise<unknown>;
  /** Scheme of the client's connection. Default: the scheme of the request's URL. */
  readonly scheme?: "http" | "https";
  /**
   * Protocol of the request, such as `HTTP/1.0`, for the access log. Default: `HTTP/1.1` for a request with a Host
   * field, otherwise `HTTP/2.0`.
   */
  readonly protocol?: string;
  /**
   * Authority that the server puts into the URL of a request without a Host field. Such a request gets a 400 response
   * (RFC 9112 §3.2), over HTTPS only if other fields show that it is not HTTP/2. Default: not checked, because a
   * `Request` created by a program has no Host field.
   */
  readonly defaultAuthority?: string | undefined;
  /**
   * True after the server closed its listener, if that ends request bodies that are still arriving. Such a request gets
   * a 503 response. Default: false, and the client ended the body.
   */
  readonly isListenerClosed?: boolean;
}

/** Error of a request body that did not arrive within the listener's timeout for requests. */
export class RequestTimeoutError extends Error {
  override readonly name = "RequestTimeoutError";

  constructor() {
    super("Cannot read the request body: the request took too long");
  }
}

/** Error of a request body that arrives in more tiny chunks than a listener reads. */
export class ChunkFloodError extends Error {
  override readonly name = "ChunkFloodError";

  constructor() {
    super("Cannot read the request body: it arrives in too many small chunks");
  }
}

/** Parts of a request target, byte for byte. Nothing has been checked. */
export interface RequestTarget {
  /** Scheme in lower case. */
  readonly scheme: string;
  /** Authority of an absolute-form target, otherwise the Host field. */
  readonly authority: string;
  /** Path; `/` if the target has none. */
  readonly path: string;
  /** Query with its question mark; empty if there is none. */
  readonly query: string;
}

/** A client's request with everything that was received. Nothing has been checked or removed. */
export interface ClientRequest {
  readonly method: string;
  readonly target: RequestTarget;
  /** Version of HTTP, for example `1.1`. Absent if the listener does not report it. */
  readonly httpVersion?: string;
  readonly headers: readonly HeaderLine[];
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly connection: ConnectionInfo;
  /**
   * Protocols of the Upgrade field, in order. Set only by a listener that can switch protocols, for a request that
   * asks for it.
   */
  readonly upgrade?: readonly string[];
  /** True if trailers of the response reach the client: it asked for them, and the listener sends them. */
  readonly takesTrailers?: boolean;
  /** Returns the trailers, once the body has been read to its end. Absent: the listener drops them. */
  readonly trailers?: (() => readonly HeaderLine[]) | undefined;
  /**
   * Aborted when the client disconnects. Creating the signal of a server's request is expensive, so with
   * `connection.completed` it is only read for long exchanges.
   */
  readonly signal: AbortSignal;
}

/**
 * Host and port (RFC 3986 §3.2.2 and §3.2.3), without user information, which a Host field cannot have. The address in
 * brackets is checked by {@linkcode isIpLiteral}.
 */
const AUTHORITY =
  /^(?:(?:[\w\-.~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[[\w\-.~!$&'()*+,;=:]+\])(?::0*(?:\d{0,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$/;
/** Address of a future version of IP (RFC 3986 §3.2.2). */
const FUTURE_ADDRESS = /^v[0-9a-f]+\../i;

/**
 * Maximum length of an authority; a host name has at most 255 characters. Services receive the authority in three more
 * fields, so a long one would inflate their heads.
 */
const MAX_AUTHORITY_LENGTH = 1_024;

/**
 * Splits the URL of a request. `new URL` would rewrite the path. Servers build the URL from scheme, Host field and raw
 * target, so the path begins after the Host field, whatever bytes that contains. An absolute-form target has its own
 * authority (RFC 9112 §3.2.2). A fragment is not part of a target.
 */
export function splitTarget(url: string, host: string | null): RequestTarget {
  const schemeEnd = url.indexOf("://");
  const start = schemeEnd + 3;
  const afterHost = start + (host ?? "").length;
  const isOriginForm = host !== null && host !== "" && url.startsWith(host, start) &&
    (afterHost === url.length || url[afterHost] === "/" || url[afterHost] === "?");
  const pathStart = isOriginForm ? afterHost : indexOfAny(url, /[/?#]/g, start);
  const end = indexOfAny(url, /#/g, pathStart);
  const scheme = url.slice(0, schemeEnd);
  const queryStart = Math.min(indexOfAny(url, /\?/g, pathStart), end);
  // Over HTTP/2, Deno appends the path `*` to the authority, which may contain this character.
  if (host === null && pathStart === url.length && url.endsWith("*")) {
    return { scheme, authority: url.slice(start, -1), path: "*", query: "" };
  }
  return {
    scheme: scheme === "http" || scheme === "https" ? scheme : scheme.toLowerCase(),
    authority: url.slice(start, pathStart),
    path: url.slice(pathStart, queryStart) || "/",
    query: url.slice(queryStart, end),
  };
}

/** Reports whether a text is a host with or without a port. */
export function isAuthority(text: string): boolean {
  return text.length <= MAX_AUTHORITY_LENGTH && AUTHORITY.test(text) && (text[0] !== "[" || isIpLiteral(text));
}

function isIpLiteral(authority: string): boolean {
  const address = authority.slice(1, authority.indexOf("]"));
  return FUTURE_ADDRESS.test(address) || (address.includes(":") && parseIpAddress(address) !== undefined);
}

function indexOfAny(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}
