/** Requests for a transport by itself, and what came of them. */

import type { TransportRequest, TransportResult } from "@zeek/conductor";

/** A GET for a URL, with no header lines and no body, unless told otherwise. */
export function transportRequest(url: string, more: Partial<TransportRequest> = {}): TransportRequest {
  const { signal } = new AbortController();
  const [origin = "", target = "/"] = url.split(/(?<=\w)(?=\/)/);
  return { method: "GET", origin, target, host: undefined, headers: [], body: null, signal, ...more };
}

/** The status, or how it failed. */
export function outcomeOf(result: TransportResult): string {
  return result.ok ? `status ${result.response.status}` : result.kind;
}

/** The whole body as Latin-1; for a failure its kind. */
export async function bodyOf(result: TransportResult): Promise<string> {
  if (!result.ok) return result.kind;
  const { body } = result.response;
  const bytes = body instanceof ReadableStream ? await new Response(body).bytes() : body ?? new Uint8Array();
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
