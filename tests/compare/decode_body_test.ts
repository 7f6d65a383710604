import { assert, assertEquals, assertLess } from "@std/assert";
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { CapturedBody } from "../../src/compare/captured_response.ts";
import { Digest } from "../../src/lib/digest.ts";
import { decodeBody } from "../../src/compare/decode_body.ts";

const TEXT = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `name ${id * 7919}` })));
const PLAIN = new TextEncoder().encode(TEXT);
const MAX_BYTES = 65_536;
const KEY = [1, 2] as const;
const OPTIONS = { maxBytes: MAX_BYTES, key: KEY };

function captured(bytes: Uint8Array): CapturedBody {
  return { bytes: new Uint8Array(bytes), length: bytes.length, cut: false };
}

function digestOf(bytes: Uint8Array): string {
  const digest = new Digest(KEY);
  digest.update(bytes);
  return digest.toString();
}

const HALVES = [PLAIN.subarray(0, 1_000), PLAIN.subarray(1_000)] as const;
/** A skippable frame of Zstandard with three bytes. */
const SKIPPABLE = new Uint8Array([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
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
  [["zstd"], zstdCompressSync(PLAIN)],
  [["zstd, gzip"], gzipSync(zstdCompressSync(PLAIN))],
  [["gzip"], joined(gzipSync(HALVES[0]), gzipSync(HALVES[1]), gzipSync(""))],
  [["zstd"], joined(SKIPPABLE, zstdCompressSync(HALVES[0]), SKIPPABLE, zstdCompressSync(HALVES[1]))],
  [["zstd"], zstdCompressSync(PLAIN, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
];

for (const [codings, bytes] of DECODED) {
  Deno.test(`decodeBody() decodes ${codings.join(" and ")}`, async () => {
    const headers = codings.map((coding) => ["Content-Encoding", coding] as const);
    const { bytes: decoded, length, cut } = await decodeBody(captured(bytes), headers, OPTIONS);
    assertEquals(new TextDecoder().decode(decoded), TEXT);
    assertEquals([length, cut], [bytes.length, false]);
  });
}

// Columns: title; the coding; the bytes. Bombs and bodies above the limit are too large, all others are undecodable.
const CUT: readonly (readonly [title: string, coding: string, bytes: Uint8Array])[] = [
  ["an unknown coding", "compress", PLAIN],
  ["a truncated frame of Zstandard", "zstd", zstdCompressSync(PLAIN).subarray(0, -2)],
  ["bytes that are not Zstandard", "zstd", PLAIN],
  ["a damaged second frame", "zstd", joined(zstdCompressSync(PLAIN), zstdCompressSync(PLAIN).subarray(0, 20))],
  ["65 frames", "zstd", joined(...Array.from({ length: 65 }, () => zstdCompressSync("")))],
  ["a truncated second member", "gzip", joined(gzipSync(PLAIN), gzipSync(PLAIN).subarray(0, -9))],
  ["bytes without the coding", "gzip", PLAIN],
  ["a truncated body", "gzip", gzipSync(PLAIN).subarray(0, -9)],
  [
    "a wrong checksum",
    "gzip",
    gzipSync(PLAIN).map((byte, index, all) => index === all.length - 6 ? ~byte : byte),
  ],
  ["truncated Brotli", "br", brotliCompressSync(PLAIN).subarray(0, -3)],
  ["Brotli without its last byte", "br", brotliCompressSync(PLAIN).subarray(0, -1)],
  ["bytes after the end of Brotli", "br", joined(brotliCompressSync(PLAIN), PLAIN)],
  ["truncated Brotli within gzip", "br, gzip", gzipSync(brotliCompressSync(PLAIN).subarray(0, -1))],
  ["more than four codings", "gzip, gzip, gzip, gzip, gzip", PLAIN],
  ["a bomb", "gzip", gzipSync(new Uint8Array(50_000_000))],
  ["a bomb of Zstandard", "zstd", zstdCompressSync(new Uint8Array(50_000_000))],
  ["a bomb of Brotli", "br", brotliCompressSync(new Uint8Array(50_000_000))],
  ["a bomb in a bomb", "gzip, gzip", gzipSync(gzipSync(new Uint8Array(50_000_000)))],
];

for (const [title, coding, bytes] of CUT) {
  Deno.test(`decodeBody() returns a cut body for ${title}`, async () => {
    const body = await decodeBody(captured(bytes), [["content-encoding", coding]], OPTIONS);
    const cutBy = /bomb/.test(title) ? "too-large" : "undecodable";
    const isLimit = /bomb|unknown|more than|65/.test(title);
    const expected = {
      bytes: new Uint8Array(),
      length: bytes.length,
      cut: true,
      cutBy,
      digest: digestOf(bytes),
    } as const;
    assertEquals(body, isLimit ? expected : { ...expected, isBroken: true });
  });
}

Deno.test("decodeBody() keeps the beginning of a larger body, and the length and digest of the rest", async () => {
  const plain = new Uint8Array(MAX_BYTES + 100_000).map((_, index) => index % 251);
  const [fast, small] = [gzipSync(plain, { level: 1 }), brotliCompressSync(plain)];
  const bodies = await Promise.all([
    decodeBody(captured(fast), [["content-encoding", "gzip"]], OPTIONS),
    decodeBody(captured(small), [["content-encoding", "br"]], OPTIONS),
  ]);
  for (const { bytes, rest, cut } of bodies) {
    assertEquals([bytes, cut], [plain.subarray(0, MAX_BYTES), false]);
    assertEquals(rest, { length: 100_000, digest: digestOf(plain.subarray(MAX_BYTES)) });
  }
});

Deno.test("decodeBody() decodes an empty body", async () => {
  for (
    const [coding, bytes] of [["gzip", gzipSync("")], ["br", brotliCompressSync("")], [
      "zstd",
      zstdCompressSync(""),
    ]] as const
  ) {
    const body = await decodeBody(captured(bytes), [["content-encoding", coding]], OPTIONS);
    assertEquals([body.bytes.length, body.cut, body.rest], [0, false, undefined]);
  }
});

Deno.test("decodeBody() pauses within 250 ms, however the bytes are encoded", async () => {
  const hostile = [
    ["gzip", joined(...Array.from({ length: 5_000 }, () => gzipSync("")))],
    ["gzip", gzipSync(new Uint8Array(16_000_000))],
    ["br", brotliCompressSync(new Uint8Array(16_000_000))],
    ["zstd", zstdCompressSync(new Uint8Array(16_000_000))],
  ] as const;
  for (const [coding, bytes] of hostile) {
    let [lastMs, longestMs] = [performance.now(), 0];
    const measure = () => {
      const nowMs = performance.now();
      longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
    };
    const pause = () => void measure();
    await decodeBody(captured(bytes), [["content-encoding", coding]], { ...OPTIONS, pause });
    measure();
    assertLess(longestMs, 250, coding);
  }
});

Deno.test("decodeBody() decodes a body of the maximum size", async () => {
  const body = await decodeBody(
    captured(gzipSync(new Uint8Array(MAX_BYTES))),
    [["content-encoding", "gzip"]],
    OPTIONS,
  );
  assertEquals(body.bytes.length, MAX_BYTES);
});

Deno.test("decodeBody() returns bodies without coding, cut bodies and empty bodies unchanged", () => {
  const body = captured(PLAIN);
  assert(decodeBody(body, [["content-type", "text/plain"]], OPTIONS) === body);
  assert(decodeBody(body, [["content-encoding", "identity"]], OPTIONS) === body);
  const cut = { ...body, cut: true };
  assert(decodeBody(cut, [["content-encoding", "gzip"]], OPTIONS) === cut);
  const empty = captured(new Uint8Array());
  assert(decodeBody(empty, [["content-encoding", "gzip"]], OPTIONS) === empty);
});
