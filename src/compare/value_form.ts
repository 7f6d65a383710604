/**
 * Forms of texts: times and identifiers replaced by their kind and length.
 *
 * A time or a random identifier differs in every response, so it says nothing about a regression. Its form does: a
 * token that is empty, shorter, or `null` is broken. Two texts with the same form differ in nothing else.
 */

import type { StepBudget } from "../lib/step_budget.ts";

/** Characters that may be part of one time or identifier. The text is split at all others. */
const CHUNK = /[0-9A-Za-z][0-9A-Za-z_+\/=.:~-]*/g;
/** Parts that may have a token, which may begin with any character of its alphabet. */
const TOKENS = /[\w+\/=-]+/g;
/** Separators at which a chunk is split if it is no time or identifier, in this order. */
const SEPARATORS: readonly RegExp[] = [/(=+)/, /([:~]+)/, /([\/.+]+)/, /([-_]+)/];

/** Zero values of identifiers, and of times: `0001-01-01` in Go and .NET, `1970-01-01` in Unix time. */
const UNSET = /^(?:[0-]{8,}|[f-]{8,})$/i;
const UNSET_TIME = /^(?:0000|0001|1900|1970|9999)-(?:00|01|12)-(?:00|01|31)(?:[T_]|$)/;
const DATE_TIME = /^\d{4}-\d\d-\d\d[T_]\d\d:?\d\d(?::?\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?$/;
const MAX_TIME_LENGTH = 40;
const DATE = /^\d{4}-\d\d-\d\d$/;
const CLOCK = /^\d\d:\d\d:\d\d(?:\.\d{1,9})?$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const UUID_WITHIN = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/i;
const UUID_LENGTH = 36;
const UTC_OFFSET = /^\+00:?00$/;
/** Names of types before identifiers, as in `order_k3J9…`. */
const TYPE_PREFIXES = /(?<![\w-])[a-z]{2,8}_(?=[0-9A-Za-z]{12,}(?![\w-]))/g;
const UPPER = /[A-F]/;
const JWT = /^ey[\w-]{6,}\.[\w-]{4,}\.[\w-]{8,}$/;
const DIGITS = /^(\d{8,})(?:\.\d+)?$/;
const DECIMAL = /^[\d_]*\.\d+(?:e[+-]?\d+)?$/i;
const HEX = /^(?:[0-9a-f]+|[0-9A-F]+)$/;
const BASE64 = /^[0-9A-Za-z+\/]+={0,2}$/;
const BASE64_URL = /^[0-9A-Za-z_-]+={0,2}$/;

/** Minimum length of an identifier in hexadecimal digits. */
const MIN_HEX_LENGTH = 8;
/** Minimum length of an identifier in letters and digits. Names of that length rarely look random. */
const MIN_TOKEN_LENGTH = 16;
/** Length up to which the exact length of an identifier is part of its form. Longer ones may contain data. */
const MAX_EXACT_LENGTH = 64;
/** Length of a chunk above which it is split without being recognised. Random texts of that length are data. */
const MAX_CHUNK_LENGTH = 4_096;

/** Characters compared per step, to find the parts that differ. */
const CHARACTERS_PER_STEP = 2;

/**
 * Reports whether two texts differ only in times and identifiers of the same form. Takes linear time. Returns `false` without
 * enough steps.
 */
export function hasSameForm(a: string, b: string, steps: StepBudget): boolean {
  const shorter = Math.min(a.length, b.length);
  if (steps.left < a.length + b.length + shorter / CHARACTERS_PER_STEP) return false;
  steps.take(shorter / CHARACTERS_PER_STEP);
  let start = 0;
  while (start < shorter && a.charCodeAt(start) === b.charCodeAt(start)) start++;
  let tail = 0;
  while (tail < shorter - start && a.charCodeAt(a.length - 1 - tail) === b.charCodeAt(b.length - 1 - tail)) tail++;
  // Both ends move to the ends of the chunks, because a difference within an identifier shows nothing of its form.
  const [from, rest] = [start, tail];
  while (start > 0 && from - start <= MAX_CHUNK_LENGTH && isChunkCode(a.charCodeAt(start - 1))) start--;
  while (tail > 0 && rest - tail <= MAX_CHUNK_LENGTH && isChunkCode(a.charCodeAt(a.length - tail))) tail--;
  if (from - start > MAX_CHUNK_LENGTH || rest - tail > MAX_CHUNK_LENGTH) return false;
  const [middle, other] = [a.slice(start, a.length - tail), b.slice(start, b.length - tail)];
  steps.take(middle.length + other.length);
  return areTimesOfSameForm(middle, other) ||
    (haveSamePrefixes(middle, other) && (formOf(middle) === formOf(other) || haveSameTokens(middle, other)));
}

/** Reports whether both texts are times of the same form, which is the most frequent case, without splitting them. */
function areTimesOfSameForm(a: string, b: string): boolean {
  if (a.length > MAX_TIME_LENGTH || !DATE_TIME.test(a) || !DATE_TIME.test(b)) return false;
  const form = recognise(a);
  return form !== undefined && form === recognise(b);
}

/** Reports whether the types of identifiers are equal. A random identifier rarely begins like one with a type. */
function haveSamePrefixes(a: string, b: string): boolean {
  const [left, right] = [a.match(TYPE_PREFIXES) ?? [], b.match(TYPE_PREFIXES) ?? []];
  return left.length !== right.length || left.join() === right.join();
}

/**
 * Reports whether two texts differ only in tokens of the same length, of which one looks random. About 6 % of random
 * tokens do not: they begin with `+` or `/`, or have no digit.
 */
function haveSameTokens(a: string, b: string): boolean {
  const [left, right] = [partsOf(a), partsOf(b)];
  return left.length === right.length && a.replace(TOKENS, "") === b.replace(TOKENS, "") &&
    left.every((part, index) => part === right[index] || areTokens(part, right[index]!));
}

function partsOf(text: string): string[] {
  return (text.match(TOKENS) ?? []).flatMap((part) => part.split("="));
}

function areTokens(a: string, b: string): boolean {
  if (a.length !== b.length || a.length < MIN_TOKEN_LENGTH || a.length > MAX_EXACT_LENGTH) return false;
  const isToken = (text: string) => recognise(text)?.startsWith("<token") === true;
  const hasAlphabet = (text: string) => (BASE64_URL.test(text) || BASE64.test(text)) && !isUnset(text);
  return (isToken(a) || isToken(b)) && hasAlphabet(a) && hasAlphabet(b);
}

function isChunkCode(code: number): boolean {
  // `+` to `:` without `,`, `=`, `A` to `Z`, `_`, `a` to `z`, `~`: the characters of CHUNK.
  return (code >= 0x2b && code <= 0x3a && code !== 0x2c) || code === 0x3d || (code >= 0x41 && code <= 0x5a) ||
    code === 0x5f || (code >= 0x61 && code <= 0x7a) || code === 0x7e;
}

/** Returns the text with times and identifiers replaced by their form. Takes linear time. */
export function formOf(text: string): string {
  return text.replace(CHUNK, (chunk) => chunk.length < MIN_HEX_LENGTH ? chunk : formOfChunk(chunk, 0));
}

function formOfChunk(chunk: string, level: number): string {
  const form = chunk.length <= MAX_CHUNK_LENGTH ? recognise(chunk) : undefined;
  if (form !== undefined) return form;
  // A type may precede the identifier, as in `user-f47ac10b-…`.
  if (hasUuidWithin(chunk)) return chunk.split(UUID_WITHIN).map((part) => formOfChunk(part, level)).join("");
  const separator = SEPARATORS[level];
  if (separator === undefined || chunk.length < MIN_HEX_LENGTH) return chunk;
  return chunk.split(separator).map((part) => formOfChunk(part, level + 1)).join("");
}

function hasUuidWithin(chunk: string): boolean {
  return chunk.length > UUID_LENGTH && chunk.length <= MAX_CHUNK_LENGTH && UUID_WITHIN.test(chunk);
}

/**
 * Returns the form of a time or identifier; `undefined` for any other text. A value that stands for none has a form of
 * its own: a program has not set it.
 */
function recognise(chunk: string): string | undefined {
  const { length } = chunk;
  if (length < MIN_HEX_LENGTH || isUnset(chunk) || hasUuidWithin(chunk)) return undefined;
  const [, zone] = DATE_TIME.exec(chunk) ?? [undefined, undefined];
  if (zone !== undefined) return zone === "Z" || UTC_OFFSET.test(zone) ? "<time Z>" : "<time with offset>";
  if (DATE_TIME.test(chunk)) return "<time>";
  if (DATE.test(chunk)) return "<date>";
  if (CLOCK.test(chunk)) return "<clock>";
  if (UUID.test(chunk)) return UPPER.test(chunk) ? "<UUID>" : "<uuid>";
  const digits = DIGITS.exec(chunk)?.[1];
  if (digits !== undefined) return `<${digits.length} digits>`;
  // The digits of a fraction are a quantity.
  if (DECIMAL.test(chunk)) return chunk;
  if (JWT.test(chunk)) return "<jwt>";
  if (HEX.test(chunk)) return /\d/.test(chunk) ? `<${UPPER.test(chunk) ? "HEX" : "hex"} ${length}>` : undefined;
  if (length < MIN_TOKEN_LENGTH || !(BASE64_URL.test(chunk) || BASE64.test(chunk)) || !looksRandom(chunk)) {
    return undefined;
  }
  const lengthOf = length <= MAX_EXACT_LENGTH ? `${length}` : `about ${2 ** Math.round(Math.log2(length))}`;
  return `<token ${lengthOf}>`;
}

/** Reports whether a value is all zeros or ones, or a time of the year 0, 1, 1900, 1970 or 9999. */
function isUnset(chunk: string): boolean {
  return UNSET.test(chunk) || UNSET_TIME.test(chunk);
}

/** Reports whether the characters are as mixed as in random text. Words and paths have one case, and few digits. */
function looksRandom(chunk: string): boolean {
  let [upper, lower, digits] = [0, 0, 0];
  for (let at = 0; at < chunk.length; at++) {
    const code = chunk.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) digits++;
    else if (code >= 0x41 && code <= 0x5a) upper++;
    else if (code >= 0x61 && code <= 0x7a) lower++;
  }
  const { length } = chunk;
  if (upper > 0 && lower > 0) return upper >= length * 0.15 && lower >= length * 0.15 && digits > 0;
  return digits >= length * 0.1;
}
