/** Requests of the node listener as the admin handler takes them. */

import type { AdminHandler } from "../admin/handler.ts";
import { type ClientRequest, isAuthority } from "../http/client_request.ts";
import { ClientResponse } from "../http/client_response.ts";
import type { ProxyHandler } from "../proxy/handler.ts";
import type { NodeSettings } from "./node_listener.ts";

/** Settings of a node listener for the admin handler. A client cannot keep its connections busy without a request. */
export const ADMIN_SETTINGS: NodeSettings = {
  clientTimeouts: { headerMs: 10_000, requestMs: 30_000, idleMs: 60_000, writeMs: 30_000 },
  limits: { maxConnections: 1_000, maxConnectionsPerClient: Infinity },
  services: [],
  trustProxy: [],
};

const MALFORMED = new ClientResponse(
  400,
  [["Content-Type", "text/plain; charset=utf-8"]],
  "The request target or the Host field is malformed.\n",
);

/** Converts an admin handler. `handle` is called for each request, because a reload may replace the handler. */
export function forNodeListener(handle: AdminHandler["handle"]): ProxyHandler {
  return async (request) => {
    const converted = toRequest(request);
    if (converted === undefined) return MALFORMED;
    const { status, headers, body } = await handle(converted, request.connection);
    return new ClientResponse(status, [...headers], body);
  };
}

/** Returns `undefined` for a target or a method that a `Request` cannot have. */
function toRequest({ method, target, headers, body }: ClientRequest): Request | undefined {
  // A request without a Host field: probes need none.
  const authority = target.authority === "" ? "localhost" : target.authority;
  if (!isAuthority(authority) || !target.path.startsWith("/")) return undefined;
  const hasBody = body !== null && method !== "GET" && method !== "HEAD";
  try {
    return new Request(`http://${authority}${target.path}${target.query}`, {
      method,
      headers: headers.map(([name, value]): [string, string] => [name, value]),
      ...(hasBody && { body, duplex: "half" }),
    });
  } catch {
    return undefined;
  }
}
