/** Comparison of the header fields of two responses. */

import type { HeaderLine } from "../config/config.ts";
import { shorten } from "../config/schema/describe.ts";
import { compareCookies } from "./compare_cookies.ts";
import type { ComparisonContext } from "./difference.ts";
import { canonicalHeader, directivesOf, isSameAsAbsent } from "./header_values.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfText } from "./sample_text.ts";

/** Steps per character of two values that differ, because lists are split and sorted. */
const VALUE_STEPS = 4;
/** Maximum length of a directive's name in a path. */
const MAX_DIRECTIVE_LENGTH = 100;

/**
 * Finds the header fields that differ. For `set-cookie`, the names and attributes of the cookies are compared. Policies
 * such as `content-security-policy` differ by directive, and a nonce equals any other. Where it has no meaning, order,
 * case and spaces are ignored. Handshakes of WebSockets have further fields.
 */
export function compareHeaders(
  expectedLines: readonly HeaderLine[],
  actualLines: readonly HeaderLine[],
  context: ComparisonContext,
  isHandshake = false,
): void {
  const { rules, steps } = context;
  for (const name of isHandshake ? rules.handshakeHeaders : rules.headers) {
    steps.take(expectedLines.length + actualLines.length);
    const expected = readField(expectedLines, name);
    const actual = readField(actualLines, name);
    if (expected === actual) continue;
    if (name === "set-cookie") {
      compareCookies(expectedLines, actualLines, context);
      continue;
    }
    steps.take(VALUE_STEPS * ((expected?.length ?? 0) + (actual?.length ?? 0)));
    compareField({ name, expected, actual }, context);
  }
}

interface Field {
  readonly name: string;
  readonly expected: string | undefined;
  readonly actual: string | undefined;
}

/** Joins all lines of a field to one list (RFC 9110 §5.3). */
function readField(headers: readonly HeaderLine[], name: string): string | undefined {
  let value: string | undefined;
  for (const [key, text] of headers) {
    if (key.length !== name.length || (key !== name && key.toLowerCase() !== name)) continue;
    value = value === undefined ? text : `${value}, ${text}`;
  }
  return value;
}

function compareField(field: Field, context: ComparisonContext): void {
  const { name } = field;
  const { rules } = context;
  const normalised = (value: string | undefined) =>
    value !== undefined && rules.normalises ? rules.normaliseField(value, "header", name) : value;
  const [expected, actual] = [normalised(field.expected), normalised(field.actual)];
  if (expected === undefined || actual === undefined) {
    return isSameAsAbsent(name, expected ?? actual ?? "") ? undefined : add(field, context);
  }
  if (expected === actual || canonicalHeader(name, expected) === canonicalHeader(name, actual)) return;
  const [a, b] = [directivesOf(name, expected), directivesOf(name, actual)];
  if (a === undefined || b === undefined) return add(field, context);
  for (const directive of new Set([...a.keys(), ...b.keys()])) {
    if (a.get(directive) === b.get(directive)) continue;
    const shown = shorten(directive, MAX_DIRECTIVE_LENGTH);
    const part = { name: `${name}.${shown}`, expected: a.get(directive), actual: b.get(directive) };
    if (!rules.ignoresField("header", part.name)) add(part, context);
  }
}

function add({ name, expected, actual }: Field, { rules, differences }: ComparisonContext): void {
  const kind = expected === undefined ? "added" : actual === undefined ? "removed" : "changed";
  const sampleOf = (text: string) => () => sampleOfField(name, text, rules);
  differences.add(`header:${name}`, kind, {
    ...(expected === undefined ? {} : { expected: sampleOf(expected) }),
    ...(actual === undefined ? {} : { actual: sampleOf(actual) }),
    // In the spelling that equivalent values share, because only the rest of a random value may differ in form.
    values: [canonicalOf(name, expected), canonicalOf(name, actual)],
  });
}

function canonicalOf(name: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : canonicalHeader(name, value);
}

function sampleOfField(name: string, text: string, { redactor }: CompareRules): string {
  return redactor.hidesField("header", name) ? redactor.replace(text) : sampleOfText(text, redactor);
}
