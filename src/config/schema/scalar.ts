/** Plain values: switches, whole numbers, words of a choice, free text. */

import { quote } from "./describe.ts";
import { suggest } from "./suggest.ts";
import { orPlaceholder, PLACEHOLDER_PATTERN, type ValueType } from "./value_type.ts";

/** The spellings of YAML 1.1 too, which go-conductor's parser takes for switches. */
const TRUE = ["true", "yes", "on"];
const FALSE = ["false", "no", "off"];

/**
 * A switch. A quoted `"true"` counts as well: it is what a placeholder yields.
 *
 * @returns The type.
 */
export function boolean(): ValueType<boolean> {
  return {
    label: "true or false",
    schema: { type: ["boolean", "string"], pattern: orPlaceholder("^(?:true|yes|on|false|no|off)$") },
    parse(value, at) {
      if (typeof value === "boolean") return value;
      const word = typeof value === "string" ? value.toLowerCase() : "";
      if (TRUE.includes(word)) return true;
      return FALSE.includes(word) ? false : at.mismatch("true or false", value);
    },
  };
}

/**
 * A whole number, or a string of its digits.
 *
 * @param min The lowest.
 * @param max The highest.
 * @returns The type.
 */
export function integer(min: number, max: number): ValueType<number> {
  return {
    label: `whole number, ${min} to ${max}`,
    schema: { type: ["integer", "string"], minimum: min, maximum: max, pattern: orPlaceholder("^(?:0|[1-9]\\d*)$") },
    parse(value, at) {
      const number = typeof value === "string" && /^(?:0|[1-9]\d*)$/.test(value) ? Number(value) : value;
      const fits = typeof number === "number" && Number.isInteger(number) && number >= min && number <= max;
      return fits ? number : at.mismatch(`a whole number from ${min} to ${max}`, value);
    },
  };
}

/** What a {@linkcode oneOf} also takes. */
export interface ChoiceOptions<T extends string> {
  /** Whether capitals make no difference. */
  readonly anyCase?: boolean;
  /** Words of go-conductor that become another one, with a warning. */
  readonly substitutes?: Readonly<Record<string, T>>;
}

/**
 * One of a few words.
 *
 * @param words The words.
 * @param options What is taken besides.
 * @returns The type.
 */
export function oneOf<const T extends string>(
  words: readonly T[],
  { anyCase = false, substitutes = {} }: ChoiceOptions<NoInfer<T>> = {},
): ValueType<T> {
  const quoted = words.map(quote);
  const need = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return {
    label: words.map((word) => `\`${word}\``).join(", "),
    schema: {
      anyOf: [
        { enum: [...words, ...Object.keys(substitutes)] },
        { type: "string", pattern: PLACEHOLDER_PATTERN },
      ],
    },
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

/**
 * Text without rules of its own.
 *
 * @returns The type.
 */
export function text(): ValueType<string> {
  return {
    label: "text",
    schema: { type: ["string", "number", "boolean"] },
    parse(value, at) {
      return asText(value) ?? at.mismatch("text", value);
    },
  };
}

/**
 * Takes a number or a switch for text too: YAML has no quotes around `name: 7`.
 *
 * @param value Anything.
 * @returns The text, or `undefined` where it is none.
 */
export function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const isPlain = typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
  return isPlain ? String(value) : undefined;
}
