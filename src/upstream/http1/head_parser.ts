/**
 * Incremental parser of response heads (RFC 9112 §2 to §5). It rejects folded lines, bare CR and control characters.
 * It removes white space between a field name and the colon (§5.1). A bare LF ends a line, as §2.2 allows: it has no
 * effect on the end of the body.
 */

import type { HeaderLine } from "../../config/config.ts";
import { MAX_HEAD_BYTES, MAX_HEAD_FIELDS } from "../response_head.ts";

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const DELETE = 127;

/** Prefix of every supported response. */
const PREFIX = Uint8Array.from("HTTP/1.", (character) => character.charCodeAt(0));
/** Offsets in the status line: `HTTP/1.1 200 OK`. */
const MINOR_AT = 7;
const STATUS_AT = 9;
const STATUS_END = 12;

/** 1 for characters of a token (RFC 9110 §5.6.2). */
const IS_TOKEN = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  IS_TOKEN[character.charCodeAt(0)] = 1;
}

/** A complete head. */
export interface ResponseHead {
  /** Minor version: 0 or 1. */
  readonly minorVersion: number;
  /** Status code, 100 to 999. */
  readonly status: number;
  /** Header lines as sent, without the white space around values. */
  readonly headers: HeaderLine[];
  /** Size of the head in bytes, including the empty line. */
  readonly bytes: number;
}

/** Reason for refusing a head. */
export type HeadFault = "malformed" | "too-large";

const decoder = new TextDecoder();

/** Parses one head after another. Each byte is scanned once, in however many pieces the head arrives. */
export class HeadParser {
  /** Number of bytes scanned since the beginning of the head. */
  #scanned = 0;
  #lineStart = 0;
  #lines = 0;
  /** Bitwise OR of all scanned bytes. From 128 on, one of them is not ASCII. */
  #bits = 0;

  /**
   * Parses all bytes received since the beginning of the head: the first `length` bytes, by default all. Returns the
   * head, the reason for refusing it, or `undefined` if it is incomplete.
   */
  parse(bytes: Uint8Array, length: number = bytes.length): ResponseHead | HeadFault | undefined {
    const end = this.#findEnd(bytes, length);
    if (typeof end === "string") return end;
    if (end === undefined) return length > MAX_HEAD_BYTES ? "too-large" : undefined;
    const text = this.#bits < 128 ? decoder.decode(bytes.subarray(0, end)) : latin1(bytes.subarray(0, end));
    this.#scanned =
      this.#lineStart =
      this.#lines =
      this.#bits =
        0;
    return end > MAX_HEAD_BYTES ? "too-large" : parseLines(bytes, text, end);
  }

  /** Finds the end of the head, and rejects forbidden characters. */
  #findEnd(bytes: Uint8Array, length: number): number | HeadFault | undefined {
    let at = this.#scanned;
    let bits = this.#bits;
    for (; at < PREFIX.length && at < length; at++) if (bytes[at] !== PREFIX[at]) return "malformed";
    for (; at < length; at++) {
      const byte = bytes[at]!;
      bits |= byte;
      if (byte >= SPACE && byte !== DELETE) continue;
      if (byte === LF) {
        const lineEnd = bytes[at - 1] === CR ? at - 1 : at;
        const lineBytes = lineEnd - this.#lineStart;
        this.#lineStart = at + 1;
        this.#bits = bits;
        if (lineBytes === 0) return at + 1;
        if (++this.#lines > MAX_HEAD_FIELDS + 1) return "too-large";
      } else if (byte === CR) {
        if (at + 1 === length) break;
        if (bytes[at + 1] !== LF) return "malformed";
      } else if (byte !== TAB) {
        return "malformed";
      }
    }
    this.#scanned = at;
    this.#bits = bits;
    return undefined;
  }
}

/** Splits a head. Its characters have been checked, except those of the names. */
function parseLines(bytes: Uint8Array, text: string, end: number): ResponseHead | "malformed" {
  const minorVersion = bytes[MINOR_AT]! - ZERO;
  const status = Number(text.slice(STATUS_AT, STATUS_END));
  const afterStatus = bytes[STATUS_END];
  if (minorVersion !== 0 && minorVersion !== 1) return "malformed";
  if (bytes[STATUS_AT - 1] !== SPACE || !hasDigits(bytes, STATUS_AT, STATUS_END) || status < 100) return "malformed";
  if (afterStatus !== SPACE && afterStatus !== CR && afterStatus !== LF) return "malformed";

  const headers: HeaderLine[] = [];
  let lineStart = text.indexOf("\n", STATUS_END) + 1;
  for (;;) {
    let lineEnd = text.indexOf("\n", lineStart);
    const next = lineEnd + 1;
    if (bytes[lineEnd - 1] === CR) lineEnd--;
    if (lineEnd === lineStart) return { minorVersion, status, headers, bytes: end };
    let at = lineStart;
    while (IS_TOKEN[bytes[at]!] === 1) at++;
    if (at === lineStart) return "malformed";
    const name = text.slice(lineStart, at);
    // Before framing: `Transfer-Encoding : chunked` must not mean one thing here and another to the client.
    while (isBlank(bytes[at])) at++;
    if (bytes[at++] !== COLON) return "malformed";
    while (isBlank(bytes[at])) at++;
    while (lineEnd > at && isBlank(bytes[lineEnd - 1])) lineEnd--;
    headers.push([name, text.slice(at, lineEnd)]);
    lineStart = next;
  }
}

function hasDigits(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at]! < ZERO || bytes[at]! > NINE) return false;
  return true;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** Decodes Latin-1. `TextDecoder` decodes `latin1` as windows-1252, whose characters differ from the bytes. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4_096) text += String.fromCharCode(...bytes.subarray(at, at + 4_096));
  return text;
}
