/**
 * Responses to clients: status, header lines and body. Local replies are problem details (RFC 9457) or a line of text.
 */

import { accepts } from "@std/http/negotiation";
import { STATUS_TEXT, type StatusCode } from "@std/http/status";
import type { HeaderLine, Role } from "../config/config.ts";
import type { ClientRequest } from "./client_request.ts";
import { getHeader } from "./headers.ts";
import type { FailureKind, RefusalReason } from "./outcome_kinds.ts";
import type { Trailers } from "./trailers.ts";
import type { TunnelEnd } from "./upgrade.ts";

/** Body of a response to a client. */
export type ClientResponseBody = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | string | null;

/** A response to a client. Class, not object literal: V8 pretenures literals that survive (decision 022). */
export class ClientResponse {
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  readonly body: ClientResponseBody;
  /** Takes over the client's connection after the head. Set only with status 101. */
  readonly tunnel: ((client: TunnelEnd) => void) | undefined;
  /** Trailers of the body. Listeners that cannot send them ignore them. */
  readonly trailers: Trailers | undefined;

  constructor(
    status: number,
    headers: readonly HeaderLine[],
    body: ClientResponseBody,
    tunnel?: (client: TunnelEnd) => void,
    trailers?: Trailers,
  ) {
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.tunnel = tunnel;
    this.trailers = trailers;
  }
}

/**
 * Returns the body of a response to HEAD whose length is unknown: an empty stream. For `null`, servers send
 * `Content-Length: 0`, which would be wrong (RFC 9110 §8.6).
 */
export function unknownLength(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

/** Failure of one service, as far as clients may know it. */
export interface ServiceFailure {
  /** Name of the service; absent with `identify: false`. */
  readonly service?: string;
  /** Role of the service on the route. */
  readonly role: Role;
  /** Status that counted as a failure; absent if there was no response. */
  readonly status?: number;
  /** Kind of the failure if there was no response. */
  readonly failure?: FailureKind;
}

/** A response of conductor's own. It never contains the address of a service. */
export interface LocalReply {
  readonly status: number;
  /** One sentence for the client. */
  readonly detail: string;
  /** Further header lines, `Retry-After` or `Allow`. */
  readonly headers?: readonly HeaderLine[];
  /** Failure of each service, if that is the reason. */
  readonly services?: readonly ServiceFailure[];
  /** Limit that refused the request, for log and metrics; absent for every other reply. */
  readonly reason?: RefusalReason;
  /** True if the connection must be closed without reading the rest of the request. */
  readonly breaksOff?: true;
}

/** Reply to a body larger than `maxBodySize`, before or while it is read. */
export const BODY_TOO_LARGE: LocalReply = {
  status: 413,
  detail: "The request body is larger than this server accepts",
};

const PROBLEM_JSON = "application/problem+json";
/** Maximum characters of `Accept` that are read. Browsers and libraries send at most 200. */
const MAX_ACCEPT_LENGTH = 1_024;
const ANY_TYPE = "*/*";
const HTML = "text/html";
/** The page loads nothing and runs nothing: a client chooses the request id. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
const PAGE_STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem;" +
  "color-scheme:light dark;color:CanvasText;background:Canvas}h1{font-size:1.5rem}code{overflow-wrap:anywhere}";

/**
 * Returns the beginning of `Accept`, because the negotiation of @std/http takes 20 ms for a field of 60 KB. Further
 * preferences are ignored.
 */
export function acceptedTypes(accept: string | undefined = ANY_TYPE): string {
  if (accept.length <= MAX_ACCEPT_LENGTH) return accept;
  return accept.slice(0, Math.max(0, accept.lastIndexOf(",", MAX_ACCEPT_LENGTH))) || ANY_TYPE;
}

/** Field of the request id in responses. */
export const REQUEST_ID_FIELD = "x-request-id";

/** Identity of the request that a local reply responds to. */
export interface ReplyIdentity {
  /** Id of the request. Every error body has it. */
  readonly requestId: string;
  /** Also send it as `X-Request-Id`. */
  readonly identify: boolean;
}

/**
 * Writes a local reply as problem details for clients that accept JSON, as a page for browsers, otherwise as plain text.
 */
export function formatLocalReply(
  { status, detail, services, headers = [], breaksOff }: LocalReply,
  { method, headers: received }: Pick<ClientRequest, "method" | "headers">,
  { requestId, identify }: ReplyIdentity,
): ClientResponse {
  const lines: HeaderLine[] = [["cache-control", "no-store"], ...headers];
  if (identify) lines.push([REQUEST_ID_FIELD, requestId]);
  if (status === 204) return new ClientResponse(status, lines, null);
  const title = STATUS_TEXT[status as StatusCode] ?? "Client Closed Request";
  const accept = new Headers({ accept: acceptedTypes(getHeader(received, "accept")) });
  const type = accepts({ headers: accept }, PROBLEM_JSON, "application/json", HTML, "text/plain");
  const isJson = type === PROBLEM_JSON || type === "application/json";
  const isPage = type === HTML;
  lines.push(["content-type", isJson ? PROBLEM_JSON : `${isPage ? HTML : "text/plain"}; charset=utf-8`]);
  if (!isJson) lines.push(["x-content-type-options", "nosniff"]);
  if (isPage) lines.push(["content-security-policy", PAGE_POLICY]);
  const text = isJson
    ? JSON.stringify({ type: "about:blank", title, status, detail, requestId, services }) + "\n"
    : isPage
    ? errorPage(`${status} ${title}`, detail, requestId)
    : `${status} ${title}: ${detail}\nRequest id: ${requestId}\n`;
  if (breaksOff) return breakOff(status, lines, text);
  if (method !== "HEAD") return new ClientResponse(status, lines, text);
  lines.push(["content-length", String(new TextEncoder().encode(text).length)]);
  return new ClientResponse(status, lines, null);
}

/** Writes the page for browsers. */
function errorPage(heading: string, detail: string, requestId: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${heading}</title><style>${PAGE_STYLE}</style></head>
<body><h1>${heading}</h1><p>${escapeHtml(detail)}.</p><p>Request id: <code>${escapeHtml(requestId)}</code></p></body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * Returns a response that fails after its text. Deno reads the rest of a request after a complete response, but closes
 * the connection after one that fails (decision 023). The declared length keeps Deno from buffering the head.
 */
function breakOff(status: number, headers: readonly HeaderLine[], text: string): ClientResponse {
  const bytes = new TextEncoder().encode(text);
  let isSent = false;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (isSent) return controller.error(new Error("The connection is closed"));
      isSent = true;
      controller.enqueue(bytes);
    },
  });
  return new ClientResponse(status, [...headers, ["content-length", String(bytes.length + 1)]], body);
}
