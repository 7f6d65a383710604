/** What the value of a field may be: how it is checked, described to editors and named in the reference. */

import type { InputPath } from "../read/input_path.ts";

/** A JSON Schema (draft 2020-12), or a part of one. */
export interface JsonSchema {
  /** A keyword of the vocabulary. */
  readonly [keyword: string]: unknown;
}

/** One kind of value. */
export interface ValueType<T> {
  /** Its name in the reference: `time`, `true or false`. */
  readonly label: string;
  /** What editors are told, for the text before placeholders are resolved. */
  readonly schema: JsonSchema;
  /** Checks a value; reports to `at` and returns `undefined` where it does not fit. */
  readonly parse: (value: unknown, at: InputPath) => T | undefined;
}

/** A pattern for JSON Schema: a string with a placeholder can be anything in the end. */
export const PLACEHOLDER_PATTERN = "\\$\\{(?:env|file):";

/** Lets a schema's pattern pass strings with placeholders. */
export function orPlaceholder(pattern: string): string {
  return `${pattern}|${PLACEHOLDER_PATTERN}`;
}

/**
 * Refuses placeholders in a value that becomes a name, a pattern or a key: logs, metrics and reports print those.
 *
 * @param type Type of the value.
 * @returns The same type, without placeholders.
 */
export function literal<T>(type: ValueType<T>): ValueType<T> {
  return {
    ...type,
    schema: { ...type.schema, not: { type: "string", pattern: PLACEHOLDER_PATTERN } },
    parse(value, at) {
      if (!at.isSecret) return type.parse(value, at);
      return at.problem("must not contain a placeholder: logs, metrics and reports print this value");
    },
  };
}

/**
 * Checks a value, after a look at what only a file may contain.
 *
 * @param type What the value must be.
 * @param value The value.
 * @param at Its place.
 * @returns The checked value, or `undefined` where a problem was reported.
 */
export function parseValue<T>(type: ValueType<T>, value: unknown, at: InputPath): T | undefined {
  if (at.isUnknown) return undefined;
  if (typeof value === "string" && !at.isFromText && /\$\{(?:file|env):/.test(value)) {
    return at.problem("placeholders are resolved in files only: pass the value itself");
  }
  return type.parse(value, at);
}
