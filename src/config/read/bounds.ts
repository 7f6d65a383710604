/** What a parser yielded is bounded before anybody copies it: aliases make a small file large, or endless. */

import { ConfigError } from "./config_error.ts";
import { MAX_DEPTH, MAX_TOTAL_LENGTH, MAX_VALUES } from "../limits.ts";

/**
 * Counts what is in a value, each alias as often as it is used.
 *
 * @param value What a parser yielded; it may contain itself.
 * @throws {ConfigError} If it is too deep, or too much.
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
