/** Requests to transports, and their results in brief. */

import {
  fetchTransport,
  http1Transport,
  type Transport,
  type TransportRequest,
  type TransportResult,
} from "@zeek/conductor";

/** Both transports by name. */
export const TRANSPORTS: readonly (readonly [name: string, make: () => Transport])[] = [
  ["http1Transport()", http1Transport],
  ["fetchTransport()", fetchTransport],
];

/** Returns a GET request, changed as given. */
export function requestTo(url: string, more: Partial<TransportRequest> = {}): TransportRequest {
  const { signal } = new AbortController();
  const [origin = "", target = "/"] = url.split(/(?<=[\w\]])(?=\/)/);
  return { method: "GET", origin, target, host: undefined, headers: [], body: null, signal, ...more };
}

/** Returns the whole body of the response, or the kind of failure. */
export async function textOrKind(result: TransportResult): Promise<string> {
  return result.ok ? await new Response(result.response.body).text() : result.kind;
}
