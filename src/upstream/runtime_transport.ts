/** The transport for the runtime, and an adapter for transports of embedding programs. */

import { fetchTransport } from "./fetch.ts";
import { http1Transport, type Http1TransportOptions } from "./http1/http1.ts";
import type { Transport } from "./transport.ts";

/**
 * Creates the best transport for the runtime: sockets if `Deno.connect` exists, otherwise `fetch` (Bun, Node, workers).
 * Services with `http2` are always reached with `fetch`.
 */
export function runtimeTransport(options: Http1TransportOptions = {}): Transport {
  const overFetch = fetchTransport();
  if (!("Deno" in globalThis) || typeof Deno.connect !== "function") return overFetch;
  const overSockets = http1Transport(options);
  return (request) => request.http2 ? overFetch(request) : overSockets(request);
}

/**
 * Wraps a transport of the embedding program, so that it gets plain objects. The built-in requests have getters, which
 * are lost if a transport spreads a request. Async, because a transport in JavaScript may throw or return no promise.
 */
export function plainRequests(transport: Transport): Transport {
  return async (request) => {
    const { method, origin, target, rawTarget, host, headers, body, contentLength } = request;
    const { tls, http2, maxConnectionAgeMs, signal } = request;
    const onHead = () => request.onHead?.();
    const head = { method, origin, target, rawTarget, host, headers };
    return await transport({ ...head, body, contentLength, tls, http2, maxConnectionAgeMs, signal, onHead });
  };
}
