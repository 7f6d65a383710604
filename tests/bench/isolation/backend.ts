/** A backend in its own process: healthy without an argument, otherwise with the fault that the argument names. */

import { startRawBackend } from "../../_support/servers.ts";
import { startTroubled, TROUBLES } from "../../_support/troubles.ts";
import { delay } from "@std/async/delay";
import { HANGS_IN_TUNNEL } from "./scenes.ts";
import { LARGE_BYTES, SMALL_BYTES } from "./requests.ts";

/** Below the timeout, but long enough for hundreds of requests in flight. */
const LATE_MS = 300;

const BUFFER_BYTES = 65_536;
const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");
const SMALL = responseOf(SMALL_BYTES);
const LARGE = responseOf(LARGE_BYTES);
const SWITCHED = encoder.encode(
  "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
);

/**
 * Responds to the requests of one connection in sequence, each `lateMs` after its end. Request bodies must have a
 * Content-Length. An upgraded connection is echoed.
 */
export async function respondPlainly(connection: Deno.Conn, lateMs: number): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const head = await readHead(connection, buffer);
    if (head === undefined) return;
    if (head.isUpgrade) {
      await connection.write(SWITCHED);
      return await connection.readable.pipeTo(connection.writable);
    }
    for (let left = head.bodyBytes; left > 0;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      left -= count;
    }
    if (lateMs > 0) await delay(lateMs);
    const response = head.isLarge ? LARGE : SMALL;
    for (let rest = response; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
  }
}

/** Switches protocols, then reads nothing. */
async function hangInTunnel(connection: Deno.Conn): Promise<void> {
  await readHead(connection, new Uint8Array(BUFFER_BYTES));
  await connection.write(SWITCHED);
  await new Promise(() => {});
}

interface Head {
  readonly bodyBytes: number;
  readonly isLarge: boolean;
  readonly isUpgrade: boolean;
}

async function readHead(
  connection: Deno.Conn,
  buffer: Uint8Array,
): Promise<Head | undefined> {
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
    return {
      bodyBytes: length - (filled - end - 4),
      isLarge: head.startsWith("GET /large "),
      isUpgrade: head.startsWith("GET /tunnel "),
    };
  }
}

function responseOf(bytes: number): Uint8Array {
  return encoder.encode(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes}\r\n\r\n${"x".repeat(bytes)}`);
}

if (import.meta.main) {
  const [behavior = "is healthy"] = Deno.args;
  const trouble = TROUBLES.find((trouble) => trouble === behavior);
  const lateMs = behavior === "responds late" ? LATE_MS : 0;
  const { url } = behavior === HANGS_IN_TUNNEL
    ? startRawBackend(hangInTunnel)
    : trouble === undefined
    ? startRawBackend((connection) => respondPlainly(connection, lateMs))
    : await startTroubled(trouble);
  console.log(`listening on ${url}`);
  if (trouble === "refuses") await new Promise(() => setInterval(() => {}, 60_000));
}
