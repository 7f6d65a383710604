/** Two JSON texts of the same shape, read side by side: what differs is found without parsing either of them. */

import { ELEMENT, type Segment } from "../config/answer_path.ts";
import { decodeText } from "./answer_format.ts";
import { type ParsedJson, parseExactJson } from "./exact_json.ts";
import { isJsonObject } from "./json_value.ts";

/** A value that is no container, and differs. */
export interface DifferingLeaf {
  /** Where it is. */
  readonly path: readonly Segment[];
  /** The one text's value, as `parseExactJson` reads it. */
  readonly expected: unknown;
  /** The other's. */
  readonly actual: unknown;
}

/** Deeper documents, and those that differ in more places, are left to the parser. */
const MAX_DEPTH = 64;
const MAX_LEAVES = 50;

const [QUOTE, BACKSLASH, COLON, COMMA, MINUS, POINT, ZERO, NINE] = [0x22, 0x5c, 0x3a, 0x2c, 0x2d, 0x2e, 0x30, 0x39];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const [SPACE, TAB, LINE_FEED, RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const ASCII_BYTES = 0x80;
const IN_ARRAY = -1;
const LITERALS: readonly (readonly number[])[] = ["true", "false", "null"].map((word) =>
  [...word].map((letter) => letter.charCodeAt(0))
);
/** A byte order mark within a text is a character as others are. */
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Finds the values that differ, where two documents have the same keys and elements in the same order.
 *
 * @param expected The primary's text, in UTF-8.
 * @param actual The other's.
 * @returns The values, of several at one place each; `undefined` where it takes a parser to tell: the shape is not the
 * same, or one of them may be no JSON.
 */
export function differingLeaves(expected: Uint8Array, actual: Uint8Array): readonly DifferingLeaf[] | undefined {
  const reader = new Lockstep(expected, actual);
  if (!reader.readDocuments()) return undefined;
  const isText = !reader.hasOtherThanAscii || (decodeText(expected) !== undefined && decodeText(actual) !== undefined);
  return isText ? reader.leaves : undefined;
}

/** All methods that read return whether both are as they must be to go on. */
class Lockstep {
  readonly leaves: DifferingLeaf[] = [];
  hasOtherThanAscii = false;
  readonly #a: Uint8Array;
  readonly #b: Uint8Array;
  /** Where the keys begin that lead to the value that is being read. */
  readonly #keys: number[] = [];
  #atA = 0;
  #atB = 0;

  constructor(a: Uint8Array, b: Uint8Array) {
    this.#a = a;
    this.#b = b;
  }

  readDocuments(): boolean {
    this.#skipSpace();
    if (!this.#readValue()) return false;
    this.#skipSpace();
    return this.#atA === this.#a.length && this.#atB === this.#b.length;
  }

  #readValue(): boolean {
    const [a, b] = [this.#a[this.#atA], this.#b[this.#atB]];
    if (a === OPEN_BRACE) return b === OPEN_BRACE && this.#readObject();
    if (a === OPEN_BRACKET) return b === OPEN_BRACKET && this.#readArray();
    return (a === QUOTE ? this.#passString() : this.#passPlain()) || this.#readLeaf();
  }

  #readObject(): boolean {
    let changed: number[] | undefined;
    if (!this.#open()) return false;
    if (this.#a[this.#atA] === CLOSE_BRACE) return this.#pass(CLOSE_BRACE);
    for (;;) {
      const keyAt = this.#atA;
      if (this.#a[keyAt] !== QUOTE || !this.#passString()) return false;
      // Of several members with one key the last counts.
      if (changed?.some((at) => this.#isSameKey(at, keyAt))) return false;
      this.#skipSpace();
      if (!this.#pass(COLON)) return false;
      this.#skipSpace();
      const known = this.leaves.length;
      this.#keys.push(keyAt);
      if (!this.#readValue()) return false;
      this.#keys.pop();
      if (this.leaves.length > known) (changed ??= []).push(keyAt);
      this.#skipSpace();
      if (this.#pass(CLOSE_BRACE)) return true;
      if (!this.#pass(COMMA)) return false;
      this.#skipSpace();
    }
  }

  #readArray(): boolean {
    if (!this.#open()) return false;
    if (this.#a[this.#atA] === CLOSE_BRACKET) return this.#pass(CLOSE_BRACKET);
    this.#keys.push(IN_ARRAY);
    for (;;) {
      if (!this.#readValue()) return false;
      this.#skipSpace();
      if (this.#pass(CLOSE_BRACKET)) {
        this.#keys.pop();
        return true;
      }
      if (!this.#pass(COMMA)) return false;
      this.#skipSpace();
    }
  }

  #open(): boolean {
    this.#atA++;
    this.#atB++;
    this.#skipSpace();
    return this.#keys.length < MAX_DEPTH;
  }

  /** One byte that both have here. */
  #pass(byte: number): boolean {
    if (this.#a[this.#atA] !== byte || this.#b[this.#atB] !== byte) return false;
    this.#atA++;
    this.#atB++;
    return true;
  }

  #skipSpace(): void {
    this.#atA = spaceEnd(this.#a, this.#atA);
    this.#atB = spaceEnd(this.#b, this.#atB);
  }

  /** A string that both have, without escapes. */
  #passString(): boolean {
    const [a, b] = [this.#a, this.#b];
    const shift = this.#atB - this.#atA;
    if (b[this.#atB] !== QUOTE) return false;
    for (let at = this.#atA + 1; at < a.length; at++) {
      const byte = a[at]!;
      if (byte !== b[at + shift] || byte < SPACE || byte === BACKSLASH) return false;
      if (byte >= ASCII_BYTES) this.hasOtherThanAscii = true;
      if (byte !== QUOTE) continue;
      this.#atA = at + 1;
      this.#atB = at + 1 + shift;
      return true;
    }
    return false;
  }

  /** A number without an exponent, or a word, that both have. */
  #passPlain(): boolean {
    const [a, b] = [this.#a, this.#b];
    const end = plainEnd(a, this.#atA);
    const shift = this.#atB - this.#atA;
    if (end === this.#atA || !isEnd(a[end]) || !isEnd(b[end + shift])) return false;
    for (let at = this.#atA; at < end; at++) if (a[at] !== b[at + shift]) return false;
    this.#atA = end;
    this.#atB = end + shift;
    return true;
  }

  /** Any two values that are no containers: what they are is for the parser to say. */
  #readLeaf(): boolean {
    const [startA, startB] = [this.#atA, this.#atB];
    this.#atA = leafEnd(this.#a, startA);
    this.#atB = leafEnd(this.#b, startB);
    const expected = this.#parse(this.#a.subarray(startA, this.#atA));
    const actual = this.#parse(this.#b.subarray(startB, this.#atB));
    if (expected === undefined || actual === undefined) return false;
    if (isContainer(expected.value) || isContainer(actual.value)) return false;
    if (expected.value === actual.value) return true;
    this.leaves.push({ path: this.#path(), expected: expected.value, actual: actual.value });
    return this.leaves.length <= MAX_LEAVES;
  }

  #parse(bytes: Uint8Array): ParsedJson | undefined {
    this.hasOtherThanAscii ||= bytes.some((byte) => byte >= ASCII_BYTES);
    return parseExactJson(UTF8.decode(bytes));
  }

  #path(): Segment[] {
    return this.#keys.map((at) =>
      at === IN_ARRAY ? ELEMENT : UTF8.decode(this.#a.subarray(at + 1, leafEnd(this.#a, at) - 1))
    );
  }

  #isSameKey(one: number, other: number): boolean {
    for (let length = 1;; length++) {
      const byte = this.#a[one + length];
      if (byte !== this.#a[other + length]) return false;
      if (byte === QUOTE) return true;
    }
  }
}

function isContainer(value: unknown): boolean {
  return Array.isArray(value) || isJsonObject(value);
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB;
}

/** What may stand behind a value. */
function isEnd(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === undefined || isSpace(byte);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function spaceEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isSpace(bytes[at])) at++;
  return at;
}

/** @returns Where the number or the word ends that begins there; the start where there is none. */
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

/** @returns Where the value ends that begins there and is no container, if it is one at all. */
function leafEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  if (bytes[at] !== QUOTE) {
    while (!isEnd(bytes[at])) at++;
    return at;
  }
  for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
  return at + 1;
}
