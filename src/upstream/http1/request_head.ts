/** The head of a request as bytes (RFC 9112 §3 and §5). */

import type { TransportRequest } from "../transport.ts";
import { UpstreamFailure } from "../../exchange/upstream_failure.ts";

/** Methods whose requests say that there is no body, as one would be expected (RFC 9110 §8.6). */
const BODY_METHODS: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

type Bytes = Uint8Array<ArrayBuffer>;

const TAB = 9;
const SPACE = 32;

const encoder = new TextEncoder();

/**
 * Writes the head of a request: its lines as they are, Host before them and the framing after them.
 *
 * @param request The request.
 * @param authority The backend's authority, for a request without a Host of its own.
 * @param buffer Where to, if there is room; the bytes that it holds are of no use any more.
 * @returns The head's bytes.
 * @throws {UpstreamFailure} Of kind `protocol`, where a part would end its line and begin another.
 */
export function encodeRequestHead(request: TransportRequest, authority: string, buffer: Bytes): Bytes {
  const { method, target, host = authority, lines } = request;
  let text = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n`;
  let count = 3;
  for (const [name, value] of lines) {
    text += `${name}: ${value}\r\n`;
    count++;
    // TE is about one connection, and says so (RFC 9110 §10.1.4).
    if (name === "te") {
      text += "connection: te\r\n";
      count++;
    }
  }
  const framing = framingLine(request);
  if (framing !== "") count++;
  text += `${framing}\r\n`;

  const room = text.length <= buffer.length ? buffer : new Uint8Array(text.length);
  const { read, written } = encoder.encodeInto(text, room);
  if (read !== text.length || written !== text.length) encodeLatin1(text, room);
  if (countControls(room, text.length) !== 2 * count) throw new UpstreamFailure("protocol");
  return room.subarray(0, text.length);
}

function framingLine({ method, body, contentLength }: TransportRequest): string {
  if (body === null) return BODY_METHODS.has(method) ? "content-length: 0\r\n" : "";
  const length = body instanceof Uint8Array ? body.length : contentLength;
  return length === undefined ? "transfer-encoding: chunked\r\n" : `content-length: ${length}\r\n`;
}

/** Header values are bytes in the form of characters, one for one (RFC 9110 §5.5). */
function encodeLatin1(text: string, bytes: Uint8Array): void {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 255) throw new UpstreamFailure("protocol");
    bytes[at] = code;
  }
}

/** Line ends are two control characters each; there must be no more of them than lines. */
function countControls(bytes: Uint8Array, length: number): number {
  let controls = 0;
  for (let at = 0; at < length; at++) if (bytes[at]! < SPACE && bytes[at] !== TAB) controls++;
  return controls;
}
