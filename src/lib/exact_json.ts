/** JSON parsing without rounding of large numbers, and the types of parsed values. */

import { StepBudget } from "./step_budget.ts";

/**
 * Matches texts that may contain a number which a double cannot represent. Such a number has 16 digits outside of
 * strings and fractions, a fraction with an exponent, or an exponent of three digits. A number follows a separator, which
 * excludes most identifiers such as `7c1e234f`.
 */
const MAY_BE_ROUNDED = /(?:^|[:,[\s])-?(?:\d{16}|\d+\.\d+[eE]\+?\d|\d+[eE]\+?\d{3})/;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Steps per call of the parser. */
const CALL_STEPS = 100;
/** Steps per value, in addition to those for its text. */
const VALUE_STEPS = 10;
/** Further steps per array, object or member, because each allocates memory. */
const CONTAINER_STEPS = 20;
/** Steps per value if the parser calls a reviver for each value. */
const EXACT_VALUE_STEPS = 150;
const [COLON, COMMA, OPEN_BRACKET, OPEN_BRACE, CLOSE_BRACKET, CLOSE_BRACE] = [0x3a, 0x2c, 0x5b, 0x7b, 0x5d, 0x7d];
const [SPACE, QUOTE, BACKSLASH] = [0x20, 0x22, 0x5c];

/** A number that `JSON.parse` would round. */
export class ExactNumber {
  /** Keeps the number as written. */
  constructor(
    /** The JSON text of the number. */
    readonly text: string,
  ) {}
}

/** A parsed document. */
export interface ParsedJson {
  /** The value. Numbers that would be rounded are {@linkcode ExactNumber}s. */
  readonly value: unknown;
}

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A JSON type. */
export type JsonType = "null" | "boolean" | "number" | "string" | "array" | "object";

/**
 * Parses JSON. Returns `undefined` if the text is not JSON, or is nested too deeply to be parsed without rounding.
 *
 * Integers beyond 2^53 and numbers beyond the largest double keep their text. If a key occurs several times, the last
 * member counts, as in `JSON.parse`. All steps are taken before parsing begins, because parsing cannot be interrupted.
 * Without `steps`, the work is not limited.
 */
export function parseExactJson(text: string, steps: StepBudget = new StepBudget()): ParsedJson | undefined {
  steps.take(CALL_STEPS + text.length);
  const mayBeRounded = MAY_BE_ROUNDED.test(text);
  takeValueSteps(text, steps, mayBeRounded ? EXACT_VALUE_STEPS : VALUE_STEPS);
  try {
    return { value: mayBeRounded ? JSON.parse(text, keepExact) : JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/**
 * Parses several documents as one array: JSON lines, a JSON text sequence (RFC 7464), or documents without anything
 * between them. Returns `undefined` if a document is not JSON. Without `steps`, the work is not limited.
 */
export function parseJsonDocuments(text: string, steps: StepBudget = new StepBudget()): ParsedJson | undefined {
  const values: unknown[] = [];
  for (let at = 0; at < text.length;) {
    if (isSeparator(text.charCodeAt(at))) {
      at++;
      continue;
    }
    const end = documentEnd(text, at);
    const document = text.slice(at, end);
    at = end;
    steps.take(VALUE_STEPS + document.length);
    const parsed = parseExactJson(document, steps);
    if (parsed === undefined) return undefined;
    values.push(parsed.value);
  }
  return { value: values };
}

/** Returns the end of a document. The result is only meaningful if the text is valid. */
function documentEnd(text: string, start: number): number {
  let depth = 0;
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++) if (text.charCodeAt(at) === BACKSLASH) at++;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && isSeparator(code)) return at;
  }
  return at;
}

/** Reports whether a character may be between two documents: white space, or the separator of RFC 7464. */
function isSeparator(code: number): boolean {
  return code <= SPACE && (code === SPACE || code === 0x0a || code === 0x0d || code === 0x09 || code === 0x1e);
}

/**
 * Takes steps for all values by counting punctuation. Punctuation within strings counts as well, because excluding it
 * would cost more.
 */
function takeValueSteps(text: string, steps: StepBudget, stepsPerValue: number): void {
  let [commas, containers] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA) commas++;
    else if (code === COLON || code === OPEN_BRACKET || code === OPEN_BRACE) containers++;
  }
  steps.take(commas * stepsPerValue + containers * (stepsPerValue + CONTAINER_STEPS));
}

/**
 * Revives numbers without rounding. V8 since 11.4 and JavaScriptCore pass the source text; in other engines, numbers
 * stay rounded.
 */
function keepExact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined) return value;
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? new ExactNumber(source) : value;
}

/** Reports whether a parsed value is a JSON object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/** Returns the JSON type of a parsed value. */
export function jsonTypeOf(value: unknown): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (isJsonObject(value)) return "object";
  if (typeof value === "boolean" || typeof value === "string") return typeof value as "boolean" | "string";
  return "number";
}

/**
 * Returns the canonical spelling of a number: its digits without zeros at either end, and a power of ten. Both `12000`
 * and `1.2e4` give `12e3`.
 */
export function canonicalNumber(value: number | ExactNumber): string {
  const text = value instanceof ExactNumber ? value.text : String(value);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = withoutTrailingZeros(digits);
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** Removes zeros at the end. A loop, because `0+$` is quadratic for texts with many runs of zeros. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}
