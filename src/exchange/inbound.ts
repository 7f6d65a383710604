/** The client's request, checked and taken apart once for all services. */

import type { Config, HeaderLine } from "../config/config.ts";
import { normalizePath, removeDotSegments } from "../config/path.ts";
import { forwardingLines, isLoop, requestIdFrom } from "./forwarding.ts";
import { endToEndLines } from "./headers.ts";
import type { Problem } from "./problem.ts";
import { type AddressMatcher, unmapAddress } from "./trust_proxy.ts";

/** What the server knows of the connection; `Deno.serve` passes such an object as its second argument. */
export interface ConnectionInfo {
  /** The peer's address, for `X-Forwarded-For` and `trustProxy`. */
  readonly remoteAddr?: { readonly hostname?: string } | undefined;
  /** The scheme of the client's connection; absent: the scheme of the request's URL. */
  readonly scheme?: "http" | "https";
}

/** A request that may be matched and forwarded. */
export interface Inbound {
  /** The kept or made `X-Request-Id`. */
  readonly requestId: string;
  /** The method as it came. */
  readonly method: string;
  /** The path to forward: as it came, without dot segments. */
  readonly path: string;
  /** The path to match: normalised, still percent-encoded. */
  readonly matchPath: string;
  /** The query with its question mark, byte for byte; empty where there is none. */
  readonly query: string;
  /** The authority that the client asked for. */
  readonly authority: string;
  /** End-to-end header lines with forwarding fields, without Host and framing. */
  readonly lines: readonly HeaderLine[];
  /** The body's length in bytes where the client told it. */
  readonly contentLength: number | undefined;
}

/** What receiving needs to know beside the request. */
export interface ReceiveOptions {
  /** The configuration. */
  readonly config: Pick<Config, "forwarded" | "maxBodyBytes">;
  /** Whether a peer's forwarding fields are believed. */
  readonly isTrusted: AddressMatcher;
  /** This instance's name in Via. */
  readonly pseudonym: string;
}

/** RFC 3986 §3.2.2 and §3.2.3, without user information: a Host field has none. */
const AUTHORITY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?::\d{0,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{0,5})?$/;
const ALLOW: HeaderLine = ["allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"];
/** Framing is the transport's business on each side; an Expect is answered by our own server (RFC 9110 §10.1.1). */
const NOT_FORWARDED: ReadonlySet<string> = new Set(["host", "content-length", "expect"]);

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
): { readonly inbound: Inbound; readonly problem?: Problem } {
  const { config, isTrusted, pseudonym } = options;
  const { headers, method } = request;
  const target = splitTarget(request.url, headers.get("host"));
  const path = removeDotSegments(target.path);
  const requestId = requestIdFrom(headers.get("x-request-id") ?? undefined);
  const clientAddress = info.remoteAddr?.hostname === undefined ? undefined : unmapAddress(info.remoteAddr.hostname);
  const length = headers.get("content-length");
  const inbound: Inbound = {
    requestId,
    method,
    path: path ?? target.path,
    matchPath: path === undefined ? target.path : normalizePath(path),
    query: target.query,
    authority: target.authority,
    contentLength: length !== null && /^\d+$/.test(length) ? Number(length) : undefined,
    lines: forwardingLines(endToEndLines(headers).filter(([name]) => !NOT_FORWARDED.has(name.toLowerCase())), {
      clientAddress,
      authority: target.authority,
      scheme: info.scheme ?? target.scheme,
      trusted: clientAddress !== undefined && isTrusted(clientAddress),
      forwarded: config.forwarded,
      pseudonym,
      requestId,
    }),
  };
  const problem = findProblem(inbound, {
    validTarget: path !== undefined && AUTHORITY.test(target.authority),
    loop: isLoop(headers.get("via") ?? undefined, pseudonym),
    maxBodyBytes: config.maxBodyBytes,
  });
  return problem === undefined ? { inbound } : { inbound, problem };
}

function findProblem(
  { method, contentLength }: Inbound,
  checks: { validTarget: boolean; loop: boolean; maxBodyBytes: number },
): Problem | undefined {
  if (method === "CONNECT" || method === "TRACE") {
    return { status: 405, detail: `The method ${method} is not forwarded`, headers: [ALLOW] };
  }
  if (!checks.validTarget) return { status: 400, detail: "The request target or the Host field is malformed" };
  if (checks.loop) return { status: 508, detail: "The request has already passed through this conductor" };
  if (contentLength !== undefined && contentLength > checks.maxBodyBytes) return BODY_TOO_LARGE;
  return undefined;
}

/** The answer to a body over `maxBodySize`, before or while it is read. */
export const BODY_TOO_LARGE: Problem = { status: 413, detail: "The request body is larger than this server accepts" };

/**
 * Takes a request's URL apart without `new URL`, which would rewrite the path. Servers build the URL as scheme + Host
 * field + raw target, so the path begins where the Host field ends, whatever bytes the client put there; the target
 * of an absolute-form request brings an authority of its own (RFC 9112 §3.2.2).
 */
function splitTarget(
  url: string,
  host: string | null,
): { scheme: string; authority: string; path: string; query: string } {
  const schemeEnd = url.indexOf("://");
  const start = schemeEnd + 3;
  const afterHost = start + (host ?? "").length;
  const isOriginForm = host !== null && host !== "" && url.startsWith(host, start) &&
    /^[/?]|^$/.test(url.slice(afterHost, afterHost + 1));
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

function indexOfAny(text: string, pattern: RegExp, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}
