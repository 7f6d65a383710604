/** Content codings undone, as far as it takes to compare what was said in them (RFC 9110 §8.4). */

import type { HeaderLine } from "../config/config.ts";
import { listMembers } from "../exchange/headers.ts";
import type { CapturedBody } from "./answer.ts";
import { BodyDigest } from "./body_digest.ts";
import { joinBytes } from "./join_bytes.ts";

/** How many codings one upon the other are undone; honest answers have one. */
const MAX_CODINGS = 4;

interface Coding {
  /** What `DecompressionStream` calls it; where that fails, what it may also be. */
  readonly formats: readonly string[];
  /**
   * How many bytes are decoded at a time. All that comes of them is in memory at once: with DEFLATE a thousand times as
   * much, with Brotli 16 MiB for every dozen of bytes.
   */
  readonly sliceBytes: number;
}

/** The codings by name. Some servers take `deflate` for DEFLATE without its zlib wrapping. */
const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ["gzip", { formats: ["gzip"], sliceBytes: 1_024 }],
  ["x-gzip", { formats: ["gzip"], sliceBytes: 1_024 }],
  ["deflate", { formats: ["deflate", "deflate-raw"], sliceBytes: 1_024 }],
  ["br", { formats: ["brotli"], sliceBytes: 32 }],
]);

/**
 * Decodes a body that was kept as it was sent. What can not be decoded, or is more than the bound, is given back as cut,
 * with a digest of the bytes that were sent.
 *
 * @param body The body, its bytes as they were sent; one that is cut is given back as it is.
 * @param headers The header lines of the response.
 * @param maxBytes How much is decoded.
 * @returns The body to compare; at once where nothing is coded.
 */
export function decodeBody(
  body: CapturedBody,
  headers: readonly HeaderLine[],
  maxBytes: number,
): CapturedBody | Promise<CapturedBody> {
  if (body.cut || body.bytes.length === 0) return body;
  const names = codingsOf(headers);
  return names.length === 0 ? body : decodeAll(body, names, maxBytes);
}

/** In the order in which they were applied. */
function codingsOf(headers: readonly HeaderLine[]): string[] {
  const names: string[] = [];
  for (const [name, value] of headers) {
    if (name.length !== 16 || name.toLowerCase() !== "content-encoding") continue;
    for (const coding of listMembers(value)) {
      // One more than are decoded is enough to know.
      if (coding !== "identity" && names.push(coding) > MAX_CODINGS) return names;
    }
  }
  return names;
}

async function decodeAll(body: CapturedBody, names: readonly string[], maxBytes: number): Promise<CapturedBody> {
  const codings = names.toReversed().map((name) => CODINGS.get(name));
  if (codings.length > MAX_CODINGS) return asCut(body);
  let bytes: Uint8Array | undefined = body.bytes;
  for (const coding of codings) {
    if (coding === undefined || bytes === undefined) return asCut(body);
    bytes = await decode(bytes, coding, maxBytes);
  }
  return bytes === undefined ? asCut(body) : { bytes, length: body.length, cut: false };
}

function asCut({ bytes, length }: CapturedBody): CapturedBody {
  const digest = new BodyDigest();
  digest.update(bytes);
  return { bytes: new Uint8Array(), length, cut: true, digest: digest.toString() };
}

async function decode(
  bytes: Uint8Array,
  { formats, sliceBytes }: Coding,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  for (const format of formats) {
    const decoded = await decompress(bytes, format, sliceBytes, maxBytes);
    if (decoded !== undefined) return decoded;
  }
  return undefined;
}

/** @returns The bytes; `undefined` where they are too many, broken, or of a format that is unknown here. */
async function decompress(
  bytes: Uint8Array,
  format: string,
  sliceBytes: number,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  try {
    const { readable, writable } = new DecompressionStream(format as CompressionFormat);
    const written = writeSlices(writable, bytes, sliceBytes);
    const decoded = await readBounded(readable, maxBytes);
    await written;
    return decoded;
  } catch {
    return undefined;
  }
}

/** Never rejects: what is wrong with the bytes is known from reading. */
async function writeSlices(
  writable: WritableStream<BufferSource>,
  bytes: Uint8Array,
  sliceBytes: number,
): Promise<void> {
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  try {
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      await writer.write(bytes.slice(at, at + sliceBytes));
    }
    await writer.close();
  } catch {
    // The reader has been told, or was the one to stop.
  }
}

async function readBounded(readable: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  return joinBytes(chunks, length);
}
