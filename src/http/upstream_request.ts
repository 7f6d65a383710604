/** One service's request: where it goes, with which header lines. */

import type { HeaderLine, Member, Role, Route, Service } from "../config/config.ts";
import { setHeaders } from "./headers.ts";
import type { ReceivedRequest } from "./client_request.ts";
import { formatTraceparent } from "./trace_context.ts";

/** The head of a request to one service; its body travels beside it. */
export interface UpstreamRequest {
  /** The request method. */
  readonly method: string;
  /** Scheme and authority of the backend. */
  readonly origin: string;
  /** Path and query in ASCII, ready for a URL. */
  readonly target: string;
  /**
   * `target` with one character for each byte that the client sent, for transports that write the request line
   * themselves. Absent: equal to `target`.
   */
  readonly rawTarget?: string | undefined;
  /** The Host field to send; `undefined` for the URL's own authority. */
  readonly host: string | undefined;
  /** The header lines, without Host and framing. */
  readonly headers: readonly HeaderLine[];
}

const ROLE_LINES: Readonly<Record<Role, HeaderLine>> = {
  primary: ["x-conductor-role", "primary"],
  secondary: ["x-conductor-role", "secondary"],
  shadow: ["x-conductor-role", "shadow"],
};

/**
 * Makes one service's request from the client's.
 *
 * @param clientRequest The client's request.
 * @param route The matched route.
 * @param member The service and its role.
 * @param traceparent What the service is told of the trace. Absent: the client's trace, with an id of its own for the
 * service, where the client's request is part of one.
 * @returns The head to send.
 */
export function upstreamRequestFor(
  clientRequest: ReceivedRequest,
  route: Route,
  { service, role }: Member,
  traceparent: string | undefined = clientRequest.trace && formatTraceparent(clientRequest.trace),
): UpstreamRequest {
  const lines = [...clientRequest.headers, ROLE_LINES[role]];
  if (traceparent !== undefined) lines.push(["traceparent", traceparent]);
  return {
    method: clientRequest.method,
    origin: service.origin,
    target: targetFor(service, route, clientRequest),
    rawTarget: clientRequest.raw && targetFor(service, route, clientRequest.raw),
    host: hostFor(service, clientRequest),
    headers: setHeaders(lines, service.headers, service.removeHeaders),
  };
}

/**
 * Puts a service's target together: its base path, then the client's path and query as they came. It is never resolved
 * as a relative reference: `//evil` is a legal path and must not become an authority.
 *
 * @param service The backend.
 * @param route The matched route; its prefix is taken off with `stripPrefix`.
 * @param target The client's path and query.
 * @returns The path and query to send.
 */
export function targetFor(
  service: Service,
  route: Pick<Route, "kind" | "path">,
  target: Pick<ReceivedRequest, "path" | "query">,
): string {
  const path = service.stripPrefix ? stripPrefix(target.path, route) : target.path;
  return (service.basePath + path || "/") + target.query;
}

/** The pattern and the path may spell their segments differently (`%61pi`), so segments are counted, not characters. */
function stripPrefix(path: string, route: Pick<Route, "kind" | "path">): string {
  if (route.kind === "pathExact" || route.path === "/") return path;
  let end = 0;
  for (let segments = route.path.split("/").length - 1; segments > 0; segments--) {
    const slash = path.indexOf("/", end + 1);
    end = slash === -1 ? path.length : slash;
  }
  return path.slice(end);
}

function hostFor(service: Service, clientRequest: ReceivedRequest): string | undefined {
  if (service.host === "target") return undefined;
  return service.host === "preserve" ? clientRequest.authority : service.host.literal;
}
