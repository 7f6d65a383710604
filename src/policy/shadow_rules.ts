/** What of a request alone decides that it is not copied. */

import type { ShadowPolicy } from "../config/config.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import type { ReceivedRequest } from "../http/received_request.ts";

/**
 * Tells whether a request is one that a shadow never gets, whatever else is going on.
 *
 * @param copy What the shadow gets.
 * @param clientRequest The request; a body of unknown length is looked at when it arrives.
 * @returns Why it does not get this one; `undefined` where it may.
 */
export function staticSkipReason(
  copy: ShadowPolicy,
  { method, contentLength }: Pick<ReceivedRequest, "method" | "contentLength">,
): SkipReason | undefined {
  if (copy.methods !== undefined && !copy.methods.includes(method)) return "method";
  return copy.body && contentLength !== undefined && contentLength > copy.maxBodyBytes ? "body-too-large" : undefined;
}
