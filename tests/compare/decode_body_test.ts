import { assert, assertEquals } from "@std/assert";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { CapturedBody } from "../../src/compare/captured_response.ts";
import { Digest } from "../../src/lib/digest.ts";
import { decodeBody } from "../../src/compare/decode_body.ts";

const TEXT = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `name ${id * 7919}` })));
const PLAIN = new TextEncoder().encode(TEXT);
const MAX_BYTES = 65_536;

function captured(bytes: Uint8Array): CapturedBody {
  return { bytes: new Uint8Array(bytes), length: bytes.length, cut: false };
}

function digestOf(bytes: Uint8Array): string {
  const digest = new Digest();
  digest.update(bytes);
  return digest.toString();
}

// Columns: values of `Content-Encoding` header lines; encoded bytes.
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
  Deno.test(`decodeBody() decodes ${codings.join(" and ")}`, async () => {
    const headers = codings.map((coding) => ["Content-Encoding", coding] as const);
    const { bytes: decoded, length, cut } = await decodeBody(captured(bytes), headers, MAX_BYTES);
    assertEquals(new TextDecoder().decode(decoded), TEXT);
    assertEquals([length, cut], [bytes.length, false]);
  });
}

// Columns: title; the coding; the bytes. Bombs and bodies above the limit are too large, all others are undecodable.
const CUT: readonly (readonly [title: string, coding: string, bytes: Uint8Array])[] = [
  ["an unknown coding", "zstd", zstdCompressSync(PLAIN)],
  ["bytes without the coding", "gzip", PLAIN],
  ["a truncated body", "gzip", gzipSync(PLAIN).subarray(0, -9)],
  [
    "a wrong checksum",
    "gzip",
    gzipSync(PLAIN).map((byte, index, all) => index === all.length - 6 ? ~byte : byte),
  ],
  ["truncated Brotli", "br", brotliCompressSync(PLAIN).subarray(0, -3)],
  ["more than four codings", "gzip, gzip, gzip, gzip, gzip", PLAIN],
  ["one byte above the limit", "gzip", gzipSync(new Uint8Array(MAX_BYTES + 1))],
  ["a bomb", "gzip", gzipSync(new Uint8Array(50_000_000))],
  ["a bomb of Brotli", "br", brotliCompressSync(new Uint8Array(50_000_000))],
  ["a bomb in a bomb", "gzip, gzip", gzipSync(gzipSync(new Uint8Array(50_000_000)))],
];

for (const [title, coding, bytes] of CUT) {
  Deno.test(`decodeBody() returns a cut body for ${title}`, async () => {
    const body = await decodeBody(captured(bytes), [["content-encoding", coding]], MAX_BYTES);
    const cutBy = /limit|bomb/.test(title) ? "too-large" : "undecodable";
    assertEquals(body, { bytes: new Uint8Array(), length: bytes.length, cut: true, cutBy, digest: digestOf(bytes) });
  });
}

Deno.test("decodeBody() decodes a body of the maximum size", async () => {
  const body = await decodeBody(
    captured(gzipSync(new Uint8Array(MAX_BYTES))),
    [["content-encoding", "gzip"]],
    MAX_BYTES,
  );
  assertEquals(body.bytes.length, MAX_BYTES);
});

Deno.test("decodeBody() returns bodies without coding, cut bodies and empty bodies unchanged", () => {
  const body = captured(PLAIN);
  assert(decodeBody(body, [["content-type", "text/plain"]], MAX_BYTES) === body);
  assert(decodeBody(body, [["content-encoding", "identity"]], MAX_BYTES) === body);
  const cut = { ...body, cut: true };
  assert(decodeBody(cut, [["content-encoding", "gzip"]], MAX_BYTES) === cut);
  const empty = captured(new Uint8Array());
  assert(decodeBody(empty, [["content-encoding", "gzip"]], MAX_BYTES) === empty);
});
