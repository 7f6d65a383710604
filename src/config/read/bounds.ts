/**
 * Limits on configuration files. Ordinary files stay far below. A hostile file costs about as much as an ordinary one
 * of the maximum length: less than a second on two cores.
 */

import { ConfigError } from "./config_error.ts";

/** Maximum length of the text in UTF-16 units. Ten thousand services take three quarters of it. */
export const MAX_TEXT_LENGTH = 2_097_152;

/** Maximum depth of nested mappings and lists. The configuration itself needs four. */
export const MAX_DEPTH = 100;

/** Maximum number of values with aliases expanded: the file shares them, but the configuration copies them. */
export const MAX_VALUES = 150_000;

/** Maximum length of all texts together: after aliases are expanded, and again after placeholders are resolved. */
export const MAX_TOTAL_LENGTH = 4_194_304;

/** Maximum number of different files and variables in placeholders. */
export const MAX_REFERENCES = 1_000;

/** Maximum concurrent file reads. A file on a hanging mount blocks a thread, and the runtime has few. */
export const MAX_CONCURRENT_READS = 16;

/**
 * Throws a {@linkcode ConfigError} if a parsed value is too deep or too large. Runs before the value is copied, because
 * aliases make a small file large or endless.
 */
export function checkBounds(value: unknown): void {
  let count = 0;
  let length = 0;

  function visit(value: unknown, depth: number): void {
    if (++count > MAX_VALUES) throw tooMuch(`more than ${MAX_VALUES} values, counting what aliases repeat`);
    if (depth > MAX_DEPTH) throw tooMuch(`more than ${MAX_DEPTH} levels`);
    if (typeof value === "string" && (length += value.length) > MAX_TOTAL_LENGTH) {
      throw tooMuch(`more than ${MAX_TOTAL_LENGTH} characters, counting what aliases repeat`);
    }
    if (Array.isArray(value)) { for (const item of value) visit(item, depth + 1); }
    else if (typeof value === "object" && value !== null) {
      for (const key of Object.keys(value)) visit((value as Record<string, unknown>)[key], depth + 1);
    }
  }

  visit(value, 0);
}

function tooMuch(what: string): ConfigError {
  return new ConfigError([{ path: "", message: `the file must not have ${what}` }]);
}
