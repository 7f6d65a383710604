/** Which transport a request gets, by the runtime and the service. */

import { fetchTransport } from "./fetch.ts";
import { http1Transport, type Http1TransportOptions } from "./http1/http1.ts";
import type { Transport } from "./transport.ts";

/**
 * Makes the transport that is best where this runs: connections of our own where there is `Deno.connect`, `fetch` for
 * everything in Bun, Node and workers, and for services that are reached with HTTP/2.
 *
 * @param options The clock, and what becomes of bodies.
 * @returns The transport.
 */
export function runtimeTransport(options: Http1TransportOptions = {}): Transport {
  const overFetch = fetchTransport();
  if (!("Deno" in globalThis) || typeof Deno.connect !== "function") return overFetch;
  const overSockets = http1Transport(options);
  return (request) => request.http2 ? overFetch(request) : overSockets(request);
}
