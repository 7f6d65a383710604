/** A client that encodes an HTTP/2 request itself, so that any bytes in a header field are sent unchanged. */

import { END_HEADERS, END_STREAM, fieldBlock, FRAME, frame, FRAME_HEAD_BYTES } from "./http2_frames.ts";
import { toBytes } from "./latin1.ts";

/** Field sections of `:status` in the static table (RFC 7541, appendix A), 200 to 500. */
const STATUSES = [200, 204, 206, 304, 400, 404, 500];
const FIRST_STATUS = 0x88;

/** Outcome of a request: the status of the response, or `"refused"` if the server reset the stream or the connection. */
export type Http2Outcome = number | "refused";

/**
 * Sends a request without a body, in one HEADERS frame, with literal fields that are not compressed.
 *
 * @param connection A new connection to a server that speaks HTTP/2.
 * @param fields All fields in order, pseudo-header fields included; one byte for each character.
 */
export async function exchangeHttp2(
  connection: Deno.Conn,
  fields: readonly (readonly [name: string, value: string])[],
): Promise<Http2Outcome> {
  const head = frame(FRAME.headers, END_STREAM | END_HEADERS, 1, fieldBlock(fields));
  const request = [frame(FRAME.settings, 0, 0, ""), head];
  await connection.write(toBytes(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${request.join("")}`));
  let received: number[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    received.push(...buffer.subarray(0, count));
    while (received.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + (received[0]! << 16 | received[1]! << 8 | received[2]!);
      if (received.length < end) break;
      const [type, first] = [received[3], received[FRAME_HEAD_BYTES]!];
      received = received.slice(end);
      if (type === FRAME.reset || type === FRAME.goAway) return "refused";
      // Other statuses are literals: their digits follow, Huffman-coded or not.
      if (type === FRAME.headers) return STATUSES[first - FIRST_STATUS] ?? 0;
    }
  }
  return "refused";
}
