/** Header lists: hop-by-hop fields (RFC 9110 §7.6.1), field lookup and replacement, list-valued fields. */

import type { HeaderLine } from "../config/config.ts";

/** Fields of one hop, even if Connection does not name them. */
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

const COMMA = 0x2c;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Returns the end-to-end lines in order. Removes the hop-by-hop fields, the fields that Connection names, and the
 * fields in `dropped` (lower case). `TE: trailers` is removed too: it is sent again if trailers reach the client.
 */
export function stripHopByHop(headers: Iterable<HeaderLine>, dropped: ReadonlySet<string> = NONE): HeaderLine[] {
  let kept: HeaderLine[] = [];
  let named: Set<string> | undefined;
  for (const line of headers) {
    const field = line[0].toLowerCase();
    if (!HOP_BY_HOP.has(field)) {
      if (!dropped.has(field)) kept.push(line);
    } else if (field === "connection") {
      named ??= new Set();
      for (const option of parseList(line[1])) if (!NOT_OPTIONS.has(option)) named.add(option);
    }
  }
  const options = named;
  if (options !== undefined) kept = kept.filter(([name]) => !options.has(name.toLowerCase()));
  return kept;
}

/**
 * Returns one common spelling of all names that a backend may read as the same field. Gateways (CGI, WSGI, PHP) ignore
 * case and read `_` as `-`. Some read every character except letters and digits as `-`.
 */
export function fieldSpelling(name: string): string {
  const field = name.toLowerCase();
  return ODD_CHARACTER.test(field) ? field.replaceAll(/[^a-z0-9]/g, "-") : field;
}

/**
 * Returns the header lines with `fields` set at the end. Removes every line with the name of one of `fields` or
 * `dropped`, in any spelling that a backend may read as the same name.
 */
export function setHeaders(
  headers: readonly HeaderLine[],
  fields: readonly HeaderLine[],
  dropped: readonly string[] = [],
): readonly HeaderLine[] {
  if (fields.length === 0 && dropped.length === 0) return headers;
  const replaced = new Set(dropped.map(fieldSpelling));
  for (const [name] of fields) replaced.add(fieldSpelling(name));
  return [...headers.filter(([name]) => !replaced.has(fieldSpelling(name))), ...fields];
}

/** Returns the values of a field (lower case), joined with commas (RFC 9110 §5.3); `undefined` if there is none. */
export function getHeader(headers: readonly HeaderLine[], field: string): string | undefined {
  let joined: string | undefined;
  for (const [name, value] of headers) {
    if (name.length !== field.length || name.toLowerCase() !== field) continue;
    joined = joined === undefined ? value : `${joined}, ${value}`;
  }
  return joined;
}

/**
 * Returns the members of a list-valued field (RFC 9110 §5.6.1) in lower case, without empty ones. One pass without
 * intermediate arrays, because a client may send 60 KB of commas.
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

/** Returns the last `max` members of a list-valued field like {@linkcode parseList}; empty members count. */
export function lastMembers(value: string, max: number): string[] {
  let from = value.length;
  for (let count = 0; count < max && from > 0; count++) from = value.lastIndexOf(",", from - 1);
  return parseList(value.slice(Math.max(from, 0)));
}
