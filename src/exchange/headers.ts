/** Which header fields belong to one connection only (RFC 9110 §7.6.1), as a table. */

import type { HeaderLine } from "../config/config.ts";

/** Fields that say something about one hop, whether or not Connection names them. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A field that Connection names is dropped, except these: without them the message would mean another thing. */
const NOT_OPTIONS: ReadonlySet<string> = new Set(["cache-control", "content-length", "content-type", "host"]);

/**
 * Removes the fields that are meant for this hop: the fixed ones, and those that Connection names.
 *
 * @param lines The header lines as they came.
 * @returns The end-to-end lines, in order; `TE: trailers` is kept where it was asked for.
 */
export function endToEndLines(lines: Iterable<HeaderLine>): HeaderLine[] {
  const all = [...lines];
  const named = new Set<string>();
  let acceptsTrailers = false;
  for (const [name, value] of all) {
    const field = name.toLowerCase();
    if (field === "connection") {
      for (const option of listMembers(value)) if (!NOT_OPTIONS.has(option)) named.add(option);
    } else if (field === "te") {
      acceptsTrailers ||= listMembers(value).includes("trailers");
    }
  }
  const kept = all.filter(([name]) => {
    const field = name.toLowerCase();
    return !HOP_BY_HOP.has(field) && !named.has(field);
  });
  if (acceptsTrailers) kept.push(["te", "trailers"]);
  return kept;
}

/**
 * Sets fields in place of all lines with their names.
 *
 * @param lines Header lines.
 * @param fields The lines to set.
 * @param dropped Names, in lower case, of further lines to leave out.
 * @returns The lines that are left, then those that were set.
 */
export function withFields(
  lines: readonly HeaderLine[],
  fields: readonly HeaderLine[],
  dropped: readonly string[] = [],
): HeaderLine[] {
  const replaced = new Set(dropped);
  for (const [name] of fields) replaced.add(name.toLowerCase());
  return [...lines.filter(([name]) => !replaced.has(name.toLowerCase())), ...fields];
}

/**
 * Finds a field's value.
 *
 * @param lines Header lines.
 * @param field The field's name in lower case.
 * @returns The value of all its lines, joined with commas (RFC 9110 §5.3), or `undefined` where there is none.
 */
export function fieldValue(lines: readonly HeaderLine[], field: string): string | undefined {
  const values = lines.filter(([name]) => name.toLowerCase() === field).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}

/**
 * Takes a list-valued field apart (RFC 9110 §5.6.1).
 *
 * @param value The field's value.
 * @returns The members in lower case, without empty ones.
 */
export function listMembers(value: string): string[] {
  return value.split(",").map((member) => member.trim().toLowerCase()).filter((member) => member !== "");
}
