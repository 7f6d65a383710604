/** Cost of writing a request head, of parsing a response head, and of decoding the chunked coding. */

import { ChunkedDecoder } from "../../src/upstream/http1/chunked_decoder.ts";
import { frameResponse } from "../../src/upstream/http1/framing.ts";
import { HeadParser, type ResponseHead } from "../../src/upstream/http1/head_parser.ts";
import { encodeRequestHead } from "../../src/upstream/http1/request_head.ts";

const BODY_BYTES = 65_536;
const CHUNK_BYTES = 100;

const encoder = new TextEncoder();

/** A typical response head of an application server. */
const TYPICAL = encoder.encode(
  [
    "HTTP/1.1 200 OK",
    "Date: Mon, 23 Nov 2026 01:25:49 GMT",
    "Content-Type: application/json; charset=utf-8",
    "Content-Length: 100",
    "Connection: keep-alive",
    'ETag: W/"64-2hmj7l5rSw0yVb/vlWAYkK/YBwk"',
    "Vary: Accept-Encoding",
    "Cache-Control: private, max-age=0",
    "X-Request-Id: 0123456789abcdef0123456789abcdef",
    "\r\n",
  ].join("\r\n"),
);
/** 100 fields, 16 KiB. */
const LARGE = encoder.encode(
  `HTTP/1.1 200 OK\r\n${
    Array.from({ length: 100 }, (_, index) => `x-field-${index}: ${"v".repeat(148)}\r\n`).join("")
  }\r\n`,
);
const HALF = TYPICAL.subarray(0, TYPICAL.length / 2);

const parser = new HeadParser();

function parse(bytes: Uint8Array): ResponseHead {
  const head = parser.parse(bytes);
  if (typeof head !== "object") throw new Error("Cannot measure: the head is incomplete");
  return head;
}

Deno.bench("HeadParser, 9 lines", { group: "head", baseline: true }, () => {
  parse(TYPICAL);
});
Deno.bench("HeadParser, 9 lines in two pieces", { group: "head" }, () => {
  parser.parse(HALF);
  parse(TYPICAL);
});
Deno.bench("HeadParser, 100 lines of 16 KiB", { group: "head" }, () => {
  parse(LARGE);
});

const head = parse(TYPICAL);

Deno.bench("frameResponse(), 8 fields", () => {
  frameResponse(head, "GET");
});

/** Encodes 64 KiB in chunks of the given size. */
function chunked(chunkBytes: number): Uint8Array {
  let text = "";
  for (let left = BODY_BYTES; left > 0; left -= chunkBytes) {
    const bytes = Math.min(left, chunkBytes);
    text += `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
  }
  return encoder.encode(`${text}0\r\n\r\n`);
}

const buffer = new Uint8Array(2 * BODY_BYTES);

function decode(coded: Uint8Array): void {
  // The decoder works in place, so the copy is part of the measurement.
  buffer.set(coded);
  const decoder = new ChunkedDecoder();
  const { dataEnd } = decoder.decode(buffer, 0, coded.length);
  if (!decoder.ended || dataEnd !== BODY_BYTES) throw new Error("Cannot measure: the body is incomplete");
}

const ONE_CHUNK = chunked(BODY_BYTES);
const SMALL_CHUNKS = chunked(CHUNK_BYTES);

Deno.bench("ChunkedDecoder, 64 KiB in one chunk", { group: "chunked", baseline: true }, () => decode(ONE_CHUNK));
Deno.bench("ChunkedDecoder, 64 KiB in chunks of 100 bytes", { group: "chunked" }, () => decode(SMALL_CHUNKS));

const request = {
  method: "GET",
  origin: "http://127.0.0.1:8080",
  target: "/api/users/7?full=1",
  host: undefined,
  headers: [
    ["accept", "application/json"],
    ["accept-encoding", "gzip, deflate, br"],
    ["cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    ["x-forwarded-for", "192.0.2.7"],
    ["x-forwarded-host", "shop.example"],
    ["x-forwarded-proto", "https"],
    ["via", "1.1 conductor-00000000"],
    ["x-request-id", "0123456789abcdef0123456789abcdef"],
    ["x-conductor-role", "primary"],
  ],
  body: null,
  signal: new AbortController().signal,
} as const;
const latin1Request = { ...request, headers: [...request.headers, ["x-name", "Zo\xeb"]] as const };
const room = new Uint8Array(4_096);

Deno.bench("encodeRequestHead(), 10 fields", { group: "request", baseline: true }, () => {
  encodeRequestHead(request, "127.0.0.1:8080", room);
});
Deno.bench("encodeRequestHead(), 10 fields and one in Latin-1", { group: "request" }, () => {
  encodeRequestHead(latin1Request, "127.0.0.1:8080", room);
});
