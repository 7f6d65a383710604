/** Decoding of content codings (RFC 9110 §8.4), because equal content may be compressed in different ways. */

import type { HeaderLine } from "../config/config.ts";
import { parseList } from "../http/headers.ts";
import { Digest, type DigestKey } from "../lib/digest.ts";
import { GrowingBytes } from "../lib/growing_bytes.ts";
import type { NotComparableReason } from "../observe/not_comparable.ts";
import type { CapturedBody } from "./captured_response.ts";
import { splitZstdFrames } from "./zstd_frames.ts";

/** Maximum codings of a body. Ordinary responses have one. */
const MAX_CODINGS = 4;
/** Minimum of the limit for decoded bytes of one body, including bytes that are only digested. */
const MIN_DECODED_BYTES = 16_777_216;
/** Maximum window of Zstandard: 8 MiB, the maximum for `Content-Encoding` (RFC 9659 §3). */
const ZSTD_WINDOW_LOG = 23;
const ZLIB_METHOD = 8;
/** Maximum Zstandard frames of a body. Decoding a frame costs about 0.1 ms, even if the frame is empty. */
const MAX_ZSTD_FRAMES = 64;
/** Maximum size of a body of gzip that is decoded at once, as sent and decoded, in bytes. This takes up to 1 ms. */
const [SMALL_BYTES, MAX_SMALL_BYTES] = [16_384, 131_072];

type Chunks = AsyncIterable<Uint8Array>;
type Zlib = typeof import("node:zlib");

/** The part of a Node.js transform stream that decoding needs. */
interface DecodingStream extends Chunks {
  write(bytes: Uint8Array): boolean;
  end(): void;
  once(event: "drain" | "close", listener: () => void): void;
  destroy(error?: Error): void;
}

/** Decoders by name. A decoder whose stream depends on the bytes needs all of them at once. */
const CODINGS: ReadonlyMap<string, (source: Chunks, zlib: Zlib, maxBytes: number) => Chunks> = new Map([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  ["br", unbrotli],
  ["deflate", inflate],
  ["zstd", decodeZstd],
]);

/** Called after each decoded chunk. Returns a promise if other tasks must run first. */
export type Pause = () => Promise<void> | undefined;

/** Options of {@linkcode decodeBody}. */
export interface DecodeOptions {
  /** Maximum decoded bytes to keep. */
  readonly maxBytes: number;
  /** Key of the digest of the bytes that are not kept. */
  readonly key: DigestKey;
  /** Default: no pauses. */
  readonly pause?: Pause;
}

/** Ends the decoding of a body that expands too much. */
class TooLargeError extends Error {}

/** Ends the decoding of a body that the runtime cannot decode. */
class UnsupportedError extends Error {}

/**
 * Decodes a captured body. A body that cannot be decoded, or exceeds the limit of the work, becomes a cut body with a
 * digest of the bytes as sent.
 *
 * Returns no promise if the body has no coding, or is already cut.
 */
export function decodeBody(
  body: CapturedBody,
  headers: readonly HeaderLine[],
  options: DecodeOptions,
): CapturedBody | Promise<CapturedBody> {
  if (body.cut || body.bytes.length === 0) return body;
  const names = codingsOf(headers);
  return names.length === 0 ? body : decodeAll(body, names, options);
}

/** Returns the content codings of a response in the order in which they were applied. */
export function codingsOf(headers: readonly HeaderLine[]): string[] {
  const names: string[] = [];
  for (const [name, value] of headers) {
    if (name.length !== 16 || name.toLowerCase() !== "content-encoding") continue;
    for (const coding of parseList(value)) {
      // One coding above the limit is enough to refuse the body.
      if (coding !== "identity" && names.push(coding) > MAX_CODINGS) return names;
    }
  }
  return names;
}

async function decodeAll(body: CapturedBody, names: readonly string[], options: DecodeOptions): Promise<CapturedBody> {
  const decoders = names.toReversed().map((name) => CODINGS.get(name));
  if (decoders.length > MAX_CODINGS) return asCut(body, "undecodable", options);
  // The beginning of a compressed body says nothing about the rest.
  if (body.rest !== undefined) return asCut(body, "too-large", options);
  const { maxBytes, key, pause } = options;
  const work = { leftBytes: Math.max(MIN_DECODED_BYTES, maxBytes) };
  const kept = new GrowingBytes(maxBytes);
  let rest: Digest | undefined;
  try {
    const zlib = await import("node:zlib");
    let source: Chunks = oneChunk(body.bytes);
    for (const decode of decoders) {
      if (decode === undefined) return asCut(body, "undecodable", options);
      source = limit(decode(source, zlib, maxBytes), work);
    }
    for await (const chunk of source) {
      const part = chunk.subarray(0, maxBytes - kept.length);
      kept.append(part);
      if (part.length < chunk.length) (rest ??= new Digest(key)).update(chunk.subarray(part.length));
      // A stream with available bytes never yields to the event loop.
      const pausing = pause?.();
      if (pausing !== undefined) await pausing;
    }
  } catch (error) {
    if (error instanceof TooLargeError) return asCut(body, "too-large", options);
    return { ...asCut(body, "undecodable", options), ...(!(error instanceof UnsupportedError) && { isBroken: true }) };
  }
  return {
    bytes: kept.bytes,
    length: body.length,
    cut: false,
    ...(rest !== undefined && { rest: { length: rest.length, digest: rest.toString() } }),
  };
}

function asCut(
  { bytes, length, rest }: CapturedBody,
  cutBy: NotComparableReason,
  { key }: DecodeOptions,
): CapturedBody {
  const digest = new Digest(key);
  digest.update(bytes);
  return { bytes: new Uint8Array(), length, cut: true, cutBy, digest: `${digest}${rest?.digest ?? ""}` };
}

/** Passes chunks on until all codings of the body together have decoded too many bytes. */
async function* limit(chunks: Chunks, work: { leftBytes: number }): Chunks {
  for await (const chunk of chunks) {
    work.leftBytes -= chunk.length;
    if (work.leftBytes < 0) throw new TooLargeError("Cannot decode the body: it is too large");
    yield chunk;
  }
}

/** Decodes gzip, which may have several members (RFC 1952 §2.2). For small bodies, a stream costs more than the bytes. */
async function* gunzip(source: Chunks, zlib: Zlib): Chunks {
  const chunks = source[Symbol.asyncIterator]();
  const [first, second] = [await chunks.next(), await chunks.next()];
  const isSmall = first.done !== true && second.done === true && first.value.length <= SMALL_BYTES;
  const decoded = isSmall ? gunzipSmall(first.value, zlib) : undefined;
  if (decoded !== undefined) yield decoded;
  else yield* transform(resumed([first, second], chunks), zlib.createGunzip());
}

/** Returns `undefined` if the bytes decode to more than {@linkcode MAX_SMALL_BYTES}. */
function gunzipSmall(bytes: Uint8Array, zlib: Zlib): Uint8Array | undefined {
  try {
    return zlib.gunzipSync(bytes, { maxOutputLength: MAX_SMALL_BYTES });
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw error;
  }
}

async function* resumed(
  read: readonly IteratorResult<Uint8Array>[],
  chunks: AsyncIterator<Uint8Array>,
): Chunks {
  for (const { done, value } of read) if (done !== true) yield value;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}

/** Decodes with a stream. */
async function* transform(source: Chunks, stream: unknown): Chunks {
  const decoding = stream as DecodingStream;
  // Both sides stop at the end of the other: a destroyed stream emits `close`.
  const writing = writeAll(source, decoding);
  try {
    yield* decoding;
  } finally {
    decoding.destroy();
    await writing;
  }
}

/** Writes all bytes at the pace of the reader. Never rejects, because the reader receives the error. */
async function writeAll(source: Chunks, stream: DecodingStream): Promise<void> {
  let isClosed = false;
  stream.once("close", () => isClosed = true);
  try {
    for await (const chunk of source) {
      if (!stream.write(chunk) && !isClosed) {
        await new Promise<void>((resolve) => {
          stream.once("drain", resolve);
          stream.once("close", resolve);
        });
      }
      if (isClosed) return;
    }
    stream.end();
  } catch (error) {
    stream.destroy(error as Error);
  }
}

/**
 * Decodes Brotli. A byte is appended, because `node:zlib` of Deno accepts incomplete bytes: only a complete stream does
 * not read the byte.
 */
async function* unbrotli(source: Chunks, zlib: Zlib): Chunks {
  const stream = zlib.createBrotliDecompress();
  const sent = { bytes: 0 };
  yield* transform(withByte(source, sent), stream);
  if (stream.bytesWritten !== sent.bytes) throw new RangeError("Cannot decode the body: it is incomplete or too long");
}

async function* withByte(source: Chunks, sent: { bytes: number }): Chunks {
  for await (const chunk of source) {
    sent.bytes += chunk.length;
    yield chunk;
  }
  yield new Uint8Array(1);
}

/** Decodes `deflate`, also without the zlib wrapper, which some servers leave out. */
async function* inflate(source: Chunks, zlib: Zlib, maxBytes: number): Chunks {
  const bytes = await collect(source, maxBytes);
  const [method = 0, flags = 0] = bytes;
  const isWrapped = (method & 0x0f) === ZLIB_METHOD && (method << 8 | flags) % 31 === 0;
  yield* transform(oneChunk(bytes), isWrapped ? zlib.createInflate() : zlib.createInflateRaw());
}

/** Decodes frames one by one, because runtimes neither reject an incomplete frame nor decode a second one. */
async function* decodeZstd(source: Chunks, zlib: Zlib, maxBytes: number): Chunks {
  const frames = splitZstdFrames(await collect(source, maxBytes));
  if (frames.length > MAX_ZSTD_FRAMES) throw new UnsupportedError("Cannot decode the body: it has too many frames");
  if (zlib.createZstdDecompress === undefined) throw new UnsupportedError("Cannot decode the body: no Zstandard here");
  const params = { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG };
  for (const frame of frames) yield* transform(oneChunk(frame), zlib.createZstdDecompress({ params }));
}

/** Returns all bytes. A single chunk is not copied. */
async function collect(source: Chunks, maxBytes: number): Promise<Uint8Array> {
  let first: Uint8Array | undefined;
  let all: GrowingBytes | undefined;
  for await (const chunk of source) {
    if (first === undefined) {
      first = chunk;
      continue;
    }
    if (all === undefined) (all = new GrowingBytes(Math.max(maxBytes, first.length))).append(first);
    if (!all.append(chunk)) throw new TooLargeError("Cannot decode the body: an inner coding is too large");
  }
  return all?.bytes ?? first ?? new Uint8Array();
}

async function* oneChunk(bytes: Uint8Array): Chunks {
  yield bytes;
}
