/** What the clients send: mostly small, with bodies in between that a slow reader feels. */

/** A request and the answer that is right for it. */
export interface MixedRequest {
  readonly head: Uint8Array;
  /** Sent piece by piece behind the head. */
  readonly body: readonly Uint8Array[];
  /** How long the answer's body has to be. */
  readonly answerBytes: number;
}

/** Length of a small answer's body. */
export const SMALL_BYTES = 100;
/** Length of a large answer's body, which is streamed. */
export const LARGE_BYTES = 262_144;

const POST_BYTES = 20_000;
/** More than `bodyWindow`, so that who does not read is cut off. */
const UPLOAD_BYTES = 2_097_152;

const encoder = new TextEncoder();
const head = (text: string) => encoder.encode(`${text}\r\nHost: isolation.test\r\n\r\n`);

const GET: MixedRequest = { head: head("GET /items/7 HTTP/1.1"), body: [], answerBytes: SMALL_BYTES };
const GET_LARGE: MixedRequest = { head: head("GET /large HTTP/1.1"), body: [], answerBytes: LARGE_BYTES };
const POST: MixedRequest = {
  head: head(`POST /items HTTP/1.1\r\nContent-Length: ${POST_BYTES}`),
  body: [new Uint8Array(POST_BYTES).fill(120)],
  answerBytes: SMALL_BYTES,
};
/** Of a known length: Deno's server takes the chunks of a fast sender apart in quadratic time, whoever gets a copy. */
const UPLOAD: MixedRequest = {
  head: head(`POST /upload HTTP/1.1\r\nContent-Length: ${UPLOAD_BYTES}`),
  body: [new Uint8Array(UPLOAD_BYTES).fill(120)],
  answerBytes: SMALL_BYTES,
};

/**
 * Chooses a request by its number: one in four is a POST of 20 KB, one in 5,000 an upload of 2 MiB, one has an
 * answer of 256 KiB, all others are small GETs. More of the large ones, and they alone would be the 99th percentile: an
 * upload that is copied is twice the work, whoever takes the copy.
 *
 * @param index Which request it is, from 0.
 * @returns What to send.
 */
export function requestAt(index: number): MixedRequest {
  if (index % 5_000 === 2_500) return UPLOAD;
  if (index % 5_000 === 4_999) return GET_LARGE;
  return index % 4 === 1 ? POST : GET;
}
