/** Escapes untrusted text for terminals and log lines. */

/**
 * Characters that could start a line, hide text or control a terminal: controls (C0, DEL, C1), format characters (bidi
 * overrides, zero-width, tags), lone surrogates, and line and space separators other than the plain space.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/**
 * Escapes every character that could forge a log line or control a terminal, for example `\x1b` and `\u202e`.
 *
 * @example Usage
 * ```ts ignore
 * printable("/a\n200 OK"); // "/a\\x0a200 OK"
 * ```
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter);
}

/**
 * Escapes the same characters in the output of `JSON.stringify`, with the escapes of JSON: a parser returns the
 * original text. Without indentation, such characters occur only in strings.
 */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, escapeUnits);
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code <= 0xff && character.length === 1 ? `\\x${code.toString(16).padStart(2, "0")}` : escapeUnits(character);
}

function escapeUnits(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}
