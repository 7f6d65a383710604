/** Comparison of the header fields of two responses. */

import type { HeaderLine } from "../config/config.ts";
import type { ComparisonContext } from "./difference.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfText } from "./sample_text.ts";

/** Steps per character of two values that differ, because lists are split and sorted. */
const VALUE_STEPS = 4;

/**
 * Finds the header fields that differ. For `set-cookie`, only the names of the cookies are compared, in any order. The
 * order of directives in `cache-control` is ignored, and so are case and spaces in `content-type`.
 */
export function compareHeaders(
  expectedLines: readonly HeaderLine[],
  actualLines: readonly HeaderLine[],
  { rules, differences, steps }: ComparisonContext,
): void {
  for (const name of rules.headers) {
    steps.take(expectedLines.length + actualLines.length);
    const expected = readField(expectedLines, name);
    const actual = readField(actualLines, name);
    if (expected === actual) continue;
    steps.take(VALUE_STEPS * ((expected?.length ?? 0) + (actual?.length ?? 0)));
    if (isEquivalent(name, expected, actual, rules)) continue;
    const kind = expected === undefined ? "added" : actual === undefined ? "removed" : "changed";
    const sampleOf = (text: string) => () => sampleOfField(name, text, rules);
    differences.add(`header:${name}`, kind, {
      ...(expected === undefined ? {} : { expected: sampleOf(expected) }),
      ...(actual === undefined ? {} : { actual: sampleOf(actual) }),
      values: [expected, actual],
    });
  }
}

/** Joins all lines of a field to one list (RFC 9110 §5.3). */
function readField(headers: readonly HeaderLine[], name: string): string | undefined {
  let value: string | undefined;
  for (const [key, text] of headers) {
    if (key.length !== name.length || (key !== name && key.toLowerCase() !== name)) continue;
    const part = name === "set-cookie" ? text.slice(0, Math.max(0, text.indexOf("="))).trim() : text;
    value = value === undefined ? part : `${value}, ${part}`;
  }
  return value;
}

function isEquivalent(
  name: string,
  expected: string | undefined,
  actual: string | undefined,
  rules: CompareRules,
): boolean {
  if (expected === undefined || actual === undefined) return false;
  const [a, b] = rules.normalises
    ? [rules.normaliseField(expected, "header", name), rules.normaliseField(actual, "header", name)]
    : [expected, actual];
  return a === b || canonical(name, a) === canonical(name, b);
}

function canonical(name: string, value: string): string {
  if (name === "content-type") return value.toLowerCase().replaceAll(/[\s"]/g, "");
  if (name === "set-cookie") return sorted(value);
  return name === "cache-control" ? sorted(value.toLowerCase()) : value;
}

function sorted(list: string): string {
  return list.split(",").map((item) => item.trim()).sort().join();
}

/** Shows cookie names, because only the values of cookies are secret. */
function sampleOfField(name: string, text: string, { redactor }: CompareRules): string {
  const isSecret = name !== "set-cookie" && redactor.hidesField("header", name);
  return isSecret ? redactor.replace(text) : sampleOfText(text, redactor);
}
