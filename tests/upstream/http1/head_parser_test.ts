/** Valid and refused response heads (RFC 9112 §2 to §5). */

import { assertEquals } from "@std/assert";
import type { HeaderLine } from "../../../src/config/config.ts";
import { HeadParser } from "../../../src/upstream/http1/head_parser.ts";
import { toBytes } from "../../_support/latin1.ts";

const OK = "HTTP/1.1 200 OK\r\n";

/** Parses a head in one piece, and checks that it has the same result when it grows byte by byte. */
function parse(text: string): ReturnType<HeadParser["parse"]> {
  const bytes = toBytes(text);
  const whole = new HeadParser().parse(bytes);
  // A long head grows in larger steps, because each step copies all of it.
  const step = bytes.length > 4_096 ? 4_093 : 1;
  const growing = new HeadParser();
  let grown: ReturnType<HeadParser["parse"]>;
  for (let end = step; grown === undefined && end < bytes.length + step; end += step) {
    grown = growing.parse(bytes.subarray(0, end));
  }
  assertEquals(grown, whole, "in pieces");
  return whole;
}

function field(line: string): string {
  return `${OK}${line}\r\n\r\n`;
}

const HEADS: readonly (readonly [name: string, text: string, status: number, headers: readonly HeaderLine[]])[] = [
  ["a status line alone", `${OK}\r\n`, 200, []],
  ["no reason phrase (RFC 9112 §4)", "HTTP/1.1 200 \r\n\r\n", 200, []],
  ["no space before the missing reason phrase", "HTTP/1.1 200\r\n\r\n", 200, []],
  ["Latin-1 and tabs in the reason phrase (§4)", "HTTP/1.1 200 Sch\xf6n\tgut\r\n\r\n", 200, []],
  ["an unregistered status (RFC 9110 §15)", "HTTP/1.1 999 X\r\n\r\n", 999, []],
  ["an interim response", "HTTP/1.1 100 Continue\r\n\r\n", 100, []],
  ["white space before a colon, which is removed (§5.1)", field("Content-Length \t : 1\r\na\t:b"), 200, [
    ["Content-Length", "1"],
    ["a", "b"],
  ]],
  ["a field", field("ETag: 1"), 200, [["ETag", "1"]]],
  ["no white space around a value (§5.1)", field("a:1"), 200, [["a", "1"]]],
  ["much white space around a value (§5.1)", field("a: \t 1 2\t \t"), 200, [["a", "1 2"]]],
  ["an empty value (§5.5)", field("a:"), 200, [["a", ""]]],
  ["a value of white space alone (§5.1)", field("a: \t "), 200, [["a", ""]]],
  ["colons in a value", field("a: b:c"), 200, [["a", "b:c"]]],
  ["one field twice, in order (RFC 9110 §5.3)", field("B: 1\r\na: 2\r\nb: 3"), 200, [["B", "1"], ["a", "2"], [
    "b",
    "3",
  ]]],
  ["every character of a token (RFC 9110 §5.6.2)", field("!#$%&'*+-.^_`|~09azAZ: 1"), 200, [
    ["!#$%&'*+-.^_`|~09azAZ", "1"],
  ]],
  ["Latin-1 in a value, byte for byte (RFC 9110 §5.5)", field("a: \x80\xe9\xff"), 200, [["a", "\x80\xe9\xff"]]],
  ["no-break space is no white space (§5.1)", field("a: \xa01\xa0"), 200, [["a", "\xa01\xa0"]]],
  ["UTF-8 in a value, byte for byte", field("a: \xc3\xa9"), 200, [["a", "\xc3\xa9"]]],
  ["bare LF as a line end (§2.2)", "HTTP/1.1 200 OK\na: 1\n\n", 200, [["a", "1"]]],
  ["both line ends in one head", "HTTP/1.1 200 OK\na: 1\r\nb: 2\n\r\n", 200, [["a", "1"], ["b", "2"]]],
];

for (const [name, text, status, headers] of HEADS) {
  Deno.test(`HeadParser reads ${name}`, () => {
    assertEquals(parse(text), { minorVersion: 1, status, headers: [...headers], bytes: text.length });
  });
}

Deno.test("HeadParser reads HTTP/1.0 (RFC 9112 §2.3)", () => {
  assertEquals(parse("HTTP/1.0 200 OK\r\n\r\n"), { minorVersion: 0, status: 200, headers: [], bytes: 19 });
});

const MALFORMED: readonly (readonly [name: string, text: string])[] = [
  ["another protocol", "SSH-2.0-OpenSSH_9\r\n\r\n"],
  ["an empty line before the status line", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["white space before the status line", " HTTP/1.1 200 OK\r\n\r\n"],
  ["a lower-case protocol name (§2.3)", "http/1.1 200 OK\r\n\r\n"],
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
  ["HTTP/1.10", "HTTP/1.10 200 OK\r\n\r\n"],
  ["no minor version", "HTTP/1. 200 OK\r\n\r\n"],
  ["no status", "HTTP/1.1\r\n\r\n"],
  ["a status of two digits (§4)", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits (§4)", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status below 100 (RFC 9110 §15)", "HTTP/1.1 099 X\r\n\r\n"],
  ["a signed status", "HTTP/1.1 +20 X\r\n\r\n"],
  ["a status with a dot", "HTTP/1.1 20. X\r\n\r\n"],
  ["a letter in the status", "HTTP/1.1 2x0 X\r\n\r\n"],
  ["two spaces before the status (§4)", "HTTP/1.1  200 OK\r\n\r\n"],
  ["a tab before the status (§4)", "HTTP/1.1\t200 OK\r\n\r\n"],
  ["a tab behind the status (§4)", "HTTP/1.1 200\tOK\r\n\r\n"],
  ["a status line that the head ends in", "HTTP/1.1 2\n\n"],
  ["white space and another word before the colon", field("a b : 1")],
  ["white space instead of a name (§5.1)", field(" : 1")],
  ["white space before the end of a line without a colon", field("a \r\n: 1")],
  ["a folded field (§5.2)", field("a: 1\r\n 2")],
  ["a field folded by a tab (§5.2)", field("a: 1\r\n\t2")],
  ["a folded line before any field (§2.2)", field(" a: 1")],
  ["a line of white space", field("a: 1\r\n ")],
  ["a line without a colon (§5)", field("a")],
  ["a field without a name (§5)", field(": 1")],
  ["white space within a name", field("a b: 1")],
  ["a NUL in a name", field("a\0: 1")],
  ["a NUL in a value (RFC 9110 §5.5)", field("a: \0")],
  ["a NUL in the reason phrase (§4)", "HTTP/1.1 200 O\0K\r\n\r\n"],
  ["a vertical tab before a value", field("Transfer-Encoding:\x0bchunked")],
  ["a control character in a value", field("a: \x1b[0m")],
  ["DEL in a value", field("a: \x7f")],
  ["Latin-1 in a name (RFC 9110 §5.1)", field("\xe4: 1")],
  ["a separator in a name (RFC 9110 §5.6.2)", field("a(b): 1")],
  ["a quoted name", field('"a": 1')],
  ["bare CR in a value (§2.2)", field("a: 1\rb: 2")],
  ["bare CR in the status line (§2.2)", "HTTP/1.1 200 OK\ra: 1\r\n\r\n"],
  ["CR CR LF", field("a: 1\r")],
  ["bare CR as the empty line", `${OK}a: 1\r\n\ra`],
];

for (const [name, text] of MALFORMED) {
  Deno.test(`HeadParser refuses ${name}`, () => assertEquals(parse(text), "malformed"));
}

Deno.test("HeadParser waits for the end of a head", () => {
  for (
    const text of [
      "",
      "H",
      "HTTP/1.1",
      OK,
      `${OK}\r`,
      `${OK}a: 1`,
      `${OK}a: 1\r`,
      `${OK}a: 1\r\n`,
      "HTTP/1.1 200 OK\na: 1\n",
    ]
  ) {
    assertEquals(parse(text), undefined, JSON.stringify(text));
  }
});

Deno.test("HeadParser consumes no byte after the head, and parses the next head", () => {
  const [first, second] = ["HTTP/1.1 103 Early Hints\r\nlink: \xe9\r\n\r\n", `${OK}a: b\r\n\r\n`];
  const parser = new HeadParser();
  const bytes = toBytes(`${first}${second}\0\r\n`);
  const head = parser.parse(bytes);
  assertEquals(head, { minorVersion: 1, status: 103, headers: [["link", "\xe9"]], bytes: first.length });
  assertEquals(parser.parse(bytes.subarray(first.length)), {
    minorVersion: 1,
    status: 200,
    headers: [["a", "b"]],
    bytes: second.length,
  });
});

/** Returns a head of the given size, with lines of ordinary length. */
function headOf(bytes: number): string {
  let text = OK;
  while (text.length < bytes - 4_096) text += `a: ${"x".repeat(2_000)}\r\n`;
  return `${text}b: ${"x".repeat(bytes - text.length - "b: \r\n\r\n".length)}\r\n\r\n`;
}

// Columns: name, text at the limit, text above it.
const LIMITS: readonly (readonly [what: string, most: string, more: string])[] = [
  ["a head of 256 KiB", headOf(262_144), headOf(262_145)],
  [
    "a head of one line",
    `HTTP/1.1 200 ${"x".repeat(262_127)}\r\n\r\n`,
    `HTTP/1.1 200 ${"x".repeat(262_128)}\r\n\r\n`,
  ],
  ["1,000 fields", `${OK}${"a: 1\r\n".repeat(1_000)}\r\n`, `${OK}${"a: 1\r\n".repeat(1_001)}\r\n`],
];

for (const [what, most, more] of LIMITS) {
  Deno.test(`HeadParser reads ${what} and refuses one more`, () => {
    const head = parse(most);
    assertEquals(typeof head === "object" && head.bytes, most.length);
    assertEquals(parse(more), "too-large");
  });
}

Deno.test("HeadParser refuses a head above a limit before it has arrived completely", () => {
  assertEquals(parse(headOf(262_149).slice(0, -4)), "too-large");
  assertEquals(parse(`${OK}a: ${"x".repeat(262_144)}`), "too-large");
  assertEquals(parse(`${OK}${"a: 1\r\n".repeat(1_001)}`), "too-large");
});
