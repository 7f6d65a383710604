/** Encoding of request heads (RFC 9112 §3 and §5). */

import type { HeaderLine } from "../../config/config.ts";
import { type TransportRequest, UpstreamFailure } from "../transport.ts";

/** Methods that usually have a body. Without one, they send `Content-Length: 0` (RFC 9110 §8.6). */
const BODY_METHODS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

type Bytes = Uint8Array<ArrayBuffer>;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;

/** Bytes of a header line besides name and value: the colon, the space and the line end. */
const LINE_BYTES = 4;
const LAST_CHUNK_BYTES = 5;
/** TE is hop-by-hop, so it must be listed in Connection (RFC 9110 §10.1.4). */
const TE_OPTION = "connection: te";
const TE_TRAILERS = "te: trailers";
const CHUNKED = "transfer-encoding: chunked";
const UPGRADE_OPTION = "connection: upgrade";

/**
 * Encodes the head of a request: Host, the unchanged header list, then the framing. Characters are written one by one,
 * because a joined text would double the garbage of an exchange.
 *
 * @param request The request.
 * @param authority Authority of the service, for a request without a Host of its own.
 * @param buffer Buffer to use if it is large enough. Its content is overwritten.
 * @throws {UpstreamFailure} Of kind `unsendable` if a part contains a control character, such as a line end, or a
 * character above U+00FF.
 */
export function encodeRequestHead(request: TransportRequest, authority: string, buffer: Bytes): Bytes {
  const { method, rawTarget: target = request.target, host = authority, headers, takesTrailers } = request;
  const framing = framingLine(request);
  let length = method.length + target.length + " ".length + " HTTP/1.1".length + "host: ".length + host.length;
  length += framing.length + 4 * LINE_BYTES;
  for (const [name, value] of headers) {
    length += name.length + value.length + LINE_BYTES;
    if (name === "te") length += TE_OPTION.length + LINE_BYTES;
  }

  const announced = framing === CHUNKED ? request.trailers?.announced.join(", ") ?? "" : "";
  if (announced !== "") length += "trailer".length + announced.length + LINE_BYTES;
  if (takesTrailers) length += TE_TRAILERS.length + TE_OPTION.length + 2 * LINE_BYTES;
  const protocols = request.upgrade?.join(", ");
  if (protocols !== undefined) length += UPGRADE_OPTION.length + "upgrade".length + protocols.length + 2 * LINE_BYTES;

  const bytes = length <= buffer.length ? buffer : new Uint8Array(length);
  let at = write(bytes, 0, method);
  bytes[at++] = SPACE;
  at = write(bytes, at, target);
  at = writeLine(bytes, at, " HTTP/1.1");
  at = writeField(bytes, at, "host", host);
  for (const [name, value] of headers) {
    at = writeField(bytes, at, name, value);
    if (name === "te") at = writeLine(bytes, at, TE_OPTION);
  }
  if (takesTrailers) at = writeLine(bytes, writeLine(bytes, at, TE_TRAILERS), TE_OPTION);
  if (protocols !== undefined) {
    at = writeLine(bytes, at, UPGRADE_OPTION);
    at = writeField(bytes, at, "upgrade", protocols);
  }
  if (announced !== "") at = writeField(bytes, at, "trailer", announced);
  if (framing !== "") at = writeLine(bytes, at, framing);
  at = writeLine(bytes, at, "");
  return bytes.subarray(0, at);
}

/** Encodes the end of a chunked body: the last chunk, and the trailers. */
export function encodeLastChunk(trailers: readonly HeaderLine[]): Bytes {
  const length = trailers.reduce((sum, [name, value]) => sum + name.length + value.length + LINE_BYTES, 0);
  const bytes = new Uint8Array(length + LAST_CHUNK_BYTES);
  let at = writeLine(bytes, 0, "0");
  for (const [name, value] of trailers) at = writeField(bytes, at, name, value);
  writeLine(bytes, at, "");
  return bytes;
}

function framingLine({ method, body, contentLength }: TransportRequest): string {
  if (body === null) return BODY_METHODS.has(method) ? "content-length: 0" : "";
  const length = body instanceof Uint8Array ? body.length : contentLength;
  return length === undefined ? CHUNKED : `content-length: ${length}`;
}

function writeField(bytes: Bytes, start: number, name: string, value: string): number {
  let at = write(bytes, start, name);
  bytes[at++] = COLON;
  bytes[at++] = SPACE;
  return writeLine(bytes, at, value);
}

function writeLine(bytes: Bytes, start: number, text: string): number {
  const at = write(bytes, start, text);
  bytes[at] = CR;
  bytes[at + 1] = LF;
  return at + 2;
}

/** Writes each character as one byte: header values are byte strings (RFC 9110 §5.5). */
function write(bytes: Bytes, start: number, text: string): number {
  const { length } = text;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 255 || (code < SPACE && code !== TAB)) throw new UpstreamFailure("unsendable");
    bytes[start + at] = code;
  }
  return start + length;
}
