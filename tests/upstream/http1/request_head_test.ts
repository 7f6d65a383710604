/** Encoding of request heads (RFC 9112 §3, §5 and §6), and refusal of requests that would be split in two. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type TransportRequest, UpstreamFailure } from "../../../src/upstream/transport.ts";
import { encodeRequestHead } from "../../../src/upstream/http1/request_head.ts";
import { toText } from "../../_support/latin1.ts";

const BYTES = new Uint8Array(3);

function encode(more: Partial<TransportRequest> = {}, room = 4_096): string {
  const { signal } = new AbortController();
  const request = {
    method: "GET",
    origin: "http://a.example",
    target: "/",
    host: undefined,
    headers: [],
    body: null,
    signal,
  };
  return toText(encodeRequestHead({ ...request, ...more }, "a.example", new Uint8Array(room)));
}

function stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream();
}

const HEADS: readonly (readonly [name: string, request: Partial<TransportRequest>, text: string])[] = [
  ["a GET, which says nothing about a body (RFC 9110 §8.6)", {}, "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n"],
  ["a Host of its own (§3.2)", { host: "b.example" }, "GET / HTTP/1.1\r\nhost: b.example\r\n\r\n"],
  [
    "lines as they are, in order",
    { headers: [["X-B", "1"], ["x-a", ""], ["X-B", "2 3"]] },
    "GET / HTTP/1.1\r\nhost: a.example\r\nX-B: 1\r\nx-a: \r\nX-B: 2 3\r\n\r\n",
  ],
  [
    "a target as it is",
    { target: "/a%20b/../c//?d=%0d%0ae" },
    "GET /a%20b/../c//?d=%0d%0ae HTTP/1.1\r\nhost: a.example\r\n\r\n",
  ],
  [
    "a raw target instead of the encoded one",
    { target: "/caf%C3%A9?q=%E6", rawTarget: "/caf\xc3\xa9?q=\xe6" },
    "GET /caf\xc3\xa9?q=\xe6 HTTP/1.1\r\nhost: a.example\r\n\r\n",
  ],
  [
    "TE with the Connection that it needs (RFC 9110 §10.1.4)",
    { headers: [["te", "trailers"]] },
    "GET / HTTP/1.1\r\nhost: a.example\r\nte: trailers\r\nconnection: te\r\n\r\n",
  ],
  [
    "a tab in a value (RFC 9110 §5.5)",
    { headers: [["a", "1\t2"]] },
    "GET / HTTP/1.1\r\nhost: a.example\r\na: 1\t2\r\n\r\n",
  ],
  [
    "Latin-1 as one byte for a character (RFC 9110 §5.5)",
    { headers: [["a", "\x80\xe9\xff"]] },
    "GET / HTTP/1.1\r\nhost: a.example\r\na: \x80\xe9\xff\r\n\r\n",
  ],
  [
    "a POST without a body (RFC 9110 §8.6)",
    { method: "POST" },
    "POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 0\r\n\r\n",
  ],
  ["a DELETE without a body", { method: "DELETE" }, "DELETE / HTTP/1.1\r\nhost: a.example\r\n\r\n"],
  ["bytes", { method: "PUT", body: BYTES }, "PUT / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 3\r\n\r\n"],
  [
    "no bytes",
    { method: "PUT", body: new Uint8Array() },
    "PUT / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 0\r\n\r\n",
  ],
  [
    "the bytes' own length, whatever else is said",
    { method: "PUT", body: BYTES, contentLength: 9 },
    "PUT / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 3\r\n\r\n",
  ],
  [
    "a stream of known length (§6.2)",
    { method: "PUT", body: stream(), contentLength: 9 },
    "PUT / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 9\r\n\r\n",
  ],
  [
    "a stream of unknown length (§6.1)",
    { method: "PUT", body: stream() },
    "PUT / HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n",
  ],
];

for (const [name, request, text] of HEADS) {
  Deno.test(`encodeRequestHead() writes ${name}`, () => {
    assertEquals(encode(request), text);
    assertEquals(encode(request, 0), text, "without room in the buffer");
    assertEquals(encode(request, text.length), text, "with just enough room in the buffer");
  });
}

/** Parts of a request in which a line end could be injected. */
const PARTS: readonly (readonly [part: string, request: (text: string) => Partial<TransportRequest>])[] = [
  ["method", (text) => ({ method: `GET${text}` })],
  ["target", (text) => ({ target: `/${text}` })],
  ["Host", (text) => ({ host: `a${text}` })],
  ["name", (text) => ({ headers: [["x-a", "1"], [`x-b${text}`, "1"]] })],
  ["value", (text) => ({ headers: [["x-b", `1${text}`], ["x-c", "1"]] })],
  // TE adds a Connection line, which must not change the check.
  ["value of TE", (text) => ({ headers: [["te", `trailers${text}`]] })],
];

const SPLITS: readonly (readonly [name: string, text: string])[] = [
  ["a line", "\r\nx: 1"],
  ["a line after an empty line", "\r\n\r\nGET /evil HTTP/1.1\r\nhost: b\r\n"],
  ["a CR", "\r"],
  ["an LF", "\n"],
  ["an LF and more", "\nx: 1"],
  ["CR CR LF", "\r\r\n"],
  ["a NUL", "\0"],
  ["an escape", "\x1b"],
  ["a line beside Latin-1", "\xe9\r\nx: 1"],
  // Its low byte is LF: a conversion that truncates characters to bytes would produce a line end.
  ["U+010A", "\u010a"],
  ["U+010D U+010A", "\u010d\u010a"],
  ["a character beyond Latin-1", "\u20ac"],
  ["a character of two halves", "\u{1f600}"],
  ["half a character", "\ud800"],
];

for (const [part, request] of PARTS) {
  for (const [name, text] of SPLITS) {
    Deno.test(`encodeRequestHead() refuses ${name} in a ${part}`, () => {
      for (const room of [0, 4_096]) {
        const { kind } = assertThrows(() => encode(request(text), room), UpstreamFailure);
        assertEquals(kind, "unsendable");
      }
    });
  }
}

Deno.test("encodeRequestHead() overwrites the previous content of the buffer", () => {
  const buffer = new Uint8Array(128).fill(10);
  const { signal } = new AbortController();
  const request = { method: "GET", origin: "", target: "/", host: undefined, headers: [], body: null, signal };
  const head = encodeRequestHead(request, "a", buffer);
  assertEquals(toText(head), "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  assertStrictEquals(head.buffer, buffer.buffer);
});
