/**
 * A backend that answers, as plain as can be: Deno's server takes 64 KiB of memory for each piece of a body, and cleans up
 * every half second for longer than anything that is measured here.
 */

import { delay } from "@std/async/delay";
import { LARGE_BYTES, SMALL_BYTES } from "./requests.ts";

const BUFFER_BYTES = 65_536;
const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");
const SMALL = answerOf(SMALL_BYTES);
const LARGE = answerOf(LARGE_BYTES);

/**
 * Answers the requests of one connection, one after the other.
 *
 * @param connection The connection; its bodies have a Content-Length.
 * @param lateMs How long each answer takes from the end of its request, in milliseconds.
 */
export async function answerPlainly(connection: Deno.Conn, lateMs: number): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const head = await readHead(connection, buffer);
    if (head === undefined) return;
    for (let left = head.bodyBytes; left > 0;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      left -= count;
    }
    if (lateMs > 0) await delay(lateMs);
    const answer = head.isLarge ? LARGE : SMALL;
    for (let rest = answer; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
  }
}

async function readHead(
  connection: Deno.Conn,
  buffer: Uint8Array,
): Promise<{ readonly bodyBytes: number; readonly isLarge: boolean } | undefined> {
  let filled = 0;
  for (;;) {
    const count = await connection.read(buffer.subarray(filled));
    if (count === null) return undefined;
    filled += count;
    const text = latin1.decode(buffer.subarray(0, filled));
    const end = text.indexOf("\r\n\r\n");
    if (end === -1) continue;
    const head = text.slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    return { bodyBytes: length - (filled - end - 4), isLarge: head.startsWith("GET /large ") };
  }
}

function answerOf(bytes: number): Uint8Array {
  return encoder.encode(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`);
}
