/** Responses of the admin listener, with security header fields; and the page with the login form. */

import { printableJson } from "../lib/printable.ts";
import type { Refusal } from "./access.ts";
import loginStyle from "./login.css" with { type: "text" };

/** Options of {@linkcode respond}. */
export interface RespondOptions {
  /** Status. Default: 200. */
  readonly status?: number;
  /** Further header fields. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Media type of refusals and probes. */
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

export function respondJson(value: unknown): Response {
  return respond(printableJson(JSON.stringify(value)) + "\n", JSON_TYPE);
}

export function refuse({ status, text, headers = {} }: Refusal): Response {
  return respond(text + "\n", TEXT_TYPE, { status, headers });
}

/** Redirects a browser with 303, so that it continues with GET. */
export function redirect(headers: Readonly<{ location: string }>): Response {
  return respond(null, TEXT_TYPE, { status: 303, headers });
}

/** Style sheet of the page. Served without a token, because a browser has none yet. */
export const LOGIN_STYLE = { path: "/assets/login.css", type: "text/css; charset=utf-8", text: loginStyle } as const;

/** Returns a form for the token. It sends the token in a body, because URLs end up in histories and logs. */
export function loginPage(isRefused: boolean): string {
  const notice = isRefused
    ? '<p role="alert">Invalid token. Try again.</p>'
    : "<p>Enter the token of the admin listener.</p>";
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <title>Log in · conductor</title>
    <link rel="stylesheet" href="${LOGIN_STYLE.path}">
    <link rel="icon" href="data:,">
  </head>
  <body>
    <main>
      <h1>conductor</h1>
      ${notice}
      <form method="post" action="/login">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
        <button>Log in</button>
      </form>
    </main>
  </body>
</html>
`;
}
