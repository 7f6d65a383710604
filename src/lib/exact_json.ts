/** JSON whose large numbers are not rounded. */

import { StepBudget } from "./step_budget.ts";

/**
 * What might hold a number that a double can not: sixteen digits that are not in a string or behind a point, a fraction with
 * an exponent, an exponent of three digits.
 */
const MAY_BE_ROUNDED = /(?:^|[:,[\s-])\d{16}|\d\.\d+[eE]\+?\d|\d[eE]\+?\d{3}/;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Steps per call of the parser. */
const CALL_STEPS = 100;
/** Steps per value, in addition to those for its text. */
const VALUE_STEPS = 10;
/** Further steps per array, object or member, because each takes memory of its own. */
const CONTAINER_STEPS = 20;
/** Steps per value if the parser calls back for each value. */
const EXACT_VALUE_STEPS = 150;
const [COLON, COMMA, OPEN_BRACKET, OPEN_BRACE] = [0x3a, 0x2c, 0x5b, 0x7b];

/** A number that would have been rounded. */
export class ExactNumber {
  /**
   * Keeps it as it was written.
   *
   * @param text The JSON text of the number.
   */
  constructor(
    /** The JSON text of the number. */
    readonly text: string,
  ) {}
}

/** A parsed document. */
export interface ParsedJson {
  /** Its value; numbers that would have been rounded are {@linkcode ExactNumber}s. */
  readonly value: unknown;
}

/**
 * Parses JSON. If a key occurs several times, the last member counts, as in `JSON.parse`. Whole numbers beyond 2^53 and
 * numbers beyond the largest double keep their text.
 *
 * @param text The text.
 * @param steps Budget for the parsing. Steps are taken before it begins, because it cannot be stopped. Default: no
 * limit.
 * @returns The document; `undefined` if the text is not JSON, or nested too deeply to be read without rounding.
 */
export function parseExactJson(text: string, steps: StepBudget = new StepBudget()): ParsedJson | undefined {
  steps.take(CALL_STEPS + text.length);
  const mayBeRounded = MAY_BE_ROUNDED.test(text);
  payForValues(text, steps, mayBeRounded ? EXACT_VALUE_STEPS : VALUE_STEPS);
  try {
    return { value: mayBeRounded ? JSON.parse(text, keepExact) : JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/**
 * Parses lines of JSON.
 *
 * @param text The text; empty lines do not count.
 * @param steps Budget for the parsing. Default: no limit.
 * @returns An array of all documents; `undefined` if a line is not JSON.
 */
export function parseJsonLines(text: string, steps: StepBudget = new StepBudget()): ParsedJson | undefined {
  const values: unknown[] = [];
  for (let start = 0; start < text.length;) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    const line = text.slice(start, end);
    start = end + 1;
    steps.take(VALUE_STEPS + line.length);
    if (line.trim() === "") continue;
    const parsed = parseExactJson(line, steps);
    if (parsed === undefined) return undefined;
    values.push(parsed.value);
  }
  return { value: values };
}

/**
 * Takes steps for all values, by counting punctuation. Punctuation in strings counts too, because excluding it would
 * cost more.
 */
function payForValues(text: string, steps: StepBudget, stepsPerValue: number): void {
  let [commas, containers] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA) commas++;
    else if (code === COLON || code === OPEN_BRACKET || code === OPEN_BRACE) containers++;
  }
  steps.take(commas * stepsPerValue + containers * (stepsPerValue + CONTAINER_STEPS));
}

/** The source text is there in V8 since 11.4 and in JavaScriptCore; where it is not, numbers stay rounded. */
function keepExact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined) return value;
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? new ExactNumber(source) : value;
}

/**
 * Writes a number in one way, however it was written.
 *
 * @param value A number of a parsed document.
 * @returns Its digits without zeros at either end, and the power of ten: `12e3` for `12000` and for `1.2e4`.
 */
export function canonicalNumber(value: number | ExactNumber): string {
  const text = value instanceof ExactNumber ? value.text : String(value);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = withoutTrailingZeros(digits);
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** By hand: `0+$` would look at every run of zeros to its end. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}
