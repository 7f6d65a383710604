/** Scalars: booleans, integers, choices, text and service names. */

import { quote, suggest } from "./describe.ts";
import { literal, orPlaceholder, PLACEHOLDER_PATTERN, type ValueType } from "./value_type.ts";

/** Includes the spellings of YAML 1.1, which the YAML parser of go-conductor accepts. */
const TRUE = ["true", "yes", "on"];
const FALSE = ["false", "no", "off"];
const MAX_NAME_LENGTH = 128;
const NAME = /^[!-~](?:[ -~]*[!-~])?$/;

/** Returns the type of booleans. A quoted `"true"` is accepted, because placeholders yield text. */
export function boolean(): ValueType<boolean> {
  return {
    label: "true or false",
    input: "boolean",
    schema: { type: ["boolean", "string"], pattern: orPlaceholder("^(?:true|yes|on|false|no|off)$") },
    parse(value, at) {
      if (typeof value === "boolean") return value;
      const word = typeof value === "string" ? value.toLowerCase() : "";
      if (TRUE.includes(word)) return true;
      return FALSE.includes(word) ? false : at.mismatch("true or false", value);
    },
  };
}

/** Returns the type of integers in a range. A string of digits is accepted, because placeholders yield text. */
export function integer(min: number, max: number): ValueType<number> {
  return {
    label: `whole number, ${min} to ${max}`,
    input: "number",
    schema: { type: ["integer", "string"], minimum: min, maximum: max, pattern: orPlaceholder("^(?:0|[1-9]\\d*)$") },
    parse(value, at) {
      const number = typeof value === "string" && /^(?:0|[1-9]\d*)$/.test(value) ? Number(value) : value;
      const fits = typeof number === "number" && Number.isInteger(number) && number >= min && number <= max;
      return fits ? number : at.mismatch(`a whole number from ${min} to ${max}`, value);
    },
  };
}

/**
 * Returns the type of permissions of a file, in octal digits. Numbers are not accepted: YAML reads `0660` as 432, and
 * `660` is not octal.
 */
export function fileMode(): ValueType<number> {
  const pattern = "^0?[0-7]{3}$";
  return {
    label: "octal digits",
    input: "string",
    notation: "Octal digits in quotes.",
    schema: { type: "string", pattern: orPlaceholder(pattern) },
    parse(value, at) {
      if (typeof value === "string" && new RegExp(pattern).test(value)) return parseInt(value, 8);
      return at.mismatch('three octal digits in quotes, like "0660"', value);
    },
  };
}

/** Options of {@linkcode oneOf}. */
export interface ChoiceOptions<T extends string> {
  /** Accept any letter case. */
  readonly anyCase?: boolean;
  /** Replacements for values of go-conductor that are not supported. Each use adds a warning. */
  readonly substitutes?: Readonly<Record<string, T>>;
}

/** Returns the type of a choice between words. */
export function oneOf<const T extends string>(
  words: readonly T[],
  { anyCase = false, substitutes = {} }: ChoiceOptions<NoInfer<T>> = {},
): ValueType<T> {
  const accepted = [...words, ...Object.keys(substitutes)];
  const quoted = words.map(quote);
  const need = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return {
    label: words.map((word) => `\`${word}\``).join(", "),
    input: accepted.map(quote).join(" | "),
    schema: { anyOf: [{ enum: accepted }, { type: "string", pattern: PLACEHOLDER_PATTERN }] },
    parse(value, at) {
      const word = anyCase && typeof value === "string" ? value.toLowerCase() : value;
      const found = words.find((candidate) => candidate === word);
      if (found !== undefined) return found;
      if (typeof word !== "string") return at.mismatch(need, value);
      if (Object.hasOwn(substitutes, word)) {
        at.warn(`${at.describe(word)} is not supported: ${quote(substitutes[word]!)} is used`);
        return substitutes[word];
      }
      return at.problem(`must be ${need}: found ${at.describe(value)}${at.isSecret ? "" : suggest(word, words)}`);
    },
  };
}

/** Returns the type of arbitrary text. Its TypeScript type includes numbers and booleans if `input` says so. */
export function text(input: "string" | "string | number | boolean" = "string"): ValueType<string> {
  return {
    label: "text",
    input,
    schema: { type: ["string", "number", "boolean"] },
    parse(value, at) {
      return asText(value) ?? at.mismatch("text", value);
    },
  };
}

/** Returns the type of service names, which appear in a response header, in logs and in metrics. */
export function serviceName(): ValueType<string> {
  const need = `a name of 1 to ${MAX_NAME_LENGTH} printable ASCII characters, without a space at either end`;
  return literal({
    label: "text",
    input: "string",
    notation: `Printable ASCII, up to ${MAX_NAME_LENGTH} characters.`,
    schema: {
      type: ["string", "number", "boolean"],
      minLength: 1,
      maxLength: MAX_NAME_LENGTH,
      pattern: NAME.source,
    },
    parse(value, at) {
      const name = asText(value);
      return name !== undefined && name.length <= MAX_NAME_LENGTH && NAME.test(name) ? name : at.mismatch(need, value);
    },
  });
}

/** Converts a scalar to text, because in YAML `name: 7` is a number. Returns `undefined` for other values. */
export function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const isPlain = typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
  return isPlain ? String(value) : undefined;
}
