/** Trailers: fields after a body in the chunked coding (RFC 9110 §6.5). */

import type { HeaderLine } from "../config/config.ts";
import { fieldSpelling, getHeader, parseList, stripHopByHop } from "./headers.ts";

/** Trailers of a message whose body is relayed. */
export interface Trailers {
  /** Names that the sender announced in Trailer, if they may be relayed. */
  readonly announced: readonly string[];
  /** Returns the trailers. They are complete after the body has been read to its end; before, there are none. */
  read(): readonly HeaderLine[];
}

/**
 * Fields that must be known before the body, or that decide on it (RFC 9110 §6.5.1): framing, routing, request
 * modifiers, authentication, response control, content. Names are in the spelling of `fieldSpelling`.
 */
const NOT_TRAILERS: ReadonlySet<string> = new Set([
  "accept-ranges",
  "age",
  "authorization",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "cookie",
  "date",
  "expect",
  "expires",
  "forwarded",
  "host",
  "location",
  "max-forwards",
  "pragma",
  "range",
  "retry-after",
  "set-cookie",
  "traceparent",
  "tracestate",
  "vary",
  "via",
  "warning",
  "www-authenticate",
  "x-request-id",
]);
const NOT_TRAILER_PREFIXES = ["if-", "proxy-", "x-conductor-", "x-forwarded-", "access-control-"];
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;

/** Maximum size in bytes of all trailers together, as for those of services. More are not relayed. */
const MAX_TRAILER_BYTES = 16_384;

/** Returns the trailers of a message without the fields that may not be relayed, and without those in `dropped`. */
export function relayedTrailers(
  { headers, read }: { readonly headers: readonly HeaderLine[]; readonly read: Trailers["read"] },
  dropped: readonly string[],
): Trailers {
  const value = getHeader(headers, "trailer");
  const announced: HeaderLine[] = value === undefined ? [] : parseList(value).map((name) => [name, ""]);
  return new RelayedTrailers(announced, read, dropped);
}

class RelayedTrailers implements Trailers {
  readonly #announced: readonly HeaderLine[];
  readonly #read: Trailers["read"];
  readonly #dropped: readonly string[];

  constructor(announced: readonly HeaderLine[], read: Trailers["read"], dropped: readonly string[]) {
    this.#announced = announced;
    this.#read = read;
    this.#dropped = dropped;
  }

  get announced(): readonly string[] {
    return permitted(this.#announced, this.#dropped).map(([name]) => name);
  }

  read(): readonly HeaderLine[] {
    const lines = this.#read();
    const bytes = lines.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    return bytes > MAX_TRAILER_BYTES ? [] : permitted(lines, this.#dropped);
  }
}

function permitted(lines: readonly HeaderLine[], dropped: readonly string[]): readonly HeaderLine[] {
  if (lines.length === 0) return lines;
  const spellings = new Set(dropped.map(fieldSpelling));
  return stripHopByHop(lines).filter(([name]) => isTrailer(name, spellings));
}

/** Reports whether the recipient of a response accepts trailers (RFC 9110 §10.1.4). */
export function acceptsTrailers(headers: readonly HeaderLine[]): boolean {
  return parseList(getHeader(headers, "te") ?? "").includes("trailers");
}

function isTrailer(name: string, dropped: ReadonlySet<string>): boolean {
  if (!TOKEN.test(name)) return false;
  const spelling = fieldSpelling(name);
  return !NOT_TRAILERS.has(spelling) && !dropped.has(spelling) &&
    !NOT_TRAILER_PREFIXES.some((prefix) => spelling.startsWith(prefix));
}
