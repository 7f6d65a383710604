/** Limits and repair of response heads (decision 005). */

import type { HeaderLine } from "../config/config.ts";
import { getHeader, parseList } from "../http/headers.ts";

/**
 * Maximum size of a response head in bytes. A client can send 64 KiB (Deno's limit), and a service may return them
 * percent-encoded, in three times as many bytes.
 */
export const MAX_HEAD_BYTES = 262_144;
/** Maximum fields of a response. A client can send 128 (Deno's limit), and a service may return them with its own. */
export const MAX_HEAD_FIELDS = 1_000;
/** Words about a response whose length or transfer coding is refused. */
export const BAD_FRAMING = "invalid Content-Length or Transfer-Encoding";
/** Bytes of a header line besides name and value: the colon, the space and the line end. */
const LINE_BYTES = 4;

/** Returns the size of a header list in HTTP/1.1, in bytes. */
export function headBytes(headers: readonly HeaderLine[]): number {
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length + LINE_BYTES, 0);
}

/**
 * Removes contradictory framing headers: at most one Content-Length with one number stays, and none together with a
 * Transfer-Encoding, which overrides it (RFC 9112 §6.3). Returns `undefined` if the response must be refused: its
 * length is not a number, or its transfer coding has not been decoded.
 */
export function repairHead(headers: readonly HeaderLine[]): readonly HeaderLine[] | undefined {
  const coding = getHeader(headers, "transfer-encoding");
  if (coding !== undefined && coding.toLowerCase() !== "chunked") return undefined;
  const length = getHeader(headers, "content-length");
  if (length === undefined) return headers;
  const withoutLength = headers.filter(([name]) => name.toLowerCase() !== "content-length");
  if (coding !== undefined) return withoutLength;

  // Checked before parsing, because `trim()` removes more than the white space of RFC 9110 §5.6.3, such as a no-break
  // space.
  if (!/^[\d,\t ]+$/.test(length)) return undefined;
  const [value = "", ...others] = parseList(length);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(Number(value))) return undefined;
  if (others.some((other) => other !== value)) return undefined;
  return length === value ? headers : [...withoutLength, ["content-length", value]];
}
