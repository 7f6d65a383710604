/** Regular expressions, as their text: a checked configuration is frozen and passed between threads. */

import { literal, type ValueType } from "../value_type.ts";

const MAX_LENGTH = 1_000;

/**
 * The text of a regular expression of ECMAScript, read with the flag `u`.
 *
 * @returns The type.
 */
export function regularExpression(): ValueType<string> {
  return literal({
    label: "regular expression",
    schema: { type: "string", minLength: 1, maxLength: MAX_LENGTH },
    parse(value, at) {
      if (typeof value !== "string" || value === "") return at.mismatch("a regular expression", value);
      if (value.length > MAX_LENGTH) return at.problem(`must be at most ${MAX_LENGTH} characters long`);
      const fault = faultOf(value);
      if (fault !== undefined) {
        return at.problem(
          `must be a regular expression: found ${at.describe(value)}${at.isSecret ? "" : `, ${fault}`}`,
        );
      }
      if (repeatsWhatRepeats(value)) {
        at.warn("may take very long on some values: a group that is repeated repeats something itself");
      }
      return value;
    },
  });
}

function faultOf(source: string): string | undefined {
  try {
    new RegExp(source, "u");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^.*: /s, "").toLowerCase() : "unreadable";
  }
}

/** The shape of `(a+)+`, which tries every way to share out what does not match in the end. */
function repeatsWhatRepeats(source: string): boolean {
  const plain = source.replaceAll(/\\./gs, "x").replaceAll(/\[[^\]]*\]/g, "x");
  return /\([^()]*[*+][^()]*\)(?:[*+]|\{\d+,\d*\})/.test(plain);
}
