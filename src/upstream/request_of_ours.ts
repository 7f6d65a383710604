/** Requests that conductor makes itself: health checks, and requests of version pages. */

import type { HeaderLine, Service } from "../config/config.ts";
import { setHeaders } from "../http/headers.ts";
import type { TransportRequest } from "./transport.ts";

/** The parts that differ between such requests. */
export interface RequestOfOurs {
  /** Path below the service's base path, with or without a query. */
  readonly path: string;
  /** Header fields, before the rules of the service apply. */
  readonly headers: readonly HeaderLine[];
  /** Aborts the request. */
  readonly signal: AbortSignal;
}

/** Returns a GET like those of clients, without the fields that only a client can supply. */
export function requestOfOurs(service: Service, { path, headers: own, signal }: RequestOfOurs): TransportRequest {
  const { origin, basePath, host, headers, removeHeaders, tls, http2, maxConnectionAgeMs } = service;
  return {
    method: "GET",
    origin,
    target: basePath + path,
    host: typeof host === "string" ? undefined : host.literal,
    headers: setHeaders(own, headers, removeHeaders),
    body: null,
    tls,
    http2,
    maxConnectionAgeMs,
    signal,
  };
}
