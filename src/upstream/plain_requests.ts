/** Requests for transports that are not conductor's own. */

import type { Transport } from "./transport.ts";

/**
 * Gives a transport of somebody else's plain objects, which may be spread into others: what goes to conductor's own has
 * parts that are made when they are first asked for. A transport in JavaScript may throw, or answer without a promise.
 *
 * @param transport The transport.
 * @returns The transport to use in its place.
 */
export function plainRequests(transport: Transport): Transport {
  return async (request) => {
    const { method, origin, target, rawTarget, host, headers, body, contentLength, tls, http2, signal } = request;
    const onHead = () => request.onHead?.();
    const head = { method, origin, target, rawTarget, host, headers };
    return await transport({ ...head, body, contentLength, tls, http2, signal, onHead });
  };
}
