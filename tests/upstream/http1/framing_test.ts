/** Framing of responses (RFC 9112 §6.3), and reuse of their connections (§9.3). */

import { assertEquals } from "@std/assert";
import type { HeaderLine } from "../../../src/config/config.ts";
import { frameResponse, type Framing } from "../../../src/upstream/http1/framing.ts";

interface Case {
  readonly method?: string;
  readonly minorVersion?: number;
  readonly status?: number;
}

function frame(headers: readonly HeaderLine[], { method = "GET", minorVersion = 1, status = 200 }: Case = {}) {
  return frameResponse({ minorVersion, status, headers: [...headers], bytes: 0 }, method);
}

const CL = (value: string): HeaderLine => ["Content-Length", value];
const TE = (value: string): HeaderLine => ["Transfer-Encoding", value];
const CLOSE: HeaderLine = ["Connection", "close"];

type Row = readonly [
  name: string,
  headers: readonly HeaderLine[],
  body: Framing["body"],
  isPersistent: boolean,
  on?: Case,
];

const FRAMINGS: readonly Row[] = [
  ["a length (§6.2)", [CL("5")], 5, true],
  ["a length of 0", [CL("0")], 0, true],
  ["a length with leading zeros", [CL("0005")], 5, true],
  ["the largest safe integer as a length", [CL("9007199254740991")], 9_007_199_254_740_991, true],
  ["a name in lower case (RFC 9110 §5.1)", [["content-length", "5"]], 5, true],
  ["a name in upper case (RFC 9110 §5.1)", [["CONTENT-LENGTH", "5"]], 5, true],
  ["chunked (§7.1)", [TE("chunked")], "chunked", true],
  ["Chunked (§7)", [["TRANSFER-ENCODING", "Chunked"]], "chunked", true],
  ["neither: the body ends with the connection (§6.3, 8)", [], "close", false],
  ["neither, with keep-alive", [["Connection", "keep-alive"]], "close", false],
  [
    "unknown names with the lengths of known ones",
    [["content-lengtx", "5"], ["transfer-encodinx", "chunked"]],
    "close",
    false,
  ],

  ["a length and close (§9.3)", [CL("5"), CLOSE], 5, false],
  ["close among other options (§9.3)", [CL("5"), ["Connection", "x-a, Close"]], 5, false],
  ["close in the second of two lines (RFC 9110 §5.3)", [CL("5"), ["Connection", "keep-alive"], CLOSE], 5, false],
  ["closed, which is not the option close", [CL("5"), ["Connection", "closed"]], 5, true],
  ["Proxy-Connection, which has no effect", [CL("5"), ["Proxy-Connection", "close"]], 5, true],
  ["chunked and close", [TE("chunked"), CLOSE], "chunked", false],

  ["HTTP/1.0 with a length (§9.3)", [CL("5")], 5, false, { minorVersion: 0 }],
  ["HTTP/1.0 with keep-alive (§9.3)", [CL("5"), ["Connection", "Keep-Alive"]], 5, true, { minorVersion: 0 }],
  ["HTTP/1.0 with keep-alive and close", [CL("5"), ["Connection", "keep-alive, close"]], 5, false, { minorVersion: 0 }],
  ["HTTP/1.0 with neither", [["Connection", "keep-alive"]], "close", false, { minorVersion: 0 }],

  ["HEAD with a length (§6.3, 1)", [CL("5")], 0, true, { method: "HEAD" }],
  ["HEAD with chunked (§6.3, 1)", [TE("chunked")], 0, true, { method: "HEAD" }],
  ["HEAD with neither (§6.3, 1)", [], 0, true, { method: "HEAD" }],
  ["HEAD with both (§6.3, 3)", [CL("5"), TE("chunked")], 0, false, { method: "HEAD" }],
  ["304 with a length (§6.3, 1)", [CL("5")], 0, true, { status: 304 }],
  ["304 with chunked (§6.3, 1)", [TE("chunked")], 0, true, { status: 304 }],
  ["204 (§6.3, 1)", [], 0, true, { status: 204 }],
  ["204 with a length of 0", [CL("0")], 0, true, { status: 204 }],
  // RFC 9110 §8.6 forbids such a length, so bytes may follow or not.
  ["204 with a length", [CL("5")], 0, false, { status: 204 }],
  ["204 with chunked (§6.1)", [TE("chunked")], 0, false, { status: 204 }],
  ["205 with a length of 0 (RFC 9110 §15.3.6)", [CL("0")], 0, true, { status: 205 }],
  ["205 with a length", [CL("5")], 5, true, { status: 205 }],

  [
    "both: chunked takes precedence, and the connection is not reused (§6.3, 3)",
    [CL("5"), TE("chunked")],
    "chunked",
    false,
  ],
  ["both, chunked first", [TE("chunked"), CL("5")], "chunked", false],
  ["both, with an invalid length (§6.3, 3)", [TE("chunked"), CL("-5")], "chunked", false],
  ["the same length twice (§6.3, 5)", [CL("5"), CL("5")], 5, true],
  ["the same length twice in a line (§6.3, 5)", [CL("5, 5")], 5, true],
  ["a length among empty list members (RFC 9110 §5.6.1)", [CL(", 5,\t,")], 5, true],
];

for (const [name, headers, body, isPersistent, on = {}] of FRAMINGS) {
  Deno.test(`frameResponse() frames ${name}`, () => {
    const framing = frame(headers, on);
    assertEquals([framing?.body, framing?.isPersistent], [body, isPersistent]);
  });
}

const REFUSED: readonly (readonly [name: string, headers: readonly HeaderLine[], on?: Case])[] = [
  ["two different lengths (§6.3, 5)", [CL("5"), CL("6")]],
  ["two different lengths in a line (§6.3, 5)", [CL("5, 6")]],
  ["two spellings of a length", [CL("5"), CL("05")]],
  ["a negative length (RFC 9110 §8.6)", [CL("-5")]],
  ["a signed length", [CL("+5")]],
  ["a length with a fraction", [CL("5.0")]],
  ["a length with an exponent", [CL("1e3")]],
  ["a hexadecimal length", [CL("0x5")]],
  ["a length with an underscore", [CL("1_0")]],
  ["a length with inner white space", [CL("1 0")]],
  ["an empty length", [CL("")]],
  ["a length of empty list members only", [CL(", ,")]],
  ["a length above the largest safe integer", [CL("9007199254740993")]],
  ["a length of 17 digits", [CL("10000000000000000")]],
  ["a length after a no-break space, which is not white space (RFC 9110 §5.6.3)", [CL("\xa05")]],
  ["a length before a no-break space", [CL("5\xa0")]],
  ["a list of lengths with a no-break space", [CL("5,\xa05")]],
  ["an invalid length of a response to HEAD", [CL("-5")], { method: "HEAD" }],
  ["two different lengths of a 304", [CL("5"), CL("6")], { status: 304 }],
  ["an invalid length of a 204", [CL("x")], { status: 204 }],
  ["chunked in HTTP/1.0 (§6.1)", [TE("chunked")], { minorVersion: 0 }],
  ["chunked in HTTP/1.0 with a length", [TE("chunked"), CL("5")], { minorVersion: 0 }],
  ["chunked twice (§6.1)", [TE("chunked"), TE("chunked")]],
  ["chunked twice in a line (§6.1)", [TE("chunked, chunked")]],
  ["another coding (§6.1)", [TE("gzip")]],
  ["another coding before chunked (§6.1)", [TE("gzip, chunked")]],
  ["another coding after chunked (§6.3, 4)", [TE("chunked, gzip")]],
  ["another coding in a line of its own", [TE("gzip"), TE("chunked")]],
  ["identity, which is no longer a coding (§7)", [TE("identity")]],
  ["an empty coding", [TE("")]],
  ["chunked with a parameter (§7.1)", [TE("chunked;q=1")]],
  ["chunked in quotes", [TE('"chunked"')]],
  ["chunked after a no-break space", [TE("\xa0chunked")]],
  ["xchunked", [TE("xchunked")]],
  ["another coding of a response to HEAD", [TE("gzip")], { method: "HEAD" }],
];

for (const [name, headers, on = {}] of REFUSED) {
  Deno.test(`frameResponse() refuses ${name}`, () => assertEquals(frame(headers, on), undefined));
}

// Columns: received headers, repaired headers.
const REPAIRED: readonly (readonly [received: readonly HeaderLine[], repaired: readonly HeaderLine[]])[] = [
  [[["B", "1"], CL("5"), ["a", "2"]], [["B", "1"], CL("5"), ["a", "2"]]],
  [[CL("5"), TE("chunked"), ["a", "1"]], [TE("chunked"), ["a", "1"]]],
  [[CL("5"), CL("5"), ["a", "1"]], [["a", "1"], ["content-length", "5"]]],
  [[CL("5, 5"), ["a", "1"]], [["a", "1"], ["content-length", "5"]]],
  [[CL("5,"), ["a", "1"]], [["a", "1"], ["content-length", "5"]]],
];

for (const [received, repaired] of REPAIRED) {
  Deno.test(`frameResponse() repairs ${JSON.stringify(received)} to ${JSON.stringify(repaired)}`, () => {
    assertEquals(frame(received)?.headers, repaired);
  });
}

// Columns: value of Keep-Alive (RFC 2068 §19.7.1), maximum idle time in milliseconds.
const KEEP_ALIVE: readonly (readonly [value: string, timeoutMs: number])[] = [
  ["timeout=5", 4_000],
  ["timeout=5, max=100", 4_000],
  ["max=100, Timeout = 5", 4_000],
  ['timeout="5"', 4_000],
  ["timeout=1", 0],
  ["timeout=0", 0],
  ["max=100", Infinity],
  ["x-timeout=5", Infinity],
  ["timeout=-5", Infinity],
  ["timeout=", Infinity],
  ["", Infinity],
];

for (const [value, timeoutMs] of KEEP_ALIVE) {
  Deno.test(`frameResponse() limits the idle time to ${timeoutMs} ms for "Keep-Alive: ${value}"`, () => {
    assertEquals(frame([CL("5"), ["Keep-Alive", value]])?.keepAliveTimeoutMs, timeoutMs);
  });
}
