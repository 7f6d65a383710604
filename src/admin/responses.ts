/** Responses of the admin listener, with security header fields. */

import { printableJson } from "../lib/printable.ts";
import type { Refusal } from "./access.ts";

/** Options of {@linkcode respond}. */
export interface RespondOptions {
  /** The status. Default: 200. */
  readonly status?: number;
  /** Further header fields. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The media type of {@linkcode refuse}, and of probes. */
export const TEXT_TYPE = "text/plain; charset=utf-8";

const JSON_TYPE = "application/json; charset=utf-8";

/** Forbid caching, framing, content sniffing, and scripts from elsewhere. */
const SAFETY: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};
/** Pages with forms need a referrer policy: with `no-referrer`, browsers send `Origin: null` with forms. */
const FORM_SAFETY: Readonly<Record<string, string>> = { ...SAFETY, "referrer-policy": "same-origin" };

export function respond(
  body: BodyInit | null,
  type: string,
  { status = 200, headers = {} }: RespondOptions = {},
): Response {
  const safety = type.startsWith("text/html") ? FORM_SAFETY : SAFETY;
  return new Response(body, { status, headers: { ...safety, "content-type": type, ...headers } });
}

/** Adds the security header fields to a response. */
export function withSafety({ body, status, headers }: Response): Response {
  return new Response(body, { status, headers: { ...SAFETY, ...Object.fromEntries(headers) } });
}

/** Responds with JSON. */
export function respondJson(value: unknown): Response {
  return respond(printableJson(JSON.stringify(value)) + "\n", JSON_TYPE);
}

/** Refuses a request. */
export function refuse({ status, text, headers = {} }: Refusal): Response {
  return respond(text + "\n", TEXT_TYPE, { status, headers });
}

/** Redirects a browser to a path that it requests with GET. */
export function redirect(headers: Readonly<{ location: string }>): Response {
  return respond(null, TEXT_TYPE, { status: 303, headers });
}
