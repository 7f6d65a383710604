/** Responses that depend on a precondition (RFC 9110 §13) or a range (§14) of the request. */

import type { HeaderLine } from "../config/config.ts";
import { getHeader } from "../http/headers.ts";
import type { NotComparableReason } from "../observe/not_comparable.ts";
import type { CapturedOutcome, CapturedResponse } from "./captured_response.ts";

const [OK, PARTIAL_CONTENT, NOT_MODIFIED, PRECONDITION_FAILED] = [200, 206, 304, 412];
/** Preconditions that may result in 412. */
const GUARDS = ["if-match", "if-unmodified-since", "if-none-match"];

/**
 * Returns the reason why a precondition or a range of the request makes two responses not comparable; `undefined` if
 * neither does.
 *
 * Validators such as entity tags come from the primary, and each service may have its own. A service that contradicts
 * its own validators is a mismatch. Preconditions only matter if the response without them is successful (§13.2.1).
 */
export function conditionalReason(
  request: readonly HeaderLine[],
  expected: CapturedOutcome,
  actual: CapturedOutcome,
): NotComparableReason | undefined {
  if (!expected.ok || !actual.ok) return undefined;
  const [a, b] = [expected.response, actual.response];
  if (a.status === b.status) {
    return a.status === PARTIAL_CONTENT && hasManyRanges(a) && hasManyRanges(b) ? "range" : undefined;
  }
  const [low, high] = a.status < b.status ? [a, b] : [b, a];
  if (!isSuccessful(low)) return undefined;
  if (low.status === OK && high.status === PARTIAL_CONTENT) {
    return getHeader(request, "range") === undefined ? undefined : "range";
  }
  if (high.status === PRECONDITION_FAILED) {
    return GUARDS.some((name) => getHeader(request, name) !== undefined) ? "precondition" : undefined;
  }
  return high.status === NOT_MODIFIED ? notModifiedReason(request, low, low === a) : undefined;
}

/** Decides on 304 of one service against `full` of the other, which is the primary if `isExpected` is true. */
function notModifiedReason(
  request: readonly HeaderLine[],
  full: CapturedResponse,
  isExpected: boolean,
): NotComparableReason | undefined {
  const tags = getHeader(request, "if-none-match");
  if (tags === undefined) return getHeader(request, "if-modified-since") === undefined ? undefined : "precondition";
  const tag = getHeader(full.headers, "etag");
  if (tag === undefined) return "precondition";
  // The client's tag is one of the primary. If it is no longer valid there, a candidate must not confirm it.
  if (isExpected) return undefined;
  // A candidate that sends the content again, although the client has its current tag, ignores the precondition.
  return isListed(tag, tags) ? undefined : "precondition";
}

/** Reports whether an entity tag is in a list, by weak comparison (RFC 9110 §8.8.3.2). */
function isListed(tag: string, tags: string): boolean {
  if (tags.trim() === "*") return true;
  return tags.split(",").some((each) => opaqueTag(each) === opaqueTag(tag));
}

function opaqueTag(tag: string): string {
  return tag.trim().replace(/^W\//, "");
}

/** Reports whether a response has several ranges. Their boundary is random. */
function hasManyRanges({ headers }: CapturedResponse): boolean {
  return /^multipart\/byteranges\b/i.test(getHeader(headers, "content-type") ?? "");
}

function isSuccessful({ status }: CapturedResponse): boolean {
  return status >= 200 && status < 300;
}
