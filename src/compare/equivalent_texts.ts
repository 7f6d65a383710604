/** Texts that mean the same in different spellings: instants and numbers. */

import { canonicalNumber, ExactNumber } from "../lib/exact_json.ts";

/** Maximum length of a text that is read as an instant. */
const MAX_INSTANT_LENGTH = 40;
/** RFC 3339, with a space instead of `T`, without a colon in the offset, or with more digits of a second. */
const ISO = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(?:([Zz]|UTC)|([+-]\d\d):?(\d\d)?)$/;
/** IMF-fixdate and RFC 850 (RFC 9110 §5.6.7), and RFC 5322 with a numeric offset. */
const HTTP_DATE = /^(?:[A-Z][a-z]{2,8}, )?\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{4} \d\d:\d\d(?::\d\d)? (?:GMT|UTC|[+-]\d{4})$/;
/** Whole seconds from 2001 to 2286 and whole milliseconds of the same time. Smaller numbers are counts or ids. */
const EPOCH = /^(?:[1-9]\d{9}|[1-9]\d{12})$/;
const EPOCH_SECONDS_LENGTH = 10;
/**
 * A number in a text: not part of a word, a version or a date, and without leading zeros, as codes have. Every text
 * before it is matched in one pass.
 */
const NUMBERS = /(?<![\w.:-])-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?![\w:-]|\.\d)/g;

/** Returns a text that all spellings of the same instant share; `undefined` if the text is no instant with a zone. */
export function canonicalInstant(text: string): string | undefined {
  if (text.length > MAX_INSTANT_LENGTH) return undefined;
  if (EPOCH.test(text)) return instant(Number(text) * (text.length === EPOCH_SECONDS_LENGTH ? 1_000 : 1), "");
  const [iso, date, time, second = "00", fraction = "", utc, hours = "", minutes = "00"] = ISO.exec(text) ?? [];
  if (iso !== undefined) {
    const zone = utc === undefined ? `${hours}:${minutes}` : "Z";
    return instant(Date.parse(`${date}T${time}:${second}${zone}`), fraction);
  }
  return HTTP_DATE.test(text)
    ? instant(Date.parse(text.replaceAll(/(\d)-([A-Z][a-z]{2})-(\d)/g, "$1 $2 $3")), "")
    : undefined;
}

/** Joins whole seconds with their digits, which a `Date` would round. */
function instant(ms: number, fraction: string): string | undefined {
  if (Number.isNaN(ms)) return undefined;
  const digits = fraction === "" ? String(ms % 1_000).padStart(3, "0") : fraction;
  return `instant ${Math.floor(ms / 1_000)}.${digits.replace(/0+$/, "")}`;
}

/** Writes each number in a text in its canonical spelling. */
export function canonicalNumbers(text: string): string {
  return text.replaceAll(NUMBERS, (number) => canonicalNumber(new ExactNumber(number)));
}

/**
 * Reports whether two texts are equal except for numbers, and each number is near the other. Numbers are compared in
 * their order.
 */
export function haveNearNumbers(a: string, b: string, areNear: (a: ExactNumber, b: ExactNumber) => boolean): boolean {
  const [aNumbers, bNumbers] = [a.match(NUMBERS) ?? [], b.match(NUMBERS) ?? []];
  if (aNumbers.length !== bNumbers.length || a.replaceAll(NUMBERS, "#") !== b.replaceAll(NUMBERS, "#")) return false;
  return aNumbers.every((number, index) => areNear(new ExactNumber(number), new ExactNumber(bNumbers[index]!)));
}
