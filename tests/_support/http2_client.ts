/** A client that encodes an HTTP/2 request itself, so that any bytes in a header field are sent unchanged. */

import { END_HEADERS, END_STREAM, fieldBlock, FRAME, frame, FRAME_HEAD_BYTES } from "./http2_frames.ts";
import { toBytes } from "./latin1.ts";

/** Field sections of `:status` in the static table (RFC 7541, appendix A), 200 to 500. */
const STATUSES = [200, 204, 206, 304, 400, 404, 500];
const FIRST_STATUS = 0x88;

/**
 * Outcome of a request: the status of the response, or `"refused"` if the server reset the stream or the connection.
 */
export type Http2Outcome = number | "refused";

/**
 * Sends a request on a new HTTP/2 connection: one HEADERS frame with uncompressed literal fields, and at most one DATA
 * frame. `fields` includes the pseudo-header fields, and has one byte per character. Without `body`, the HEADERS frame
 * ends the request.
 */
export async function exchangeHttp2(
  connection: Deno.Conn,
  fields: readonly (readonly [name: string, value: string])[],
  body?: string,
): Promise<Http2Outcome> {
  const end = body === undefined ? END_STREAM : 0;
  const head = frame(FRAME.headers, end | END_HEADERS, 1, fieldBlock(fields));
  const request = [frame(FRAME.settings, 0, 0, ""), head];
  if (body !== undefined) request.push(frame(FRAME.data, END_STREAM, 1, body));
  await connection.write(toBytes(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${request.join("")}`));
  let received: number[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    received.push(...buffer.subarray(0, count));
    while (received.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + (received[0]! << 16 | received[1]! << 8 | received[2]!);
      if (received.length < end) break;
      const [type, block] = [received[3], received.slice(FRAME_HEAD_BYTES, end)];
      received = received.slice(end);
      if (type === FRAME.reset || type === FRAME.goAway) return "refused";
      if (type === FRAME.headers) return STATUSES[block[0]! - FIRST_STATUS] ?? literalStatus(block);
    }
  }
  return "refused";
}

/** Reads a status that is not in the static table: a literal of three Huffman-coded digits (RFC 7541, appendix B). */
function literalStatus([, length = 0, ...bytes]: readonly number[]): number {
  let bits = bytes.slice(0, length & 127).map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let status = 0;
  for (let digit = 0; digit < 3; digit++) {
    // `0` to `2` have five bits and begin with 00. `3` to `9` have six bits, from 011001 on.
    const size = bits.startsWith("00") ? 5 : 6;
    const code = parseInt(bits.slice(0, size), 2);
    status = 10 * status + (size === 5 ? code : code - 0b011001 + 3);
    bits = bits.slice(size);
  }
  return status;
}
