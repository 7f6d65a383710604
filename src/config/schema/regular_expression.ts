/** Regular expressions, as their text: a checked configuration is frozen and passed between threads. */

import { parsePattern, UnsupportedPattern } from "../../lib/linear_regexp/parse_pattern.ts";
import { compileProgram } from "../../lib/linear_regexp/program.ts";
import { literal, type ValueType } from "./value_type.ts";

const MAX_LENGTH = 1_000;

/** The text of a regular expression of ECMAScript with the flag `u` that can be matched in linear time. */
export function regularExpression(): ValueType<string> {
  return literal({
    label: "regular expression",
    schema: { type: "string", minLength: 1, maxLength: MAX_LENGTH },
    parse(value, at) {
      if (typeof value !== "string" || value === "") return at.mismatch("a regular expression", value);
      if (value.length > MAX_LENGTH) return at.problem(`must be at most ${MAX_LENGTH} characters long`);
      const fault = faultOf(value);
      if (fault === undefined) return value;
      const found = `found ${at.describe(value)}`;
      if (fault instanceof UnsupportedPattern) return at.problem(`must not use ${fault.construct}: ${found}`);
      return at.problem(`must be a regular expression: ${found}${at.isSecret ? "" : `, ${reasonOf(fault)}`}`);
    },
  });
}

function faultOf(source: string): unknown {
  try {
    compileProgram(parsePattern(source));
    return undefined;
  } catch (error) {
    return error;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^.*: /s, "").toLowerCase() : "unreadable";
}
