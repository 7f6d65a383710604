/** Normalisation of paths (RFC 3986 §6.2.2), shared by patterns and requests so that matching and forwarding agree. */

/** Characters that a path must not contain. `%` needs two hexadecimal digits, other than those of NUL. */
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\x00-\x20\\\x7f?#]|%(?![0-9A-Fa-f]{2})|%00/;
/** Control characters, space and DEL end a request line, or make a server reject it. */
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
// deno-lint-ignore no-control-regex
const NON_ASCII = /[^\x00-\x7f]/;
const PERCENT = 0x25;
/** Length up to which a decoder takes longer to start than it saves. */
const MAX_SHORT_BYTES = 256;
/** Arguments of one call: engines refuse calls with more arguments than the stack can hold. */
const MAX_ARGUMENTS = 8_192;

/**
 * Removes dot segments from a path without query, literal or percent-encoded (RFC 3986 §5.2.4). Returns `undefined` if
 * the path is malformed, or if a lenient backend could decode it to another path than the matched one:
 * `/web/..%2fadmin`, `/web/..;/admin`, `/web/%C0%AE%C0%AE/admin`.
 */
export function removeDotSegments(path: string): string | undefined {
  if (!path.startsWith("/") || FORBIDDEN.test(path) || !path.isWellFormed()) return undefined;
  const isEncoded = path.includes("%");
  if (isEncoded && OVERLONG_ASCII.test(path)) return undefined;
  if (!path.includes(".") && !(isEncoded && /%2e/i.test(path))) return path;
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

/** Reports whether a query can be sent in a request line: without control characters, spaces and lone surrogates. */
export function isValidQuery(query: string): boolean {
  return query === "" || (!FORBIDDEN_IN_QUERY.test(query) && query.isWellFormed());
}

/** Percent-encodes the UTF-8 bytes of all characters outside ASCII. `text` must be well-formed. */
export function encodeNonAscii(text: string): string {
  if (text === "" || !NON_ASCII.test(text)) return text;
  const bytes = new TextEncoder().encode(text);
  const output = new Uint8Array(3 * bytes.length);
  let length = 0;
  for (const byte of bytes) {
    if (byte < 0x80) output[length++] = byte;
    else length = writeTriplet(output, length, byte);
  }
  return asciiText(output.subarray(0, length));
}

/** Converts well-formed text to UTF-8, with one character for each byte. */
export function toByteString(text: string): string {
  return NON_ASCII.test(text) ? byteString(new TextEncoder().encode(text)) : text;
}

/**
 * Normalises the result of {@linkcode removeDotSegments} for comparison with patterns: decodes unreserved characters,
 * encodes characters outside ASCII, and writes hexadecimal digits in upper case. `%2F` never becomes `/`.
 */
export function normalizePath(path: string): string {
  const encoded = encodeNonAscii(path);
  if (!encoded.includes("%")) return encoded;
  const output = new Uint8Array(encoded.length);
  let length = 0;
  for (let index = 0; index < encoded.length; index++) {
    const code = encoded.charCodeAt(index);
    if (code !== PERCENT) {
      output[length++] = code;
      continue;
    }
    const byte = hexValue(encoded.charCodeAt(++index)) << 4 | hexValue(encoded.charCodeAt(++index));
    if (isUnreserved(byte)) output[length++] = byte;
    else length = writeTriplet(output, length, byte);
  }
  return asciiText(output.subarray(0, length));
}

/** Writes `%XX`, and returns the next position. */
function writeTriplet(output: Uint8Array, at: number, byte: number): number {
  output[at] = PERCENT;
  output[at + 1] = upperHexDigit(byte >> 4);
  output[at + 2] = upperHexDigit(byte & 15);
  return at + 3;
}

function upperHexDigit(value: number): number {
  return value < 10 ? value + 0x30 : value + 0x37;
}

function hexValue(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

/** Reports whether a byte is a letter, a digit, `-`, `.`, `_` or `~` (RFC 3986 §2.3). */
function isUnreserved(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a || byte >= 0x30 && byte <= 0x39 ||
    byte === 0x2d || byte === 0x2e || byte === 0x5f || byte === 0x7e;
}

function asciiText(bytes: Uint8Array): string {
  return bytes.length <= MAX_SHORT_BYTES ? byteString(bytes) : new TextDecoder().decode(bytes);
}

/** Returns text with one character for each byte. */
function byteString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += MAX_ARGUMENTS) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + MAX_ARGUMENTS) as unknown as number[]);
  }
  return text;
}
