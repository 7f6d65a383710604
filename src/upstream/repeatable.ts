/** Which requests may be sent again when a connection that was used before turns out to be dead. */

import { SAFE_METHODS } from "../config/schema/http.ts";
import type { TransportRequest } from "./transport.ts";

/**
 * Tells whether a request may be sent again: it is safe (RFC 9110 §9.2.2), and has no body that has been read.
 *
 * @param request The request.
 * @returns Whether it may.
 */
export function isRepeatable({ method, body }: Pick<TransportRequest, "method" | "body">): boolean {
  return body === null && SAFE_METHODS.includes(method);
}
