/** Generator of valid responses, as bytes and as parsed values. */

// deno-lint-ignore no-import-prefix
import fc from "npm:fast-check@4.3.0";
import type { HeaderLine } from "../../src/config/config.ts";

/** A response. Texts are Latin-1: one character per byte. */
export interface ResponseSample {
  /** Method of the request. */
  readonly method: string;
  /** All bytes that the backend sends. */
  readonly text: string;
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  /** The body without its framing. */
  readonly body: string;
  /** False if the end of the connection ends the response. */
  readonly isSelfDelimited: boolean;
  /** True if the connection can be used again. */
  readonly isPersistent: boolean;
}

interface Framing {
  readonly line: HeaderLine | undefined;
  /** The body as sent. */
  readonly coded: string;
  readonly body: string;
  readonly isSelfDelimited: boolean;
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index));
}

const TOKEN = [..."!#$%&'*+-.^_`|~", ...range(48, 57), ...range(65, 90), ...range(97, 122)];
const VISIBLE = [...range(33, 126), ...range(128, 255)];

/** Without Content-Encoding, because `fetch` would decode it. */
const NAMES = ["Content-Type", "ETag", "Set-Cookie", "set-cookie", "Vary", "DATE", "x-a", "X-A", "Location", "Link"];
const VALUE = fc.string({ unit: fc.constantFrom(...VISIBLE, " ", " ", "\t"), maxLength: 16 })
  .map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ""));
const FIELD: fc.Arbitrary<HeaderLine> = fc.tuple(
  fc.oneof(
    fc.constantFrom(...NAMES),
    fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 8 }).map((name) => `x${name}`),
  ),
  VALUE,
);
/** Five of them exceed the first buffer of a connection, but not the maximum size of a head. */
const LARGE_FIELD = fc.integer({ min: 3_000, max: 10_000 }).map((
  length,
): HeaderLine => ["x-large", "v".repeat(length)]);
const BLANKS = fc.constantFrom("", " ", " ", " ", "\t", " \t ");
const LINE_END = fc.constantFrom("\r\n", "\r\n", "\r\n", "\n");
const REASON = fc.oneof(fc.constantFrom("", " ", " OK"), VALUE.map((value) => ` ${value}`));

const SMALL_BODY = fc.string({ unit: fc.constantFrom(...range(0, 255)), maxLength: 40 });
const LARGE_BODY = fc.nat({ max: 6_000 }).map((times) => "0123456789abcde\n".repeat(times));

function inCase(text: string): fc.Arbitrary<string> {
  return fc.constantFrom(text, text.toLowerCase(), text.toUpperCase());
}

function byLength(body: string): fc.Arbitrary<Framing> {
  return fc.record({
    line: inCase("Content-Length").map((name): HeaderLine => [name, `${body.length}`]),
    coded: fc.constant(body),
    body: fc.constant(body),
    isSelfDelimited: fc.constant(true),
  });
}

function byClose(body: string): fc.Arbitrary<Framing> {
  return fc.constant({ line: undefined, coded: body, body, isSelfDelimited: false });
}

const EXTENSION = fc.constantFrom("", "", "", ";a", ";a=b", ' ; a = "b;\xe9"', ";\t");
const TRAILERS = fc.array(FIELD, { maxLength: 2 }).map((fields) => fields.map(([n, v]) => `${n}: ${v}\r\n`).join(""));

function byChunks(body: string): fc.Arbitrary<Framing> {
  return fc.record({
    name: inCase("Transfer-Encoding"),
    coding: inCase("chunked"),
    sizes: fc.array(fc.integer({ min: 1, max: body.length < 100 ? 20 : 40_000 }), { maxLength: 6 }),
    extension: EXTENSION,
    zeros: fc.constantFrom("", "", "0", "0000"),
    hex: fc.constantFrom("lower", "upper"),
    trailers: TRAILERS,
  }).map(({ name, coding, sizes, extension, zeros, hex, trailers }) => {
    let coded = "";
    for (let at = 0, count = 0; at < body.length; count++) {
      const chunk = body.slice(at, at + (sizes[count] ?? body.length));
      const size = chunk.length.toString(16);
      coded += `${zeros}${hex === "upper" ? size.toUpperCase() : size}${extension}\r\n${chunk}\r\n`;
      at += chunk.length;
    }
    coded += `${zeros}0${extension}\r\n${trailers}\r\n`;
    return { line: [name, coding] as const, coded, body, isSelfDelimited: true };
  });
}

/** Framing headers of a response without a body, which describe the body of another response. */
function bodiless(method: string, status: number, minorVersion: number): fc.Arbitrary<Framing> {
  const headers: (HeaderLine | undefined)[] = [undefined];
  if (status !== 204) headers.push(["content-length", "0"], ["Content-Length", "70000"]);
  if (method === "HEAD" && status !== 204 && minorVersion === 1) headers.push(["transfer-encoding", "chunked"]);
  return fc.constantFrom(...headers).map((line) => ({ line, coded: "", body: "", isSelfDelimited: true }));
}

interface Field {
  readonly line: HeaderLine;
  /** White space before and after the value. */
  readonly before: string;
  readonly after: string;
}

interface Head {
  readonly method: string;
  readonly minorVersion: number;
  readonly status: number;
  readonly reason: string;
  readonly lineEnd: string;
  readonly fields: readonly Field[];
  readonly connection: string | undefined;
  /** Position of the framing header among the fields. */
  readonly framingAt: number;
  readonly interim: readonly (readonly [status: number, fields: readonly HeaderLine[]])[];
}

function heads(headers: fc.Arbitrary<HeaderLine>): fc.Arbitrary<Head> {
  const interim = fc.tuple(fc.constantFrom(100, 102, 103, 199), fc.array(headers, { maxLength: 2 }));
  return fc.record({
    method: fc.constantFrom("GET", "GET", "GET", "HEAD", "DELETE", "OPTIONS"),
    minorVersion: fc.constantFrom(1, 1, 1, 1, 0),
    // 205 is tested in tables: it must not have a body, and clients treat one differently.
    status: fc.oneof(
      fc.constantFrom(200, 200, 200, 204, 304, 206, 302, 404, 500, 503),
      fc.integer({ min: 206, max: 599 }),
    ),
    reason: REASON,
    lineEnd: LINE_END,
    fields: fc.array(fc.record({ line: headers, before: BLANKS, after: BLANKS }), { maxLength: 5 }),
    connection: fc.constantFrom(undefined, undefined, undefined, "close", "keep-alive", "Close", "x-a, keep-alive"),
    framingAt: fc.nat({ max: 5 }),
    interim: fc.constantFrom(0, 0, 0, 0, 3).chain((maxLength) => fc.array(interim, { maxLength })),
  });
}

/** Generates all kinds of valid responses. `small` excludes bodies of more than 40 bytes, and heads of several KiB. */
export function responseSamples({ small = false } = {}): fc.Arbitrary<ResponseSample> {
  const headers = small ? FIELD : fc.oneof({ weight: 15, arbitrary: FIELD }, LARGE_FIELD);
  const bodies = small ? SMALL_BODY : fc.oneof({ weight: 3, arbitrary: SMALL_BODY }, LARGE_BODY);
  return fc.tuple(heads(headers), bodies).chain(([head, body]) => {
    const { method, status, minorVersion } = head;
    const isBodiless = method === "HEAD" || status === 204 || status === 304;
    const framing = isBodiless
      ? bodiless(method, status, minorVersion)
      : fc.oneof(byLength(body), byClose(body), ...(minorVersion === 1 ? [byChunks(body), byChunks(body)] : []));
    return framing.map((framing) => sampleOf(head, framing));
  });
}

function sampleOf(head: Head, { line, coded, body, isSelfDelimited }: Framing): ResponseSample {
  const { method, status, minorVersion, lineEnd, connection } = head;
  const fields = [...head.fields];
  if (line !== undefined) fields.splice(head.framingAt, 0, { line, before: " ", after: "" });
  if (connection !== undefined) fields.push({ line: ["Connection", connection], before: " ", after: "" });
  const interim = head.interim.map(([status, headers]) =>
    `HTTP/1.1 ${status} Early${lineEnd}${headers.map(([n, v]) => `${n}: ${v}${lineEnd}`).join("")}${lineEnd}`
  );
  const final = fields.map(({ line: [name, value], before, after }) => `${name}:${before}${value}${after}${lineEnd}`);
  const keepsAlive = minorVersion === 1
    ? connection?.toLowerCase() !== "close"
    : connection?.includes("keep-alive") === true;
  return {
    method,
    text: `${interim.join("")}HTTP/1.${minorVersion} ${status}${head.reason}${lineEnd}${
      final.join("")
    }${lineEnd}${coded}`,
    status,
    headers: fields.map(({ line }) => line),
    body,
    isSelfDelimited,
    isPersistent: isSelfDelimited && keepsAlive,
  };
}
