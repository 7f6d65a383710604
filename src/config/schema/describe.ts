/** How values of a configuration are shown in messages: short, on one line, harmless for terminals. */

const MAX_SHOWN = 64;
/** Controls, format characters, lone surrogates and odd separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const MAX_KEY_DIGITS = 2;
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

/**
 * Cuts off a long end, and escapes what could drive a terminal.
 *
 * @param text Any text.
 * @param maxLength How much of it is shown.
 * @returns The text, on one line.
 */
export function shorten(text: string, maxLength: number): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength).toWellFormed()}…` : text;
  return shown.replace(UNPRINTABLE, escapeUnits);
}

/**
 * Puts text in double quotes, with a long end cut off.
 *
 * @param text Any text.
 * @returns The text as a JSON string.
 */
export function quote(text: string): string {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text;
  return JSON.stringify(shown).replace(UNPRINTABLE, escapeUnits);
}

/**
 * Says what a value is.
 *
 * @param value Anything.
 * @returns The value where it is simple, else its kind.
 */
export function describe(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "function" || typeof value === "symbol" ? `a ${typeof value}` : String(value);
}

/**
 * Describes a value that should be a mapping or a list. Text is not quoted, because it may be a misplaced secret.
 *
 * @param value Anything.
 * @returns The value if it is a number or a boolean, otherwise its kind.
 */
export function kindOf(value: unknown): string {
  return typeof value === "string" ? "text" : describe(value);
}

/**
 * Writes the path of a value inside another.
 *
 * @example Usage
 * ```ts ignore
 * childPath(childPath("services", 0), "url"); // "services[0].url"
 * ```
 *
 * @param parent The path of the mapping or list; empty for the whole file.
 * @param key The key, or the index.
 * @returns The path.
 */
export function childPath(parent: string, key: string | number): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  if (!PLAIN_KEY.test(key) || key.length > MAX_SHOWN) return `${parent}[${quote(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/**
 * Goes back from a path to the one that it is in.
 *
 * @param path A path from {@linkcode childPath}.
 * @returns The path of the mapping or list; empty for the whole file.
 */
export function parentPath(path: string): string {
  return path.replace(/(?:^|\.)[\w-]+$|\[(?:\d+|"(?:[^"\\]|\\.)*")\]$/, "");
}

/**
 * Replaces the keys of a path that may be secrets: a missing line break or colon turns a value into a key.
 *
 * @param path A path from {@linkcode childPath}.
 * @returns The path to print.
 */
export function printablePath(path: string): string {
  return path.replace(/\["(?:[^"\\]|\\.)*"\]|\.?[A-Za-z_][\w-]*/g, (step) => {
    return isPrintableKey(step.replace(/^\.|^\["|"\]$/g, "")) ? step : "[…]";
  });
}

/**
 * Reports whether a key may be printed. Known keys and header names are short words with few digits. Tokens are long,
 * or have many digits.
 *
 * @param key Any key.
 * @returns True if the key looks like a name.
 */
export function isPrintableKey(key: string): boolean {
  return key === "<<" || (/^[\w.$-]{0,40}$/.test(key) && key.replaceAll(/\D/g, "").length <= MAX_KEY_DIGITS);
}

function escapeUnits(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}
