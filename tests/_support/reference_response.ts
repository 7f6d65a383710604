/**
 * Reference implementation of RFC 9112: regular expressions over a whole response. It is slow, has no limits, and was
 * written independently of the parser that it checks.
 */

import type { HeaderLine } from "../../src/config/config.ts";

/** A complete response, and the reuse of its connection. */
export interface Reading {
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  readonly body: string;
  readonly isReusable: boolean;
}

const HEAD = new RegExp(
  String.raw`HTTP/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r?\n` +
    String.raw`((?:[-!#$%&'*+.^_\x60|~0-9A-Za-z]+[\t ]*:[\t\x20-\x7e\x80-\xff]*\r?\n)*)\r?\n`,
  "y",
);
// Control characters in dropped parts are harmless unless they end a line.
const CHUNK_SIZE = /([0-9A-Fa-f]{1,13})[\t ]*(?:;[\t\x20-\xff]*)?\r\n/y;
const TRAILERS = /(?:[\t\x20-\xff]+\r\n)*\r\n/y;

/**
 * Reads a response, given as Latin-1, after which the backend sends nothing more. Returns `undefined` if the response
 * is invalid, refused or incomplete.
 */
export function readReference(text: string, method: string): Reading | undefined {
  let at = 0;
  for (;;) {
    const head = matchAt(HEAD, text, at);
    if (head === undefined) return undefined;
    at += head[0].length;
    const [, minorVersion, code, fields = ""] = head;
    const status = Number(code);
    if (status === 101 || status > 599) return undefined;
    if (status < 200) continue;
    const headers = fields.split(/\r?\n/).slice(0, -1).map((line): HeaderLine => {
      const [, name = "", value = ""] = /^([^:]+?)[\t ]*:[\t ]*([^]*?)[\t ]*$/.exec(line)!;
      return [name, value];
    });
    return readBody({ status, headers, isOld: minorVersion === "0", hasNone: method === "HEAD" }, text, at);
  }
}

interface Head {
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  readonly isOld: boolean;
  /** True if the request method allows no body in the response. */
  readonly hasNone: boolean;
}

function readBody({ status, headers, isOld, hasNone }: Head, text: string, at: number): Reading | undefined {
  const codings = valuesOf(headers, "transfer-encoding");
  const lengths = valuesOf(headers, "content-length");
  // `trim()` removes more than HTTP allows. At worst, a reusable connection is closed.
  const options = valuesOf(headers, "connection").join().split(",").map((option) => option.trim().toLowerCase());
  const keepsAlive = !options.includes("close") && (!isOld || options.includes("keep-alive"));
  if (codings.length > 0 && (isOld || codings.join().toLowerCase() !== "chunked")) return undefined;
  const members = lengths.join().split(",").map((member) => member.replace(/^[\t ]+|[\t ]+$/g, "")).filter(Boolean);
  const isBoth = codings.length > 0 && lengths.length > 0;
  let relied = headers;
  if (lengths.length > 0 && codings.length === 0) {
    const [length = ""] = members;
    if (!/^\d+$/.test(length) || Number(length) > Number.MAX_SAFE_INTEGER) return undefined;
    if (members.some((member) => member !== length)) return undefined;
    if (lengths.join() !== length) relied = [...without(headers, "content-length"), ["content-length", length]];
  } else if (isBoth) relied = without(headers, "content-length");

  const whole = (end: number, body: string, canGoOn = true): Reading => {
    return { status, headers: relied, body, isReusable: canGoOn && keepsAlive && !isBoth && end === text.length };
  };
  if (hasNone || status === 304) return whole(at, "");
  if (status === 204) return whole(at, "", codings.length === 0 && !(Number(members[0]) > 0));
  if (codings.length > 0) return readChunks(text, at, whole);
  if (lengths.length === 0) return whole(text.length, text.slice(at), false);
  const end = at + Number(members[0]);
  return end > text.length ? undefined : whole(end, text.slice(at, end));
}

function readChunks(
  text: string,
  start: number,
  whole: (end: number, body: string) => Reading,
): Reading | undefined {
  let body = "";
  for (let at = start;;) {
    const line = matchAt(CHUNK_SIZE, text, at);
    if (line === undefined) return undefined;
    at += line[0].length;
    const size = parseInt(line[1]!, 16);
    if (size === 0) {
      const trailers = matchAt(TRAILERS, text, at);
      return trailers === undefined ? undefined : whole(at + trailers[0].length, body);
    }
    body += text.slice(at, at + size);
    at += size + 2;
    if (text.slice(at - 2, at) !== "\r\n") return undefined;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function valuesOf(headers: readonly HeaderLine[], field: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === field).map(([, value]) => value);
}

function without(headers: readonly HeaderLine[], field: string): HeaderLine[] {
  return headers.filter(([name]) => name.toLowerCase() !== field);
}
