/** Decoding of content codings (RFC 9110 §8.4), because equal content may be compressed in different ways. */

import type { HeaderLine } from "../config/config.ts";
import { parseList } from "../http/headers.ts";
import { Digest } from "../lib/digest.ts";
import { GrowingBytes } from "../lib/growing_bytes.ts";
import type { CapturedBody } from "./captured_response.ts";

/** Maximum codings of a body. Ordinary responses have one. */
const MAX_CODINGS = 4;

interface Coding {
  /** Names for `DecompressionStream`. If decoding as the first format fails, the next one is used. */
  readonly formats: readonly string[];
  /**
   * Encoded bytes written at a time. Their whole output is in memory at once. DEFLATE expands up to 1,000-fold, and a
   * dozen bytes of Brotli may expand to 16 MiB.
   */
  readonly sliceBytes: number;
}

/** The codings by name. Some servers send raw DEFLATE, without the zlib wrapper, as `deflate`. */
const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ["gzip", { formats: ["gzip"], sliceBytes: 1_024 }],
  ["x-gzip", { formats: ["gzip"], sliceBytes: 1_024 }],
  ["deflate", { formats: ["deflate", "deflate-raw"], sliceBytes: 1_024 }],
  ["br", { formats: ["brotli"], sliceBytes: 32 }],
]);

/** Called after each decoded chunk. Returns a promise if other tasks must run first. */
export type Pause = () => Promise<void> | undefined;

interface DecodeOptions {
  readonly maxBytes: number;
  readonly pause: Pause;
}

/** The decoded bytes, or the reason why there are none. */
type Decoded = Uint8Array | "too-large" | "undecodable";

/**
 * Decodes a captured body. A body that cannot be decoded, or exceeds `maxBytes` when decoded, becomes a cut body with a
 * digest of the bytes as sent.
 *
 * Returns no promise if the body has no coding, or is already cut.
 */
export function decodeBody(
  body: CapturedBody,
  headers: readonly HeaderLine[],
  maxBytes: number,
  pause: Pause = () => undefined,
): CapturedBody | Promise<CapturedBody> {
  if (body.cut || body.bytes.length === 0) return body;
  const names = codingsOf(headers);
  return names.length === 0 ? body : decodeAll(body, names, { maxBytes, pause });
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
  const codings = names.toReversed().map((name) => CODINGS.get(name));
  if (codings.length > MAX_CODINGS) return asCut(body, "undecodable");
  let { bytes } = body;
  for (const coding of codings) {
    const decoded = coding === undefined ? "undecodable" : await decode(bytes, coding, options);
    if (typeof decoded === "string") return asCut(body, decoded);
    bytes = decoded;
  }
  return { bytes, length: body.length, cut: false };
}

function asCut({ bytes, length }: CapturedBody, cutBy: "too-large" | "undecodable"): CapturedBody {
  const digest = new Digest();
  digest.update(bytes);
  return { bytes: new Uint8Array(), length, cut: true, cutBy, digest: digest.toString() };
}

async function decode(bytes: Uint8Array, { formats, sliceBytes }: Coding, options: DecodeOptions): Promise<Decoded> {
  for (const format of formats) {
    const decoded = await decompress(bytes, { format, sliceBytes, ...options });
    if (decoded !== "undecodable") return decoded;
  }
  return "undecodable";
}

async function decompress(
  bytes: Uint8Array,
  { format, sliceBytes, ...options }: DecodeOptions & { readonly format: string; readonly sliceBytes: number },
): Promise<Decoded> {
  try {
    const { readable, writable } = new DecompressionStream(format as CompressionFormat);
    const written = writeSlices(writable, bytes, sliceBytes);
    const decoded = await readBounded(readable, options);
    await written;
    return decoded;
  } catch {
    return "undecodable";
  }
}

/** Writes all bytes. Never rejects, because the reader reports invalid bytes. */
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
    // The reader receives the same error, or has cancelled the stream.
  }
}

async function readBounded(
  readable: ReadableStream<Uint8Array>,
  { maxBytes, pause }: DecodeOptions,
): Promise<Decoded> {
  const decoded = new GrowingBytes(maxBytes);
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return decoded.bytes;
    if (!decoded.append(value)) {
      await reader.cancel();
      return "too-large";
    }
    // A stream with available bytes never yields to the event loop.
    const pausing = pause();
    if (pausing !== undefined) await pausing;
  }
}
