/** The transport for the runtime, and an adapter for transports of embedding programs. */

import { FAILURE_KINDS } from "../http/outcome_kinds.ts";
import { fetchTransport } from "./fetch.ts";
import { http1Transport, type Http1TransportOptions } from "./http1/http1.ts";
import { upgradeTransport } from "./upgrade_transport.ts";
import type { Transport, TransportResult } from "./transport.ts";

/**
 * Creates the best transport for the runtime: sockets if `Deno.connect` exists, otherwise `fetch` (Bun, Node, workers),
 * with sockets of `node:net` for upgrades.
 * Services with `http2` are always reached with `fetch`.
 */
export function runtimeTransport(options: Http1TransportOptions = {}): Transport {
  const overFetch = fetchTransport();
  if (!("Deno" in globalThis) || typeof Deno.connect !== "function") {
    const upgrade = upgradeTransport();
    return (request) => request.upgrade === undefined ? overFetch(request) : upgrade(request);
  }
  const overSockets = http1Transport(options);
  return (request) => request.http2 ? overFetch(request) : overSockets(request);
}

/**
 * Wraps a transport of the embedding program, so that it gets plain objects. The built-in requests have getters, which
 * are lost if a transport spreads a request. A transport in JavaScript may throw, return no promise, or return
 * anything.
 */
export function plainRequests(transport: Transport): Transport {
  return async (request) => {
    const { method, origin, target, rawTarget, host, headers, body, contentLength } = request;
    const { tls, http2, maxConnectionAgeMs, upgrade, signal } = request;
    const onHead = () => request.onHead?.();
    const head = { method, origin, target, rawTarget, host, headers, upgrade };
    const result = await transport({ ...head, body, contentLength, tls, http2, maxConnectionAgeMs, signal, onHead });
    return isResult(result) ? result : { ok: false, kind: "protocol" };
  };
}

/** Reports whether a result can be used. Status and header lines are checked when the response is relayed. */
function isResult(result: TransportResult | null | undefined): boolean {
  if (result === null || result === undefined) return false;
  if (!result.ok) return Object.hasOwn(FAILURE_KINDS, result.kind);
  const { response } = result as { readonly response?: TransportResponse | undefined };
  if (typeof response?.headers?.[Symbol.iterator] !== "function") return false;
  // A stream that is created on first access is not accessed.
  return response.isStreamed === true || (response.body !== undefined && !isLocked(response.body));
}

type TransportResponse = Partial<Extract<TransportResult, { ok: true }>["response"]>;

function isLocked(body: TransportResponse["body"]): boolean {
  return body instanceof ReadableStream && body.locked;
}
