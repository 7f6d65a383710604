/**
 * One reading of a path for patterns and requests alike, so that matching and forwarding can not disagree
 * (RFC 3986 §6.2.2).
 */

/** Controls, space, backslash and DEL have no place in a path; `%` needs two hexadecimal digits, and not those of NUL. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\x00-\x20\\\x7f?#]|%(?![0-9A-Fa-f]{2})|%00/;
/** Control characters, space and DEL: they end a request line, or make a server refuse it. */
// deno-lint-ignore no-control-regex
const FORBIDDEN_IN_QUERY = /[\x00-\x20\x7f]/;
/**
 * UTF-8 sequences of two to six bytes that stand for an ASCII character. Lenient decoders read `%C0%AE%C0%AE%C0%AF` as
 * `../` (RFC 3629 §10), so matching would see another path.
 */
const OVERLONG_ASCII = /%c[01]%[89ab]|%e0%8[01]|%f0%80%8[01]|%f8%80%80%8[01]|%fc%80%80%80%8[01]/i;
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;
/** A dot segment for servers that decode separators or remove path parameters (`..;x`). */
const HIDDEN_DOT_SEGMENT = /^(?:\.|%2e){1,2}(?:;|%3b|$)/i;
const ENCODED_SEPARATOR = /%2f|%5c/i;
const PERCENT_ENCODED = /%[0-9A-Fa-f]{2}/g;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]+/g;

/**
 * Removes dot segments from a path, literal or percent-encoded (RFC 3986 §5.2.4). Everything else stays unchanged.
 *
 * @param path A path that begins with `/`, without query.
 * @returns The path to forward; `undefined` if the path is malformed, or if a lenient backend could decode it to
 * another path than the matched one. Examples: `/web/..%2fadmin`, `/web/..;/admin`, `/web/%C0%AE%C0%AE/admin`.
 */
export function removeDotSegments(path: string): string | undefined {
  if (!path.startsWith("/") || FORBIDDEN.test(path) || !path.isWellFormed()) return undefined;
  if (path.includes("%") && OVERLONG_ASCII.test(path)) return undefined;
  if (!path.includes(".") && !/%2e/i.test(path)) return path;
  const output: string[] = [];
  const segments = path.slice(1).split("/");
  for (const [index, segment] of segments.entries()) {
    if (DOT_SEGMENT.test(segment)) {
      if (segment.length !== 1 && segment.toLowerCase() !== "%2e") output.pop();
      if (index === segments.length - 1) output.push("");
    } else if (segment.split(ENCODED_SEPARATOR).some((part) => HIDDEN_DOT_SEGMENT.test(part))) {
      return undefined;
    } else {
      output.push(segment);
    }
  }
  return "/" + output.join("/");
}

/**
 * Reports whether a query can be sent in a request line.
 *
 * @param query The query with its question mark, or the empty string.
 * @returns `false` for control characters, spaces and lone surrogates.
 */
export function isValidQuery(query: string): boolean {
  return !FORBIDDEN_IN_QUERY.test(query) && query.isWellFormed();
}

/**
 * Percent-encodes the UTF-8 bytes of all characters outside ASCII.
 *
 * @param text Well-formed text.
 * @returns The text in ASCII.
 */
export function encodeNonAscii(text: string): string {
  return text.replace(NON_ASCII, encodeURIComponent);
}

/**
 * Converts text to UTF-8, with one character for each byte.
 *
 * @param text Well-formed text.
 * @returns Text whose characters are at most U+00FF.
 */
export function toByteString(text: string): string {
  return text.replace(NON_ASCII, (run) => encodeURIComponent(run).replace(PERCENT_ENCODED, toCharacter));
}

/**
 * Brings spellings of one path together for comparison: unreserved characters decoded, hexadecimal digits in upper case,
 * other characters than ASCII encoded. Separators stay as they are: `%2F` never turns into `/`.
 *
 * @param path What {@linkcode removeDotSegments} returned.
 * @returns The path that patterns are compared with, still percent-encoded.
 */
export function normalizePath(path: string): string {
  return encodeNonAscii(path).replace(PERCENT_ENCODED, (triplet) => {
    const character = toCharacter(triplet);
    return UNRESERVED.test(character) ? character : triplet.toUpperCase();
  });
}

function toCharacter(triplet: string): string {
  return String.fromCharCode(parseInt(triplet.slice(1), 16));
}
