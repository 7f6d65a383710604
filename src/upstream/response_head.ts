/** Repairs or refuses a backend's response head (docs/decisions/005-backends-that-misbehave.md). */

import type { HeaderLine } from "../config/config.ts";
import { getHeader, parseList } from "../http/headers.ts";

/**
 * Largest response head in bytes. A client can send 64 KiB (Deno's limit), and a service may return it percent-encoded,
 * in three times as many bytes.
 */
export const MAX_HEAD_BYTES = 262_144;
/** Maximum fields of a response. A client can send 128 (Deno's limit), and a service may return them with its own. */
export const MAX_HEAD_FIELDS = 1_000;
/** Bytes of a field besides name and value: the colon, the space and the line end. */
const LINE_BYTES = 4;

/**
 * Returns the size of header lines on the wire of HTTP/1.1.
 *
 * @param lines The header lines.
 * @returns Bytes.
 */
export function headBytes(lines: readonly HeaderLine[]): number {
  return lines.reduce((sum, [name, value]) => sum + name.length + value.length + LINE_BYTES, 0);
}

/**
 * Makes a response's header lines safe to rely on: one plain Content-Length or none, and none beside a
 * Transfer-Encoding, which overrides it (RFC 9112 §6.3).
 *
 * @param lines The header lines as they came.
 * @returns The repaired lines; `undefined` if the response must be refused, because its length is not a number or its
 * transfer coding has not been decoded.
 */
export function repairHead(lines: readonly HeaderLine[]): readonly HeaderLine[] | undefined {
  const coding = getHeader(lines, "transfer-encoding");
  if (coding !== undefined && coding.toLowerCase() !== "chunked") return undefined;
  const length = getHeader(lines, "content-length");
  if (length === undefined) return lines;
  const withoutLength = lines.filter(([name]) => name.toLowerCase() !== "content-length");
  if (coding !== undefined) return withoutLength;

  // `trim()` takes off more than the white space of RFC 9110 §5.6.3: a no-break space would make a length of none.
  if (!/^[\d,\t ]+$/.test(length)) return undefined;
  const [value = "", ...others] = parseList(length);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(Number(value))) return undefined;
  if (others.some((other) => other !== value)) return undefined;
  return length === value ? lines : [...withoutLength, ["content-length", value]];
}
