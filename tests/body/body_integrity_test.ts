/** Large bodies arrive byte for byte, also where their memory is given back as soon as they have been passed on. */

import { assertEquals } from "@std/assert";
import { startCli } from "../_support/cli_process.ts";
import { startRawBackend } from "../_support/servers.ts";
import { tempConfig } from "../_support/temp_config.ts";

const SIZE = 6 * 1024 * 1024;
const EXCHANGES = 6;
const PIECE_BYTES = 65_536;

const encoder = new TextEncoder();

/** Every four bytes say where they are, and in which body. */
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

/** Bodies of an odd seed are sent in chunks of a few hundred bytes to a few hundred kilobytes. */
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

/** Reads a line or a head byte by byte, so that nothing of what follows comes with it. */
async function readTo(connection: Deno.Conn, mark: string): Promise<string> {
  let text = "";
  for (const byte = new Uint8Array(1); !text.endsWith(mark); text += String.fromCharCode(byte[0]!)) {
    if (await connection.read(byte) === null) break;
  }
  return text;
}

/** Yields a body's bytes, read in pieces of odd sizes, so that sender and reader fall in and out of step. */
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
    // What is left unread when a connection is closed resets it.
    if (chunked) await readTo(connection, "\r\n");
    if (!chunked || !(size > 0)) return;
  }
}

/** Says where the first wrong byte is. */
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

Deno.test("large bodies go up and down at the same time without a wrong byte", async () => {
  const received: string[] = [];
  await using backend = startRawBackend(async (connection) => {
    const head = await readTo(connection, "\r\n\r\n");
    const seed = Number(/ \/(\d+)/.exec(head)![1]);
    received.push(await checkBody(connection, seed, isChunked(seed)));
    await writeAll(connection, encoder.encode(`HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n\r\n`));
    await writeBody(connection, seed, false);
  });
  await using file = await tempConfig(JSON.stringify({
    bodyWindow: SIZE, // None may lag behind: all of it must arrive everywhere.
    services: ["a", "b"].map((name, index) => ({ name, url: backend.url, primary: index === 0 })),
  }));
  await using child = startCli(["-c", file.path, "--port", "0", "--host", "127.0.0.1"]);
  const [, port] = await child.stdout.seen(/"url":"http:\/\/[^:"]+:(\d+)/);
  const answers = await Promise.all(Array.from({ length: EXCHANGES }, async (_, seed) => {
    using connection = await Deno.connect({ port: Number(port), hostname: "127.0.0.1" });
    const framing = isChunked(seed) ? "Transfer-Encoding: chunked" : `Content-Length: ${SIZE}`;
    await writeAll(connection, encoder.encode(`POST /${seed} HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n`));
    await writeBody(connection, seed, isChunked(seed));
    const answered = await readTo(connection, "\r\n\r\n");
    return [answered.split("\r\n")[0], await checkBody(connection, seed, false)];
  }));
  assertEquals(answers, Array(EXCHANGES).fill(["HTTP/1.1 200 OK", "whole"]));
  assertEquals(received, Array(2 * EXCHANGES).fill("whole"));
});
