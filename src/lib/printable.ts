/** Text from the wire, made harmless for terminals and for readers of lines. */

/**
 * Controls (C0, DEL, C1), format characters (bidi overrides, zero-width, tags), lone surrogates and every line or
 * space separator but the plain space: what could start a line, hide text or drive a terminal.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/**
 * Replaces every character that could forge a log line or drive a terminal by its escape: `\x1b`, `\u202e`.
 *
 * @example Usage
 * ```ts ignore
 * printable("/a\n200 OK"); // "/a\\x0a200 OK"
 * ```
 *
 * @param text Any text.
 * @returns The text on one line, without controls.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeCharacter);
}

/**
 * Does the same inside a JSON document, with JSON's own escapes, so that a parser gets the original text back. Only a
 * string can hold such characters once `JSON.stringify` without indentation has written it.
 *
 * @param json What `JSON.stringify` returned.
 * @returns The same document, harmless for terminals.
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
