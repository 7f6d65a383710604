/** The head of a request to one service: origin, target, Host and header lines. */

import type { HeaderLine, Member, Role, Route, Service } from "../config/config.ts";
import { setHeaders } from "./headers.ts";
import type { ReceivedRequest } from "./received_request.ts";
import { formatTraceparent } from "./trace_context.ts";
import { permittedProtocols } from "./upgrade.ts";

/** Head of a request to one service, without the body. */
export interface UpstreamRequest {
  /** Request method. */
  readonly method: string;
  /** Scheme and authority of the backend. */
  readonly origin: string;
  /** Path and query in ASCII, as in a URL. */
  readonly target: string;
  /**
   * `target` with one character for each byte that the client sent, for transports that write the request line
   * themselves. Default: `target`.
   */
  readonly rawTarget?: string | undefined;
  /** Host field; `undefined` for the authority of `origin`. */
  readonly host: string | undefined;
  /** Header lines, without Host and framing. */
  readonly headers: readonly HeaderLine[];
  /**
   * Protocols to offer in Upgrade, for transports that can return a tunnel.
   *
   * @default No upgrade.
   */
  readonly upgrade?: readonly string[] | undefined;
  /**
   * Announce in TE that trailers are relayed, for transports that return them.
   *
   * @default false
   */
  readonly takesTrailers?: boolean | undefined;
}

const ROLE_HEADERS: Readonly<Record<Role, HeaderLine>> = {
  primary: ["x-conductor-role", "primary"],
  secondary: ["x-conductor-role", "secondary"],
  shadow: ["x-conductor-role", "shadow"],
};

/** Creates the head of the request to one service. By default, a request with a trace gets a random span id. */
export function upstreamRequestFor(
  request: ReceivedRequest,
  route: Route,
  { service, role }: Member,
  traceparent: string | undefined = request.trace && formatTraceparent(request.trace),
): UpstreamRequest {
  const headers = [...request.headers, ROLE_HEADERS[role]];
  if (traceparent !== undefined) headers.push(["traceparent", traceparent]);
  return {
    method: request.method,
    origin: service.origin,
    target: targetFor(service, route, request),
    rawTarget: request.raw && targetFor(service, route, request.raw),
    host: hostFor(service, request),
    headers: setHeaders(headers, service.headers, service.removeHeaders),
    upgrade: permittedProtocols(request.upgrade, service.upgrade),
    takesTrailers: request.takesTrailers,
  };
}

/**
 * Returns the path and query to send: the service's base path, then the client's path and query as sent. The path is
 * never resolved as a relative reference, because `//evil` is a valid path and must not become an authority.
 */
export function targetFor(
  service: Service,
  route: Pick<Route, "kind" | "path">,
  target: Pick<ReceivedRequest, "path" | "query">,
): string {
  const path = service.stripPrefix ? stripPrefix(target.path, route) : target.path;
  return (service.basePath + path || "/") + target.query;
}

/** Counts segments instead of characters, because pattern and path may spell a segment differently (`%61pi`). */
function stripPrefix(path: string, route: Pick<Route, "kind" | "path">): string {
  if (route.kind === "pathExact" || route.path === "/") return path;
  let end = 0;
  for (let segments = route.path.split("/").length - 1; segments > 0; segments--) {
    const slash = path.indexOf("/", end + 1);
    end = slash === -1 ? path.length : slash;
  }
  return path.slice(end);
}

function hostFor({ host }: Service, { authority }: ReceivedRequest): string | undefined {
  if (host === "target") return undefined;
  return host === "preserve" ? authority : host.literal;
}
