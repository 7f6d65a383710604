/** The beginning of `Accept`. Preferences after it are ignored. */

/** Maximum characters of `Accept` that are read. Browsers and libraries send at most 200. */
const MAX_LENGTH = 1_024;

const ANYTHING = "*/*";

/**
 * Returns the beginning of `Accept`, because the negotiation of @std/http takes 20 ms for a field of 60 KB.
 *
 * @param headers The request's header fields.
 * @returns The media ranges in the first 1,024 characters of `Accept`; any type if there are none.
 */
export function acceptedTypes(headers: Headers): string {
  const accept = headers.get("accept") ?? ANYTHING;
  if (accept.length <= MAX_LENGTH) return accept;
  return accept.slice(0, Math.max(0, accept.lastIndexOf(",", MAX_LENGTH))) || ANYTHING;
}
