import { assert, assertEquals } from "@std/assert";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { CapturedBody } from "../../src/compare/response.ts";
import { BodyDigest } from "../../src/compare/body_digest.ts";
import { decodeBody } from "../../src/compare/decode_body.ts";

const TEXT = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `name ${id * 7919}` })));
const PLAIN = new TextEncoder().encode(TEXT);
const MAX_BYTES = 65_536;

function captured(bytes: Uint8Array): CapturedBody {
  return { bytes: new Uint8Array(bytes), length: bytes.length, cut: false };
}

function digestOf(bytes: Uint8Array): string {
  const digest = new BodyDigest();
  digest.update(bytes);
  return digest.toString();
}

// Columns: the codings as a header says them, one line each; the bytes.
const DECODED: readonly (readonly [codings: readonly string[], bytes: Uint8Array])[] = [
  [["gzip"], gzipSync(PLAIN)],
  [["X-GZIP"], gzipSync(PLAIN)],
  [["deflate"], deflateSync(PLAIN)],
  [["deflate"], deflateRawSync(PLAIN)],
  [["br"], brotliCompressSync(PLAIN)],
  [["gzip, br"], brotliCompressSync(gzipSync(PLAIN))],
  [["deflate", "identity, gzip"], gzipSync(deflateSync(PLAIN))],
];

for (const [codings, bytes] of DECODED) {
  Deno.test(`decodeBody() undoes ${codings.join(" and ")}`, async () => {
    const headers = codings.map((coding) => ["Content-Encoding", coding] as const);
    const { bytes: decoded, length, cut } = await decodeBody(captured(bytes), headers, MAX_BYTES);
    assertEquals(new TextDecoder().decode(decoded), TEXT);
    assertEquals([length, cut], [bytes.length, false]);
  });
}

// Columns: title; the coding; the bytes. Bombs and bodies above the limit are too large, all others are undecodable.
const CUT: readonly (readonly [title: string, coding: string, bytes: Uint8Array])[] = [
  ["a coding that is unknown", "zstd", zstdCompressSync(PLAIN)],
  ["what is not coded at all", "gzip", PLAIN],
  ["what ends early", "gzip", gzipSync(PLAIN).subarray(0, -9)],
  [
    "a checksum that is wrong",
    "gzip",
    gzipSync(PLAIN).map((byte, index, all) => index === all.length - 6 ? ~byte : byte),
  ],
  ["Brotli that is broken", "br", brotliCompressSync(PLAIN).subarray(0, -3)],
  ["more codings than anyone needs", "gzip, gzip, gzip, gzip, gzip", PLAIN],
  ["more than the bound", "gzip", gzipSync(new Uint8Array(MAX_BYTES + 1))],
  ["a bomb", "gzip", gzipSync(new Uint8Array(50_000_000))],
  ["a bomb of Brotli", "br", brotliCompressSync(new Uint8Array(50_000_000))],
  ["a bomb in a bomb", "gzip, gzip", gzipSync(gzipSync(new Uint8Array(50_000_000)))],
];

for (const [title, coding, bytes] of CUT) {
  Deno.test(`decodeBody() gives back as cut ${title}`, async () => {
    const body = await decodeBody(captured(bytes), [["content-encoding", coding]], MAX_BYTES);
    const cutBy = /bound|bomb/.test(title) ? "too-large" : "undecodable";
    assertEquals(body, { bytes: new Uint8Array(), length: bytes.length, cut: true, cutBy, digest: digestOf(bytes) });
  });
}

Deno.test("decodeBody() takes as much as the bound", async () => {
  const body = await decodeBody(
    captured(gzipSync(new Uint8Array(MAX_BYTES))),
    [["content-encoding", "gzip"]],
    MAX_BYTES,
  );
  assertEquals(body.bytes.length, MAX_BYTES);
});

Deno.test("decodeBody() gives back at once what is not coded, cut or empty", () => {
  const body = captured(PLAIN);
  assert(decodeBody(body, [["content-type", "text/plain"]], MAX_BYTES) === body);
  assert(decodeBody(body, [["content-encoding", "identity"]], MAX_BYTES) === body);
  const cut = { ...body, cut: true };
  assert(decodeBody(cut, [["content-encoding", "gzip"]], MAX_BYTES) === cut);
  const empty = captured(new Uint8Array());
  assert(decodeBody(empty, [["content-encoding", "gzip"]], MAX_BYTES) === empty);
});

Deno.test("a digest does not depend on how the body was cut into pieces", () => {
  const expected = digestOf(PLAIN);
  for (const size of [1, 2, 3, 5, 7, 1_000]) {
    const digest = new BodyDigest();
    for (let at = 0; at < PLAIN.length; at += size) digest.update(PLAIN.subarray(at, at + size));
    assertEquals(digest.toString(), expected);
  }
});

Deno.test("digests of bodies that differ a little are different", () => {
  const digests = new Set<string>();
  for (let length = 0; length < 64; length++) digests.add(digestOf(new Uint8Array(length)));
  for (let at = 0; at < 1_000; at++) {
    for (const bit of [1, 128]) digests.add(digestOf(PLAIN.with(at, PLAIN[at]! ^ bit)));
  }
  for (let at = 0; at < 1_000; at++) digests.add(digestOf(swapped(at)));
  const swaps = new Set(Array.from({ length: 1_000 }, (_, at) => String.fromCharCode(...swapped(at))));
  assertEquals(digests.size, 64 + 2_000 + swaps.size);
});

/** With two neighbouring words in each other's place. */
function swapped(word: number): Uint8Array {
  const copy = PLAIN.slice();
  copy.set(PLAIN.subarray(4 * word + 4, 4 * word + 8), 4 * word);
  copy.set(PLAIN.subarray(4 * word, 4 * word + 4), 4 * word + 4);
  return copy;
}
