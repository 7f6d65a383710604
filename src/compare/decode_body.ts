/** Content codings undone, as far as it takes to compare what was said in them (RFC 9110 §8.4). */

import type { HeaderLine } from "../config/config.ts";
import { parseList } from "../http/headers.ts";
import { GrowingBytes } from "../lib/growing_bytes.ts";
import type { CapturedBody } from "./response.ts";
import { BodyDigest } from "./body_digest.ts";

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

/** Called after each decoded piece. Returns a promise if other tasks must run first. */
export type Pause = () => Promise<void> | undefined;

interface DecodeOptions {
  readonly maxBytes: number;
  readonly pause: Pause;
}

/** The bytes, or the reason why there are none. */
type Decoded = Uint8Array | "too-large" | "undecodable";

/**
 * Decodes a captured body. If it cannot be decoded, or is larger than the limit, the result is cut and has a digest of
 * the bytes as sent.
 *
 * @param body The body as sent. A body that is cut is returned unchanged.
 * @param headers The header lines of the response.
 * @param maxBytes Maximum size of the decoded body, in bytes.
 * @param pause Called after each decoded piece. Default: never waits.
 * @returns The body to compare; not a promise if the body has no coding.
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
      // Reading one coding above the limit is enough to refuse the body.
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
  const digest = new BodyDigest();
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
    // A stream with bytes at hand never yields to the event loop.
    const pausing = pause();
    if (pausing !== undefined) await pausing;
  }
}
