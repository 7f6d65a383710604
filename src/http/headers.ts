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

/** Fields that Connection cannot remove: without them the message would change its meaning or hide its origin. */
const NOT_OPTIONS: ReadonlySet<string> = new Set([
  "cache-control",
  "content-length",
  "content-type",
  "forwarded",
  "host",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

const ODD_CHARACTER = /[^a-z0-9-]/;

const NONE: ReadonlySet<string> = new Set();

const TRAILERS = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i;

const COMMA = 0x2c;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Removes the fields that are meant for this hop: the fixed ones, and those that Connection names.
 *
 * @param lines The header lines as they came.
 * @param dropped Names, in lower case, of further lines to leave out.
 * @returns The end-to-end lines, in order; `TE: trailers` is kept where it was asked for.
 */
export function stripHopByHop(lines: Iterable<HeaderLine>, dropped: ReadonlySet<string> = NONE): HeaderLine[] {
  let kept: HeaderLine[] = [];
  let named: Set<string> | undefined;
  let acceptsTrailers = false;
  for (const line of lines) {
    const field = line[0].toLowerCase();
    if (!HOP_BY_HOP.has(field)) {
      if (!dropped.has(field)) kept.push(line);
    } else if (field === "connection") {
      named ??= new Set();
      for (const option of parseList(line[1])) if (!NOT_OPTIONS.has(option)) named.add(option);
    } else if (field === "te") {
      acceptsTrailers ||= TRAILERS.test(line[1]);
    }
  }
  const options = named;
  if (options !== undefined) kept = kept.filter(([name]) => !options.has(name.toLowerCase()));
  if (acceptsTrailers) kept.push(["te", "trailers"]);
  return kept;
}

/**
 * Returns one common spelling of all names that a backend may read as the same field. Gateways (CGI, WSGI, PHP) ignore
 * case and read `_` as `-`; some read every other character as `-`.
 *
 * @param name A field name.
 * @returns The name in lower case, with `-` for everything but letters and digits.
 */
export function fieldSpelling(name: string): string {
  const field = name.toLowerCase();
  return ODD_CHARACTER.test(field) ? field.replaceAll(/[^a-z0-9]/g, "-") : field;
}

/**
 * Sets fields, and removes all lines with their names in any spelling that a backend may read as the same.
 *
 * @param lines Header lines.
 * @param fields The lines to set.
 * @param dropped Names, in lower case, of further lines to leave out.
 * @returns The remaining lines, then the new ones.
 */
export function setHeaders(
  lines: readonly HeaderLine[],
  fields: readonly HeaderLine[],
  dropped: readonly string[] = [],
): readonly HeaderLine[] {
  if (fields.length === 0 && dropped.length === 0) return lines;
  const replaced = new Set(dropped.map(fieldSpelling));
  for (const [name] of fields) replaced.add(fieldSpelling(name));
  return [...lines.filter(([name]) => !replaced.has(fieldSpelling(name))), ...fields];
}

/**
 * Finds a field's value.
 *
 * @param lines Header lines.
 * @param field The field's name in lower case.
 * @returns The value of all its lines, joined with commas (RFC 9110 §5.3), or `undefined` where there is none.
 */
export function getHeader(lines: readonly HeaderLine[], field: string): string | undefined {
  let joined: string | undefined;
  for (const [name, value] of lines) {
    if (name.length !== field.length || name.toLowerCase() !== field) continue;
    joined = joined === undefined ? value : `${joined}, ${value}`;
  }
  return joined;
}

/**
 * Splits a list-valued field (RFC 9110 §5.6.1). One pass without intermediate arrays, because a client may send 60 KB
 * of commas.
 *
 * @param value The field's value.
 * @returns The members in lower case, without empty ones.
 */
export function parseList(value: string): string[] {
  const text = value.toLowerCase();
  const members: string[] = [];
  for (let at = 0, start = -1, end = 0; at <= text.length; at++) {
    const code = at === text.length ? COMMA : text.charCodeAt(at);
    if (code === COMMA) {
      if (start !== -1) members.push(text.slice(start, end));
      start = -1;
    } else if (code !== SPACE && code !== TAB) {
      if (start === -1) start = at;
      end = at + 1;
    }
  }
  return members;
}

/**
 * Splits the end of a list-valued field.
 *
 * @param value The field's value.
 * @param max Maximum number of members; empty ones count.
 * @returns The last members in order, in lower case, without empty ones.
 */
export function lastMembers(value: string, max: number): string[] {
  let from = value.length;
  for (let count = 0; count < max && from > 0; count++) from = value.lastIndexOf(",", from - 1);
  return parseList(value.slice(Math.max(from, 0)));
}
