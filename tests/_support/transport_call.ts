/** Requests to transports, and what came of them, in few words. */

import {
  fetchTransport,
  http1Transport,
  type Transport,
  type TransportRequest,
  type TransportResult,
} from "@zeek/conductor";

/** Both ways to a backend, by name. */
export const TRANSPORTS: readonly (readonly [name: string, make: () => Transport])[] = [
  ["http1Transport()", http1Transport],
  ["fetchTransport()", fetchTransport],
];

/** A GET of a URL, or what is asked for instead. */
export function requestTo(url: string, more: Partial<TransportRequest> = {}): TransportRequest {
  const { signal } = new AbortController();
  const [origin = "", target = "/"] = url.split(/(?<=[\w\]])(?=\/)/);
  return { method: "GET", origin, target, host: undefined, headers: [], body: null, signal, ...more };
}

/** The body of the response, read to its end, or the kind of the failure. */
export async function textOrKind(result: TransportResult): Promise<string> {
  return result.ok ? await new Response(result.response.body).text() : result.kind;
}
