/** The chunked coding (RFC 9112 §7.1): valid bodies, invalid ones, and limits. */

import { assertEquals, assertThrows } from "@std/assert";
import { UpstreamFailure } from "../../../src/upstream/transport.ts";
import { ChunkedDecoder } from "../../../src/upstream/http1/chunked_decoder.ts";
import { toBytes, toText } from "../../_support/latin1.ts";

interface Result {
  readonly data: string;
  readonly ended: boolean;
  /** Length of the text that belongs to the body. */
  readonly consumed: number;
}

/** Decodes a text in pieces. Each lies within a larger buffer, whose other bytes must not change. */
function decode(text: string, pieceLength: number): Result {
  const decoder = new ChunkedDecoder();
  let data = "";
  let consumed = 0;
  for (let at = 0; at < text.length && !decoder.ended; at += pieceLength) {
    const piece = text.slice(at, at + pieceLength);
    const bytes = toBytes(`<<${piece}>>`);
    const { dataEnd, consumedEnd } = decoder.decode(bytes, 2, 2 + piece.length);
    data += toText(bytes.subarray(2, dataEnd));
    consumed += consumedEnd - 2;
    assertEquals(toText(bytes.subarray(0, 2)) + toText(bytes.subarray(-2)), "<<>>");
  }
  return { data, ended: decoder.ended, consumed };
}

/** Decodes a text as a whole, and checks that pieces give the same result. */
function decodeInPieces(text: string): Result {
  const whole = decode(text, text.length);
  for (const length of [1, 2, 3, 7]) assertEquals(decode(text, length), whole, `in pieces of ${length}`);
  return whole;
}

// Columns: name, coded body, data.
const BODIES: readonly (readonly [name: string, text: string, data: string])[] = [
  ["no data", "0\r\n\r\n", ""],
  ["one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["several chunks", "5\r\nhello\r\n1\r\n \r\n6\r\nworld!\r\n0\r\n\r\n", "hello world!"],
  [
    "hexadecimal sizes in either case (§7.1)",
    `a\r\n${"x".repeat(10)}\r\nB\r\n${"y".repeat(11)}\r\n0\r\n\r\n`,
    "x".repeat(10) + "y".repeat(11),
  ],
  ["leading zeros (§7.1)", "0005\r\nhello\r\n0000\r\n\r\n", "hello"],
  ["data that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"],
  ["data of any bytes", "4\r\n\0\xff\r\n\r\n0\r\n\r\n", "\0\xff\r\n"],
  ["extensions (§7.1.1)", '5;a;b=c;d="e;f"\r\nhello\r\n0;g\r\n\r\n', "hello"],
  ["white space around extensions (§7.1.1)", "5 \t; a = b \r\nhello\r\n0\t;g\r\n\r\n", "hello"],
  // Some servers pad the size, which is not ambiguous.
  ["white space after a size", "5  \r\nhello\r\n0 \r\n\r\n", "hello"],
  ["Latin-1 in an extension", '5;a="\xe9"\r\nhello\r\n0\r\n\r\n', "hello"],
  ["an empty extension", "5;\r\nhello\r\n0\r\n\r\n", "hello"],
  ["trailers (§7.1.2)", "5\r\nhello\r\n0\r\na: 1\r\nContent-Length: 9\r\n\r\n", "hello"],
  ["Latin-1 in a trailer", "0\r\na: \xe9\r\n\r\n", ""],
];

for (const [name, text, data] of BODIES) {
  Deno.test(`ChunkedDecoder reads ${name}`, () => {
    assertEquals(decodeInPieces(text), { data, ended: true, consumed: text.length });
  });
  Deno.test(`ChunkedDecoder does not consume bytes after ${name}`, () => {
    const whole = decode(`${text}HTTP/1.1 200 OK\r\n\r\n`, 1_000);
    assertEquals(whole, { data, ended: true, consumed: text.length });
  });
  Deno.test(`ChunkedDecoder does not end before the end of ${name}`, () => {
    for (let end = 0; end < text.length; end++) assertEquals(decode(text.slice(0, end), 1_000).ended, false);
  });
}

const BROKEN: readonly (readonly [name: string, text: string])[] = [
  ["no size", "\r\nhello\r\n"],
  ["an extension without a size", ";a\r\n"],
  ["a size that is not a number", "x\r\n"],
  ["a size followed by a letter", "5g\r\n"],
  ["a size with a sign", "+5\r\nhello\r\n"],
  ["a negative size", "-5\r\nhello\r\n"],
  ["a size with 0x", "0x5\r\nhello\r\n"],
  ["a size with an underscore", "1_0\r\n"],
  ["a size with a dot", "5.\r\nhello\r\n"],
  ["a size in quotes", '"5"\r\nhello\r\n'],
  ["a comma after a size", "5,\r\nhello\r\n"],
  ["a size in full-width digits", "\xef\xbc\x95\r\n"],
  ["white space before a size (§7.1)", " 5\r\nhello\r\n"],
  ["a tab before a size", "\t5\r\nhello\r\n"],
  ["white space inside a size", "1 0\r\n"],
  ["a vertical tab after a size", "5\x0b\r\nhello\r\n"],
  ["a no-break space after a size", "5\xa0\r\nhello\r\n"],
  ["a NUL after a size", "5\0\r\nhello\r\n"],
  ["a size of 17 digits", "10000000000000005\r\nhello\r\n"],
  ["a size of 17 digits, most of them zeros", "00000000000000005\r\nhello\r\n"],
  ["a size of 14 digits", "00000000000005\r\nhello\r\n"],
  // §2.2 allows a bare LF only in a head: here, it decides on the end of the message, and recipients disagree about it.
  ["bare LF after a size", "5\nhello\r\n"],
  ["bare LF after an extension", "5;a\nhello\r\n"],
  ["bare LF after data", "5\r\nhello\n0\r\n\r\n"],
  ["bare LF after the last size", "0\n\r\n"],
  ["bare LF as the end", "0\r\n\n"],
  ["bare LF after a trailer", "0\r\na: 1\n\r\n"],
  ["bare CR after a size", "5\rhello\r\n"],
  ["bare CR in an extension", "5;a\rb\r\nhello\r\n"],
  ["bare CR after data", "5\r\nhello\r0\r\n\r\n"],
  ["bare CR in a trailer", "0\r\na: 1\rb: 2\r\n\r\n"],
  ["bare CR as the end", "0\r\n\rx"],
  ["CR CR LF after a size", "5\r\r\nhello\r\n"],
  ["a NUL in an extension", "5;a\0\r\nhello\r\n"],
  ["a NUL in a trailer", "0\r\na: \0\r\n\r\n"],
  ["data longer than its size", "4\r\nhello\r\n0\r\n\r\n"],
  ["data shorter than its size", "6\r\nhello\r\n0\r\n\r\n"],
  ["no line end after data", "5\r\nhello0\r\n\r\n"],
  ["the next response instead of a chunk", "5\r\nhello\r\nHTTP/1.1 200 OK\r\n\r\n"],
];

function assertBroken(text: string): void {
  for (const length of [1, 2, 7, text.length]) {
    const { kind } = assertThrows(() => decode(text, length), UpstreamFailure, undefined, `in pieces of ${length}`);
    assertEquals(kind, "protocol");
  }
}

for (const [name, text] of BROKEN) Deno.test(`ChunkedDecoder refuses ${name}`, () => assertBroken(text));

const LIMITS: readonly (readonly [what: string, most: string, more: string])[] = [
  // The line end counts.
  [
    "4 KiB of extensions",
    `5;${"x".repeat(4_094)}\r\nhello\r\n0\r\n\r\n`,
    `5;${"x".repeat(4_095)}\r\nhello\r\n0\r\n\r\n`,
  ],
  [
    "4 KiB of white space after a size",
    `5${" ".repeat(4_095)}\r\nhello\r\n0\r\n\r\n`,
    `5${" ".repeat(4_096)}\r\nhello\r\n0\r\n\r\n`,
  ],
  [
    "16 KiB of trailers in one line",
    `5\r\nhello\r\n0\r\n${"x".repeat(16_383)}\r\n\r\n`,
    `5\r\nhello\r\n0\r\n${"x".repeat(16_384)}\r\n\r\n`,
  ],
  [
    "16 KiB of trailers in many lines",
    `5\r\nhello\r\n0\r\n${"a: 4567\r\n".repeat(2_048)}\r\n`,
    `5\r\nhello\r\n0\r\n${"a: 4567\r\n".repeat(2_047)}a: 45678\r\n\r\n`,
  ],
];

for (const [what, most, more] of LIMITS) {
  Deno.test(`ChunkedDecoder reads ${what} and refuses one more byte`, () => {
    assertEquals(decodeInPieces(most), { data: "hello", ended: true, consumed: most.length });
    assertBroken(more);
  });
}

Deno.test("ChunkedDecoder counts extensions per line, and trailers per body", () => {
  const chunk = `1;${"x".repeat(4_094)}\r\ny\r\n`;
  assertEquals(
    decode(`${chunk.repeat(5)}0;${"x".repeat(4_094)}\r\n${"x".repeat(16_383)}\r\n\r\n`, 1_000).data,
    "yyyyy",
  );
});

Deno.test("ChunkedDecoder accepts a size of 13 digits, and all of its data", () => {
  const decoder = new ChunkedDecoder();
  const head = toBytes("fffffffffffff\r\n");
  assertEquals(decoder.decode(head, 0, head.length), { dataEnd: 0, consumedEnd: head.length });
  const data = new Uint8Array(65_536);
  assertEquals(decoder.decode(data, 0, data.length), { dataEnd: data.length, consumedEnd: data.length });
});
