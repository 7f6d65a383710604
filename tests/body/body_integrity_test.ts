/** Large bodies arrive unchanged, although their memory is released as soon as they have been sent. */

import { assertEquals } from "@std/assert";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { startRawBackend } from "../_support/servers.ts";

const SIZE = 6 * 1024 * 1024;
const EXCHANGES = 6;
const PIECE_BYTES = 65_536;

const encoder = new TextEncoder();

/** Returns a pattern in which every four bytes encode their position and the body. */
function pattern(offset: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = Uint32Array.from(
    { length: PIECE_BYTES / 4 },
    (_, index) => (offset / 4 + index) ^ (seed * 0x9e37_79b1),
  );
  return new Uint8Array(words.buffer);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

/** Bodies with an odd seed are sent in chunks of a few hundred bytes to a few hundred kilobytes. */
function isChunked(seed: number): boolean {
  return seed % 2 === 1;
}

async function writeBody(connection: Deno.Conn, seed: number, chunked: boolean): Promise<void> {
  for (let offset = 0; offset < SIZE; offset += PIECE_BYTES) {
    const piece = pattern(offset, seed);
    if (!chunked) {
      await writeAll(connection, piece);
      continue;
    }
    const chunkBytes = 300 + (offset / 3) % PIECE_BYTES | 0;
    for (let at = 0; at < piece.length; at += chunkBytes) {
      const chunk = piece.subarray(at, at + chunkBytes);
      await writeAll(connection, encoder.encode(`${chunk.length.toString(16)}\r\n`));
      await writeAll(connection, chunk);
      await writeAll(connection, encoder.encode("\r\n"));
    }
  }
  if (chunked) await writeAll(connection, encoder.encode("0\r\n\r\n"));
}

/** Reads a line or a head byte by byte, and no byte after it. */
async function readTo(connection: Deno.Conn, mark: string): Promise<string> {
  let text = "";
  for (const byte = new Uint8Array(1); !text.endsWith(mark); text += String.fromCharCode(byte[0]!)) {
    if (await connection.read(byte) === null) break;
  }
  return text;
}

/** Yields the bytes of a body in pieces of varying size, so that sender and reader are never in step for long. */
async function* readBody(connection: Deno.Conn, chunked: boolean): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(200_000);
  for (let turn = 1;;) {
    const size = chunked ? parseInt(await readTo(connection, "\r\n"), 16) : SIZE;
    let left = size;
    for (; left > 0; turn++) {
      const count = await connection.read(buffer.subarray(0, Math.min(left, 1 + (turn * 7_919) % buffer.length)));
      if (count === null) return;
      left -= count;
      yield buffer.subarray(0, count);
    }
    // Closing a connection with unread bytes would reset it.
    if (chunked) await readTo(connection, "\r\n");
    if (!chunked || !(size > 0)) return;
  }
}

/** Returns `whole`, or the position of the first wrong byte. */
async function checkBody(connection: Deno.Conn, seed: number, chunked: boolean): Promise<string> {
  let expected = pattern(0, seed);
  let offset = 0;
  for await (const bytes of readBody(connection, chunked)) {
    for (const byte of bytes) {
      if (offset % PIECE_BYTES === 0) expected = pattern(offset, seed);
      if (byte !== expected[offset % PIECE_BYTES]) return `byte ${offset} of body ${seed} is wrong`;
      offset++;
    }
  }
  return offset === SIZE ? "whole" : `body ${seed} ended after ${offset} bytes`;
}

Deno.test("large bodies arrive unchanged in both directions at the same time", async () => {
  const received: string[] = [];
  await using backend = startRawBackend(async (connection) => {
    const head = await readTo(connection, "\r\n\r\n");
    const seed = Number(/ \/(\d+)/.exec(head)![1]);
    received.push(await checkBody(connection, seed, isChunked(seed)));
    await writeAll(connection, encoder.encode(`HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n\r\n`));
    await writeBody(connection, seed, false);
  });
  await using file = await tempConfig(JSON.stringify({
    bodyWindow: SIZE, // No service is aborted for lagging, so all of them receive the whole body.
    services: ["a", "b"].map((name, index) => ({ name, url: backend.url, primary: index === 0 })),
  }));
  await using child = startCli(["-c", file.path, "--port", "0", "--host", "127.0.0.1"]);
  const [, port] = await child.stdout.seen(/"url":"http:\/\/[^:"]+:(\d+)/);
  const results = await Promise.all(Array.from({ length: EXCHANGES }, async (_, seed) => {
    using connection = await Deno.connect({ port: Number(port), hostname: "127.0.0.1" });
    const framing = isChunked(seed) ? "Transfer-Encoding: chunked" : `Content-Length: ${SIZE}`;
    await writeAll(connection, encoder.encode(`POST /${seed} HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n`));
    await writeBody(connection, seed, isChunked(seed));
    const head = await readTo(connection, "\r\n\r\n");
    return [head.split("\r\n")[0], await checkBody(connection, seed, false)];
  }));
  assertEquals(results, Array(EXCHANGES).fill(["HTTP/1.1 200 OK", "whole"]));
  assertEquals(received, Array(2 * EXCHANGES).fill("whole"));
});
