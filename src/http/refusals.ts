/** Requests that are answered without asking a service: one row for each reason. */

import type { HeaderLine } from "../config/config.ts";
import type { LocalReply } from "./problem.ts";

/** What decides on a refusal. */
export interface RefusalInfo {
  /** The request's method. */
  readonly method: string;
  /** The request's header fields. */
  readonly headers: Headers;
  /** Whether the server filled in an authority that the client did not send. */
  readonly hostMissing: boolean;
  /** Whether path and authority are well-formed. */
  readonly targetValid: boolean;
  /** Whether the target is `*`: the server itself. */
  readonly targetIsServer: boolean;
  /** Whether the request goes round in circles. */
  readonly loop: boolean;
  /** The body's length in bytes where the client told it. */
  readonly contentLength: number | undefined;
  /** The largest body that is accepted, in bytes. */
  readonly maxBodyBytes: number;
}

/** The answer to a body over `maxBodySize`, before or while it is read. */
export const BODY_TOO_LARGE: LocalReply = { status: 413, detail: "The request body is larger than this server accepts" };

const ALLOW: HeaderLine = ["allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"];

/** The first row that applies decides. */
const REFUSALS: readonly (readonly [applies: (facts: RefusalInfo) => boolean, problem: LocalReply])[] = [
  // CONNECT asks for a tunnel, and TRACE would show a client what the proxy adds (RFC 9110 §9.3.6, §9.3.8).
  [({ method }) => method === "CONNECT" || method === "TRACE", {
    status: 405,
    detail: "This method is not forwarded",
    headers: [ALLOW],
  }],
  // RFC 9112 §3.2: a request without a Host field, or with an empty one.
  [({ hostMissing }) => hostMissing, { status: 400, detail: "The Host field is missing" }],
  [({ targetValid }) => !targetValid, { status: 400, detail: "The request target or the Host field is malformed" }],
  // RFC 9112 §6.1: a coding that we do not understand could hide where the request ends.
  [({ headers }) => (headers.get("transfer-encoding") ?? "chunked").toLowerCase() !== "chunked", {
    status: 501,
    detail: "The only transfer coding that is understood is chunked",
  }],
  // Servers built on fetch's Request drop such a body, and a request without it could mean another thing.
  [hasUnreadableBody, { status: 501, detail: "A body is not forwarded with this method" }],
  [({ loop }) => loop, { status: 508, detail: "The request has already passed through this conductor" }],
  [({ contentLength = 0, maxBodyBytes }) => contentLength > maxBodyBytes, BODY_TOO_LARGE],
  // RFC 9110 §9.3.7 and §7.6.2: what is asked of the server itself, or may go no further.
  [
    ({ method, headers, targetIsServer }) =>
      method === "OPTIONS" && (targetIsServer || /^0+$/.test(headers.get("max-forwards") ?? "")),
    {
      status: 204,
      detail: "This server forwards requests with these methods",
      headers: [ALLOW],
    },
  ],
];

/**
 * Decides whether a request is answered without asking a service.
 *
 * @param facts What is known of the request.
 * @returns The answer, or `undefined` where the request may be forwarded.
 */
export function refuse(facts: RefusalInfo): LocalReply | undefined {
  return REFUSALS.find(([applies]) => applies(facts))?.[1];
}

function hasUnreadableBody({ method, headers, contentLength = 0 }: RefusalInfo): boolean {
  return (method === "GET" || method === "HEAD") && (contentLength > 0 || headers.has("transfer-encoding"));
}
