/** Comparison of the cookies that two responses set: their names and attributes. Of a value, only its absence counts. */

import type { HeaderLine } from "../config/config.ts";
import { shorten } from "../config/schema/describe.ts";
import { redactText } from "../lib/secret_text.ts";
import type { ComparisonContext } from "./difference.ts";
import { sampleOfText } from "./sample_text.ts";

/** Maximum cookies of a response that are compared by their attributes. */
const MAX_COOKIES = 100;
/** Maximum length of a cookie's name in a path. */
const MAX_NAME_LENGTH = 100;
/** Steps per character of a line. */
const CHARACTER_STEPS = 4;

/** Attributes of one cookie by name, in lower case. Flags have an empty value. */
type Attributes = ReadonlyMap<string, string>;

/**
 * Finds the cookies that only one response sets (`header:set-cookie`), and the attributes that differ
 * (`header:set-cookie.NAME.ATTRIBUTE`). The order of cookies and attributes is ignored.
 *
 * Lifetimes differ if one of the responses sets a cookie for the session, or deletes it, and the other does not.
 */
export function compareCookies(
  expectedLines: readonly HeaderLine[],
  actualLines: readonly HeaderLine[],
  context: ComparisonContext,
): void {
  const { rules, differences } = context;
  const expected = readCookies(expectedLines, context);
  const actual = readCookies(actualLines, context);
  const [expectedNames, actualNames] = [namesOf(expected), namesOf(actual)];
  const normalise = (names: string) => rules.normalises ? rules.normaliseField(names, "header", "set-cookie") : names;
  if (normalise(expectedNames) !== normalise(actualNames)) {
    const kind = expected.size === 0 ? "added" : actual.size === 0 ? "removed" : "changed";
    // Names are shown, because only the values of cookies are secret.
    const sampleOf = (names: string) => () => sampleOfText(names, rules.redactor);
    differences.add("header:set-cookie", kind, {
      ...(kind === "added" ? {} : { expected: sampleOf(expectedNames) }),
      ...(kind === "removed" ? {} : { actual: sampleOf(actualNames) }),
      values: [expectedNames, actualNames],
    });
  }
  for (const [name, cookies] of expected) {
    const others = actual.get(name);
    // A cookie that is set several times, for several paths or domains, has no single counterpart.
    if (cookies.length === 1 && others?.length === 1) compareAttributes(name, cookies[0]!, others[0]!, context);
    else if (others !== undefined) compareAttributes(name, allOf(cookies), allOf(others), context);
  }
}

function compareAttributes(
  name: string,
  expected: Attributes,
  actual: Attributes,
  { rules, differences, steps }: ComparisonContext,
): void {
  for (const attribute of new Set([...expected.keys(), ...actual.keys()])) {
    steps.take(name.length * (1 + rules.pathRuleCount));
    const [a, b] = [expected.get(attribute), actual.get(attribute)];
    if (a === b) continue;
    const shownName = shorten(redactText(name.slice(0, MAX_NAME_LENGTH)), MAX_NAME_LENGTH).toLowerCase();
    const field = `set-cookie.${shownName}.${attribute}`;
    if (rules.ignoresField("header", field)) continue;
    const kind = a === undefined ? "added" : b === undefined ? "removed" : "changed";
    const sampleOf = (value: string) => () =>
      sampleOfText(value === "" ? attribute : `${attribute}=${value}`, rules.redactor);
    differences.add(`header:${field}`, kind, {
      ...(a === undefined ? {} : { expected: sampleOf(a) }),
      ...(b === undefined ? {} : { actual: sampleOf(b) }),
      values: [a, b],
    });
  }
}

function readCookies(lines: readonly HeaderLine[], { steps }: ComparisonContext): Map<string, Attributes[]> {
  const cookies = new Map<string, Attributes[]>();
  let count = 0;
  for (const [key, line] of lines) {
    if (key.length !== 10 || key.toLowerCase() !== "set-cookie") continue;
    steps.take(CHARACTER_STEPS * line.length);
    const name = line.slice(0, Math.max(0, line.indexOf("="))).trim();
    const attributes = ++count > MAX_COOKIES ? new Map() : readAttributes(line);
    const known = cookies.get(name);
    if (known === undefined) cookies.set(name, [attributes]);
    else known.push(attributes);
  }
  return cookies;
}

/** Reads the attributes that limit access to a cookie, its recipients and its lifetime (RFC 6265 §5.3). */
function readAttributes(line: string): Attributes {
  const attributes = new Map<string, string>();
  let maxAge: string | undefined;
  let expires: string | undefined;
  for (const part of line.split(";").slice(1)) {
    const separator = part.indexOf("=");
    const attribute = (separator === -1 ? part : part.slice(0, separator)).trim().toLowerCase();
    const value = separator === -1 ? "" : part.slice(separator + 1).trim();
    if (attribute === "max-age") maxAge = value;
    else if (attribute === "expires") expires = value;
    else if (attribute === "secure" || attribute === "httponly" || attribute === "partitioned") {
      attributes.set(attribute, "");
    } else if (attribute === "samesite") attributes.set(attribute, value.toLowerCase());
    else if (attribute === "domain") attributes.set(attribute, value.toLowerCase().replace(/^\./, ""));
    else if (attribute === "path") attributes.set(attribute, value);
  }
  if (maxAge !== undefined || expires !== undefined) {
    // RFC 6265 §5.3: Max-Age has precedence.
    const isDeletion = maxAge !== undefined ? Number(maxAge) <= 0 : Date.parse(expires!) <= Date.now();
    attributes.set("max-age", isDeletion ? "deleted" : "set");
  }
  // A deleted cookie may have any value.
  if (/^[^=;]*=\s*(?:"")?\s*(?:;|$)/.test(line) && attributes.get("max-age") !== "deleted") attributes.set("empty", "");
  return attributes;
}

/** Returns the names of all cookies, each as often as it is set. */
function namesOf(cookies: ReadonlyMap<string, readonly Attributes[]>): string {
  return [...cookies].flatMap(([name, all]) => all.map(() => name)).sort().join(", ");
}

/** Joins the attributes of all cookies with one name. */
function allOf(cookies: readonly Attributes[]): Attributes {
  const values = new Map<string, string[]>();
  for (const [attribute, value] of cookies.flatMap((attributes) => [...attributes])) {
    values.set(attribute, [...values.get(attribute) ?? [], value]);
  }
  return new Map([...values].map(([attribute, all]) => [attribute, all.sort().join(", ")]));
}
