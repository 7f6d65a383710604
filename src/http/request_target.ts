/** The request target, taken apart from what the client wrote into the Host field. */

/** Scheme, authority, path and query of a request, byte for byte. */
export interface RequestTarget {
  /** The URL's scheme. */
  readonly scheme: string;
  /** The authority that was asked for; from the wire, and not checked yet. */
  readonly authority: string;
  /** The path; `/` where there is none. */
  readonly path: string;
  /** The query with its question mark; empty where there is none. */
  readonly query: string;
}

/** RFC 3986 §3.2.2 and §3.2.3, without user information: a Host field has none. */
const AUTHORITY =
  /^(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[[0-9A-Fa-f:.]+\])(?::(?:\d{0,4}|[1-5]\d{4}|6\d{4}))?$/;

/**
 * Maximum length of an authority; a host name has at most 255 characters. Services get it in three further fields, so a
 * long one would inflate their heads.
 */
const MAX_AUTHORITY_LENGTH = 1_024;

/**
 * Takes a request's URL apart without `new URL`, which would rewrite the path. Servers build the URL as scheme + Host
 * field + raw target, so the path begins where the Host field ends, whatever bytes the client put there; the target
 * of an absolute-form request brings an authority of its own (RFC 9112 §3.2.2). A fragment is no part of a target.
 *
 * @param url The request's URL as the server built it.
 * @param host The Host field; `null` where there is none.
 * @returns The parts.
 */
export function splitTarget(url: string, host: string | null): RequestTarget {
  const schemeEnd = url.indexOf("://");
  const start = schemeEnd + 3;
  const afterHost = start + (host ?? "").length;
  const isOriginForm = host !== null && host !== "" && url.startsWith(host, start) &&
    (afterHost === url.length || url[afterHost] === "/" || url[afterHost] === "?");
  const pathStart = isOriginForm ? afterHost : indexOfAny(url, /[/?#]/g, start);
  const end = indexOfAny(url, /#/g, pathStart);
  const queryStart = Math.min(indexOfAny(url, /\?/g, pathStart), end);
  return {
    scheme: url.slice(0, schemeEnd),
    authority: url.slice(start, pathStart),
    path: url.slice(pathStart, queryStart) || "/",
    query: url.slice(queryStart, end),
  };
}

/**
 * Tells whether text is a host with or without a port.
 *
 * @param text From the Host field, or from an absolute-form target.
 * @returns `false` for anything that could be taken for more than an authority.
 */
export function isAuthority(text: string): boolean {
  return text.length <= MAX_AUTHORITY_LENGTH && AUTHORITY.test(text);
}

function indexOfAny(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}
