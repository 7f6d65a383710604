/** JSON whose large numbers are not rounded. */

/**
 * What might hold a number that a double can not: sixteen digits that are not in a string or behind a point, a fraction with
 * an exponent, an exponent of three digits.
 */
const MAY_BE_ROUNDED = /(?:^|[:,[\s-])\d{16}|\d\.\d+[eE]\+?\d|\d[eE]\+?\d{3}/;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

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
 * Parses JSON. Of several members with one key the last counts, as in `JSON.parse`; whole numbers beyond 2^53 and numbers
 * beyond the largest double keep their text.
 *
 * @param text The text.
 * @returns The document; `undefined` where the text is no JSON, or nested too deeply to be read without rounding.
 */
export function parseExactJson(text: string): ParsedJson | undefined {
  try {
    return { value: MAY_BE_ROUNDED.test(text) ? JSON.parse(text, keepExact) : JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/**
 * Parses lines of JSON.
 *
 * @param text The text; empty lines do not count.
 * @returns An array of all documents; `undefined` where a line is no JSON.
 */
export function parseJsonLines(text: string): ParsedJson | undefined {
  const values: unknown[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const parsed = parseExactJson(line);
    if (parsed === undefined) return undefined;
    values.push(parsed.value);
  }
  return { value: values };
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
