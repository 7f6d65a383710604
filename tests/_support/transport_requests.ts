/** Requests to a single transport, and their results in brief. */

import type { TransportRequest, TransportResult } from "@zeek/conductor";

/** Returns a GET request without headers and body, changed as given. */
export function transportRequest(url: string, more: Partial<TransportRequest> = {}): TransportRequest {
  const { signal } = new AbortController();
  const [origin = "", target = "/"] = url.split(/(?<=\w)(?=\/)/);
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
