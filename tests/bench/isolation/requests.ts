/** Mix of the clients' requests: mostly small, with some bodies that affect slow readers. */

/** A request, and its correct response. */
export interface MixedRequest {
  readonly head: Uint8Array;
  /** Chunks that are sent after the head. */
  readonly body: readonly Uint8Array[];
  /** Length of the response body. */
  readonly responseBytes: number;
}

/** Length of a small response body. */
export const SMALL_BYTES = 100;
/** Length of a large response body, which is streamed. */
export const LARGE_BYTES = 262_144;

const POST_BYTES = 20_000;
/** Larger than `bodyWindow`, so that a service that does not read is disconnected. */
const UPLOAD_BYTES = 2_097_152;

const encoder = new TextEncoder();
const head = (text: string) => encoder.encode(`${text}\r\nHost: isolation.test\r\n\r\n`);

const GET: MixedRequest = { head: head("GET /items/7 HTTP/1.1"), body: [], responseBytes: SMALL_BYTES };
const GET_LARGE: MixedRequest = { head: head("GET /large HTTP/1.1"), body: [], responseBytes: LARGE_BYTES };
const POST: MixedRequest = {
  head: head(`POST /items HTTP/1.1\r\nContent-Length: ${POST_BYTES}`),
  body: [new Uint8Array(POST_BYTES).fill(120)],
  responseBytes: SMALL_BYTES,
};
/** Has a Content-Length because Deno's server decodes the chunks of a fast sender in quadratic time. */
const UPLOAD: MixedRequest = {
  head: head(`POST /upload HTTP/1.1\r\nContent-Length: ${UPLOAD_BYTES}`),
  body: [new Uint8Array(UPLOAD_BYTES).fill(120)],
  responseBytes: SMALL_BYTES,
};

/**
 * Returns a request by its number, from 0. One in four is a POST of 20 KB, one in 5,000 an upload of 2 MiB, one in
 * 5,000 gets a response of 256 KiB, and all others are small GETs. More large requests would determine the 99th
 * percentile: a mirrored upload is twice the work for any receiver.
 */
export function requestAt(index: number): MixedRequest {
  if (index % 5_000 === 2_500) return UPLOAD;
  if (index % 5_000 === 4_999) return GET_LARGE;
  return index % 4 === 1 ? POST : GET;
}
