/** Finds differences between two JSON texts of the same shape by reading them side by side, without parsing them. */

import { ELEMENT, type Segment } from "../config/body_path.ts";
import { isJsonObject, type ParsedJson, parseExactJson } from "../lib/exact_json.ts";
import { StepBudget } from "../lib/step_budget.ts";
import { decodeText } from "./captured_response.ts";

/** A differing value that is neither object nor array. */
export interface DifferingLeaf {
  /** The path of the value. */
  readonly path: readonly Segment[];
  /** The baseline's value, as `parseExactJson` returns it. */
  readonly expected: unknown;
  /** The candidate's value. */
  readonly actual: unknown;
}

/** Maximum depth of a document. Deeper documents are left to the parser. */
const MAX_DEPTH = 64;
/** Maximum differing leaves. Documents with more are left to the parser. */
const MAX_LEAVES = 1_000;
/** Bytes read per step. */
const BYTES_PER_STEP = 4;

const [QUOTE, BACKSLASH, COLON, COMMA, MINUS, POINT, ZERO, NINE] = [0x22, 0x5c, 0x3a, 0x2c, 0x2d, 0x2e, 0x30, 0x39];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const [SPACE, TAB, LINE_FEED, RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const ASCII_BYTES = 0x80;
const IN_ARRAY = -1;
/** 1 for ASCII bytes that strings may contain without an escape. */
const PLAIN = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte >= SPACE && byte < ASCII_BYTES && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
const LITERALS: readonly (readonly number[])[] = ["true", "false", "null"].map((word) =>
  [...word].map((letter) => letter.charCodeAt(0))
);
/** Keeps byte order marks, because inside a text they are ordinary characters. */
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Finds the leaves that differ between two texts in UTF-8 with the same keys and elements in the same order. A path
 * that occurs several times has several leaves.
 *
 * Returns `undefined` if a parser is needed: if shape or white space differ, or if a text may not be JSON. Without
 * `steps`, the work is not limited. With `isPrefix`, both texts are beginnings of longer texts that end alike.
 */
export function differingLeaves(
  expected: Uint8Array,
  actual: Uint8Array,
  steps: StepBudget = new StepBudget(),
  { isPrefix = false }: { readonly isPrefix?: boolean } = {},
): readonly DifferingLeaf[] | undefined {
  steps.take((expected.length + actual.length) / BYTES_PER_STEP);
  const reader = new Lockstep(expected, actual, steps);
  if (!reader.readDocuments() && !(isPrefix && reader.hasSameEnd())) return undefined;
  const decode = (bytes: Uint8Array) => decodeText(bytes, "utf-8", { stream: isPrefix });
  const isText = !reader.hasNonAscii || (decode(expected) !== undefined && decode(actual) !== undefined);
  return isText ? reader.leaves : undefined;
}

/** A pair of cursors. Methods that read or pass a token return `false` if the texts must be left to the parser. */
class Lockstep {
  readonly leaves: DifferingLeaf[] = [];
  hasNonAscii = false;
  readonly #a: Uint8Array;
  readonly #b: Uint8Array;
  readonly #steps: StepBudget;
  /** Offsets of the keys on the path to the current value; `IN_ARRAY` for an element. */
  readonly #keys: number[] = [];
  #at = 0;
  /** Offset in `#b` minus offset in `#a`. Differing values may have different lengths. */
  #shift = 0;

  constructor(a: Uint8Array, b: Uint8Array, steps: StepBudget) {
    this.#a = a;
    this.#b = b;
    this.#steps = steps;
  }

  readDocuments(): boolean {
    return this.#skipSpace() && this.#readValue() && this.#skipSpace() &&
      this.#at === this.#a.length && this.#at + this.#shift === this.#b.length;
  }

  /** Reports whether all bytes after the last token that was passed are the same. */
  hasSameEnd(): boolean {
    const length = this.#a.length - this.#at;
    if (length !== this.#b.length - this.#at - this.#shift) return false;
    for (let at = this.#at; at < this.#a.length; at++) if (this.#a[at] !== this.#b[at + this.#shift]) return false;
    return true;
  }

  #readValue(): boolean {
    const first = this.#a[this.#at];
    if (first === QUOTE) return this.#passString() || this.#readLeaf();
    if (first === OPEN_BRACE) return this.#pass(OPEN_BRACE) && this.#readMembers();
    if (first === OPEN_BRACKET) return this.#pass(OPEN_BRACKET) && this.#readElements();
    return this.#passPlain() || this.#readLeaf();
  }

  #readMembers(): boolean {
    if (this.#keys.length >= MAX_DEPTH || !this.#skipSpace()) return false;
    if (this.#a[this.#at] === CLOSE_BRACE) return this.#pass(CLOSE_BRACE);
    let changed: number[] | undefined;
    for (;;) {
      const keyAt = this.#at;
      if (this.#a[keyAt] !== QUOTE || !this.#passString()) return false;
      // If a key occurs several times, the last member counts, so an earlier one must not be a difference.
      if (changed?.some((at) => this.#isSameKey(at, keyAt))) return false;
      if (!this.#skipSpace() || !this.#pass(COLON) || !this.#skipSpace()) return false;
      const known = this.leaves.length;
      this.#keys.push(keyAt);
      if (!this.#readValue() || !this.#skipSpace()) return false;
      this.#keys.pop();
      if (this.leaves.length > known) (changed ??= []).push(keyAt);
      if (this.#a[this.#at] === CLOSE_BRACE) return this.#pass(CLOSE_BRACE);
      if (!this.#pass(COMMA) || !this.#skipSpace()) return false;
    }
  }

  #readElements(): boolean {
    if (this.#keys.length >= MAX_DEPTH || !this.#skipSpace()) return false;
    if (this.#a[this.#at] === CLOSE_BRACKET) return this.#pass(CLOSE_BRACKET);
    this.#keys.push(IN_ARRAY);
    for (;;) {
      if (!this.#readValue() || !this.#skipSpace()) return false;
      if (this.#a[this.#at] === CLOSE_BRACKET) break;
      if (!this.#pass(COMMA) || !this.#skipSpace()) return false;
    }
    this.#keys.pop();
    return this.#pass(CLOSE_BRACKET);
  }

  /** Passes one byte that both texts have. */
  #pass(byte: number): boolean {
    if (this.#a[this.#at] !== byte || this.#b[this.#at + this.#shift] !== byte) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): boolean {
    // Shortcut, because most texts have no white space.
    if (this.#a[this.#at]! > SPACE) return true;
    for (; isSpace(this.#a[this.#at]); this.#at++) {
      if (this.#a[this.#at] !== this.#b[this.#at + this.#shift]) return false;
    }
    return true;
  }

  /** Passes a string without escapes that both texts have. */
  #passString(): boolean {
    const [a, b, shift] = [this.#a, this.#b, this.#shift];
    if (b[this.#at + shift] !== QUOTE) return false;
    for (let at = this.#at + 1; at < a.length; at++) {
      const byte = a[at]!;
      if (byte !== b[at + shift]) return false;
      if (PLAIN[byte] === 1) continue;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (byte < ASCII_BYTES) return false;
      this.hasNonAscii = true;
    }
    return false;
  }

  /** Passes a number without exponent, or a literal, that both texts have. */
  #passPlain(): boolean {
    const [a, b, start, shift] = [this.#a, this.#b, this.#at, this.#shift];
    const end = plainEnd(a, start);
    if (end === start || !isEnd(a[end]) || !isEnd(b[end + shift])) return false;
    for (let at = start; at < end; at++) if (a[at] !== b[at + shift]) return false;
    this.#at = end;
    return true;
  }

  /** Reads two leaves of any kind. The parser decides on their values. */
  #readLeaf(): boolean {
    const startB = this.#at + this.#shift;
    const [endA, endB] = [leafEnd(this.#a, this.#at), leafEnd(this.#b, startB)];
    const expected = this.#parse(this.#a.subarray(this.#at, endA));
    const actual = this.#parse(this.#b.subarray(startB, endB));
    if (expected === undefined || actual === undefined) return false;
    if (isContainer(expected.value) || isContainer(actual.value)) return false;
    this.#at = endA;
    this.#shift = endB - endA;
    if (expected.value === actual.value) return true;
    this.leaves.push({ path: this.#path(), expected: expected.value, actual: actual.value });
    return this.leaves.length <= MAX_LEAVES;
  }

  #parse(bytes: Uint8Array): ParsedJson | undefined {
    // Shortcut for most strings, because a call of the parser costs as much as comparing a hundred bytes.
    if (isPlainString(bytes)) return { value: UTF8.decode(bytes.subarray(1, bytes.length - 1)) };
    this.hasNonAscii ||= bytes.some((byte) => byte >= ASCII_BYTES);
    return parseExactJson(UTF8.decode(bytes), this.#steps);
  }

  #path(): Segment[] {
    return this.#keys.map((at) => {
      if (at === IN_ARRAY) return ELEMENT;
      const end = leafEnd(this.#a, at);
      this.#steps.take(end - at);
      return UTF8.decode(this.#a.subarray(at + 1, end - 1));
    });
  }

  #isSameKey(a: number, b: number): boolean {
    for (let length = 1;; length++) {
      const byte = this.#a[a + length];
      const isSame = byte === this.#a[b + length];
      if (isSame && byte !== QUOTE) continue;
      this.#steps.take(1 + length / BYTES_PER_STEP);
      return isSame;
    }
  }
}

/** Reports whether a leaf is a string of ASCII without escapes. */
function isPlainString(bytes: Uint8Array): boolean {
  const last = bytes.length - 1;
  if (last < 1 || bytes[0] !== QUOTE || bytes[last] !== QUOTE) return false;
  for (let at = 1; at < last; at++) if (PLAIN[bytes[at]!] !== 1) return false;
  return true;
}

function isContainer(value: unknown): boolean {
  return Array.isArray(value) || isJsonObject(value);
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB;
}

/** Reports whether a byte may follow a value. */
function isEnd(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === undefined || isSpace(byte);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** Returns the end of a number without exponent, or of a literal; `start` if there is none. */
function plainEnd(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first !== MINUS && !isDigit(first)) return wordEnd(bytes, start);
  const whole = first === MINUS ? start + 1 : start;
  const wholeEnd = digitsEnd(bytes, whole);
  if (wholeEnd === whole || (bytes[whole] === ZERO && wholeEnd > whole + 1)) return start;
  if (bytes[wholeEnd] !== POINT) return wholeEnd;
  const end = digitsEnd(bytes, wholeEnd + 1);
  return end === wholeEnd + 1 ? start : end;
}

function digitsEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isDigit(bytes[at])) at++;
  return at;
}

function wordEnd(bytes: Uint8Array, start: number): number {
  for (const letters of LITERALS) {
    if (letters[0] !== bytes[start]) continue;
    return letters.every((letter, index) => letter === bytes[start + index]) ? start + letters.length : start;
  }
  return start;
}

/** Returns the end of a leaf. The result is only meaningful if the text is valid. */
function leafEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  if (bytes[at] !== QUOTE) {
    while (!isEnd(bytes[at])) at++;
    return at;
  }
  for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
  return at + 1;
}
