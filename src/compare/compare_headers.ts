/** The header fields of two responses, as far as they are compared. */

import type { HeaderLine } from "../config/config.ts";
import type { ComparisonContext } from "./comparison_context.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfText } from "./sample_text.ts";

/** Steps per character of two values that differ, because lists are split and sorted. */
const VALUE_STEPS = 4;

/**
 * Finds the header fields that differ. For `set-cookie`, only the names of the cookies are compared, in any order. The
 * order of directives in `cache-control`, and case and spaces in `content-type`, do not count.
 *
 * @param expected The primary's header lines.
 * @param actual The other service's header lines.
 * @param means Rules, result and step budget.
 */
export function compareHeaders(
  expected: readonly HeaderLine[],
  actual: readonly HeaderLine[],
  { rules, differences, steps }: ComparisonContext,
): void {
  for (const name of rules.headers) {
    steps.take(expected.length + actual.length);
    const value = readField(expected, name);
    const other = readField(actual, name);
    if (value === other) continue;
    steps.take(VALUE_STEPS * ((value?.length ?? 0) + (other?.length ?? 0)));
    if (isAlike(name, value, other, rules)) continue;
    const kind = value === undefined ? "added" : other === undefined ? "removed" : "changed";
    const sampleOf = (text: string) => () => sampleOfField(name, text, rules);
    differences.add(`header:${name}`, kind, {
      ...(value === undefined ? {} : { expected: sampleOf(value) }),
      ...(other === undefined ? {} : { actual: sampleOf(other) }),
    });
  }
}

/** Several lines of one field are one list (RFC 9110 §5.3). */
function readField(headers: readonly HeaderLine[], name: string): string | undefined {
  let value: string | undefined;
  for (const [key, text] of headers) {
    if (key.length !== name.length || (key !== name && key.toLowerCase() !== name)) continue;
    const part = name === "set-cookie" ? text.slice(0, Math.max(0, text.indexOf("="))).trim() : text;
    value = value === undefined ? part : `${value}, ${part}`;
  }
  return value;
}

function isAlike(name: string, a: string | undefined, b: string | undefined, rules: CompareRules): boolean {
  if (a === undefined || b === undefined) return false;
  const [one, other] = rules.normalises
    ? [rules.normaliseField(a, "header", name), rules.normaliseField(b, "header", name)]
    : [a, b];
  return one === other || canonical(name, one) === canonical(name, other);
}

function canonical(name: string, value: string): string {
  if (name === "content-type") return value.toLowerCase().replaceAll(/[\s"]/g, "");
  if (name === "set-cookie") return sorted(value);
  return name === "cache-control" ? sorted(value.toLowerCase()) : value;
}

function sorted(list: string): string {
  return list.split(",").map((item) => item.trim()).sort().join();
}

/** Names of cookies are no secret, other than their values. */
function sampleOfField(name: string, text: string, { redactor }: CompareRules): string {
  const isSecret = name !== "set-cookie" && redactor.hidesField("header", name);
  return isSecret ? redactor.replace(text) : sampleOfText(text, redactor);
}
