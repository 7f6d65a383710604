/** Value types: parsing, JSON Schema, TypeScript type and documentation of one kind of value. */

import type { InputPath } from "../read/input_path.ts";

/** A JSON Schema (draft 2020-12), or a part of one. */
export interface JsonSchema {
  /** A keyword of the vocabulary. */
  readonly [keyword: string]: unknown;
}

/** A named TypeScript type that the public input types export. */
export interface TypeAlias {
  readonly name: string;
  readonly type: string;
  readonly description: string;
}

/** One kind of value. */
export interface ValueType<T> {
  /** Name in the reference: `time`, `true or false`. */
  readonly label: string;
  /** TypeScript type of the value as written. */
  readonly input: string;
  /** Sentences about the notation, for values whose TypeScript type does not show it. */
  readonly notation?: string;
  /** The named type that `input` refers to. */
  readonly alias?: TypeAlias;
  /** The type of the items or of the mapping inside. */
  readonly inner?: ValueType<unknown>;
  /** True for lists, whose paths end in `[]` in the reference. */
  readonly isList?: true;
  /** Schema for editors, which see the text before placeholders are resolved. */
  readonly schema: JsonSchema;
  /** Checks a value. Reports problems to `at` and then returns `undefined`. */
  readonly parse: (value: unknown, at: InputPath) => T | undefined;
}

/** Pattern of strings with a placeholder: any text can result from one. */
export const PLACEHOLDER_PATTERN = "\\$\\{(?:env|file):";

/** Extends a pattern of JSON Schema to strings with placeholders. */
export function orPlaceholder(pattern: string): string {
  return `${pattern}|${PLACEHOLDER_PATTERN}`;
}

/** Rejects placeholders in a value that becomes a name, a pattern or a key: logs, metrics and reports print those. */
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

/** Parses a value. Rejects placeholders if the input is not a file, because only files have them resolved. */
export function parseValue<T>(type: ValueType<T>, value: unknown, at: InputPath): T | undefined {
  if (at.isUnreadable) return undefined;
  if (typeof value === "string" && !at.isFromText && /\$\{(?:file|env):/.test(value)) {
    return at.problem("must not contain a placeholder outside a file: pass the value itself");
  }
  return type.parse(value, at);
}

/** Keys of the top level without a meaning, whose values anchors and aliases of YAML refer to. */
export const EXTENSION_KEY = /^x-/;

/** Reports whether a key of the top level has no meaning. */
export function isExtensionKey(key: string): boolean {
  return EXTENSION_KEY.test(key);
}

/** Reports whether a value is a mapping: an object, but not a list, date, map or the like. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const tag = Object.prototype.toString.call(value);
  return tag === "[object Object]" || tag === "[object Module]";
}
