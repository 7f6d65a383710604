/**
 * One reading of a path for patterns and requests alike, so that matching and forwarding can not disagree
 * (RFC 3986 §6.2.2).
 */

/** Controls, space, backslash and DEL have no place in a path; `%` needs two hexadecimal digits, and not those of NUL. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\x00-\x20\\\x7f?#]|%(?![0-9A-Fa-f]{2})|%00/;
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;
const ENCODED_SEPARATOR = /%2f|%5c/i;
const PERCENT_ENCODED = /%[0-9A-Fa-f]{2}/g;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]+/g;

/**
 * Takes dot segments off a path, literal or percent-encoded, and leaves every other byte as it came (RFC 3986 §5.2.4).
 *
 * @param path A path that begins with `/`, without query.
 * @returns The path to forward, or `undefined` where the path is malformed or hides a dot segment behind an encoded
 * separator (`/web/..%2fadmin`), which some backends would decode into another path than the one that was matched.
 */
export function removeDotSegments(path: string): string | undefined {
  if (!path.startsWith("/") || FORBIDDEN.test(path)) return undefined;
  if (!path.includes(".") && !/%2e/i.test(path)) return path;
  const output: string[] = [];
  const segments = path.slice(1).split("/");
  for (const [index, segment] of segments.entries()) {
    if (DOT_SEGMENT.test(segment)) {
      if (segment.length !== 1 && segment.toLowerCase() !== "%2e") output.pop();
      if (index === segments.length - 1) output.push("");
    } else if (segment.split(ENCODED_SEPARATOR).some((part) => DOT_SEGMENT.test(part))) {
      return undefined;
    } else {
      output.push(segment);
    }
  }
  return "/" + output.join("/");
}

/**
 * Brings spellings of one path together for comparison: unreserved characters decoded, hexadecimal digits in upper case,
 * other characters than ASCII encoded. Separators stay as they are: `%2F` never turns into `/`.
 *
 * @param path What {@linkcode removeDotSegments} returned.
 * @returns The path that patterns are compared with, still percent-encoded.
 */
export function normalizePath(path: string): string {
  return path
    .replace(NON_ASCII, (text) => encodeURIComponent(text.toWellFormed()))
    .replace(PERCENT_ENCODED, (triplet) => {
      const character = String.fromCharCode(parseInt(triplet.slice(1), 16));
      return UNRESERVED.test(character) ? character : triplet.toUpperCase();
    });
}
