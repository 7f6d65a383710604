/**
 * The transports, requests to them, and short forms of their results. Where transports differ, the tables of the
 * conformance tests say so, and why.
 */

import { fetchTransport, type Transport, type TransportRequest, type TransportResult } from "@zeek/conductor";
import type { ListenerKind } from "../../src/config/listener_kind.ts";
import { http1Transport } from "../../src/upstream/http1/http1.ts";

/** Name of a transport in test names: "… over fetch". */
export type TransportName = "sockets" | "fetch";

/** Creates each transport. A new transport shares no connections with other tests. */
export const TRANSPORTS: readonly (readonly [over: TransportName, create: () => Transport])[] = [
  ["sockets", () => http1Transport()],
  ["fetch", () => fetchTransport()],
];

/** Listener and transport in front of and behind conductor, with the words for test names. */
type Combination = readonly [
  over: string,
  create: () => Transport,
  listener: ListenerKind,
  transport: TransportName,
];

/** Both transports with Deno's own listener, and the node listener with the transport that it is used with. */
export const COMBINATIONS: readonly Combination[] = [
  ...TRANSPORTS.map(([over, create]) => [over, create, "deno", over] as const),
  ["sockets and the node listener", () => http1Transport(), "node", "sockets"],
];

/** Returns a GET request without headers and body, with overrides. */
export function transportRequest(url: string, more: Partial<TransportRequest> = {}): TransportRequest {
  const { signal } = new AbortController();
  const [origin = "", target = "/"] = url.split(/(?<=[\w\]])(?=\/)/);
  return { method: "GET", origin, target, host: undefined, headers: [], body: null, signal, ...more };
}

/** Returns the status, or the kind of failure. */
export function outcomeOf(result: TransportResult): string {
  return result.ok ? `status ${result.response.status}` : result.kind;
}

/** Returns the whole body as Latin-1, or the kind of failure. */
export async function bodyOf(result: TransportResult): Promise<string> {
  if (!result.ok) return result.kind;
  const { body } = result.response;
  const bytes = body instanceof ReadableStream ? await new Response(body).bytes() : body ?? new Uint8Array();
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** Creates a transport that responds to every request with an empty 200 at once, and adds the requests to `sent`. */
export function recordingTransport(sent: TransportRequest[] = []): Transport {
  return (request) => {
    sent.push(request);
    return Promise.resolve({ ok: true, response: { status: 200, headers: [], body: null } });
  };
}
