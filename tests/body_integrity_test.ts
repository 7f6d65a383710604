/** Large bodies arrive byte for byte, also where their memory is given back as soon as they have been passed on. */

import { assertEquals } from "@std/assert";
import { startCli } from "./_support/cli_process.ts";
import { startRawBackend } from "./_support/servers.ts";
import { tempConfig } from "./_support/temp_config.ts";

const SIZE = 32 * 1024 * 1024;
const EXCHANGES = 6;

/** Every four bytes say where they are, and in which body. */
function writePattern(bytes: Uint8Array<ArrayBuffer>, offset: number, seed: number): void {
  const words = new Uint32Array(bytes.buffer, 0, bytes.length / 4);
  for (let index = 0; index < words.length; index++) words[index] = (offset / 4 + index) ^ (seed * 0x9e37_79b1);
}

async function writeBody(connection: Deno.Conn, seed: number): Promise<void> {
  const piece = new Uint8Array(65_536);
  for (let offset = 0; offset < SIZE; offset += piece.length) {
    writePattern(piece, offset, seed);
    for (let rest: Uint8Array = piece; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
  }
}

/** Reads in pieces of odd sizes, so that sender and reader fall in and out of step; says where the first wrong byte is. */
async function checkBody(connection: Deno.Conn, seed: number): Promise<string> {
  const expected = new Uint8Array(65_536);
  const buffer = new Uint8Array(200_000);
  let offset = 0;
  const check = (bytes: Uint8Array): number => {
    for (const byte of bytes) {
      if (offset % expected.length === 0) writePattern(expected, offset, seed);
      if (byte !== expected[offset % expected.length]) return offset;
      offset++;
    }
    return -1;
  };
  for (let bytes = new Uint8Array(0), turn = 1;; turn++) {
    const wrong = check(bytes);
    if (wrong !== -1) return `byte ${wrong} of body ${seed} is wrong`;
    if (offset === SIZE) return "whole";
    const count = await connection.read(buffer.subarray(0, 1 + (turn * 7_919) % buffer.length));
    if (count === null) return `body ${seed} ended after ${offset} bytes`;
    bytes = buffer.slice(0, count);
  }
}

/** Reads a head byte by byte, so that nothing of the body comes with it. */
async function readHead(connection: Deno.Conn): Promise<string> {
  let head = "";
  for (const byte = new Uint8Array(1); !head.endsWith("\r\n\r\n"); head += String.fromCharCode(byte[0]!)) {
    if (await connection.read(byte) === null) break;
  }
  return head;
}

Deno.test("large bodies go up and down at the same time without a wrong byte", async () => {
  const received: string[] = [];
  await using backend = startRawBackend(async (connection) => {
    const head = await readHead(connection);
    const seed = Number(/ \/(\d+)/.exec(head)![1]);
    received.push(await checkBody(connection, seed));
    await connection.write(new TextEncoder().encode(`HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n\r\n`));
    await writeBody(connection, seed);
  });
  await using file = await tempConfig(JSON.stringify({
    bodyWindow: SIZE, // None may lag behind: all of it must arrive everywhere.
    services: ["a", "b"].map((name, index) => ({ name, url: backend.url, primary: index === 0 })),
  }));
  await using child = startCli(["-c", file.path, "--port", "0", "--host", "127.0.0.1"]);
  const [, port] = await child.stdout.seen(/"url":"http:\/\/[^:"]+:(\d+)/);
  const answers = await Promise.all(Array.from({ length: EXCHANGES }, async (_, seed) => {
    using connection = await Deno.connect({ port: Number(port), hostname: "127.0.0.1" });
    const head = `POST /${seed} HTTP/1.1\r\nHost: h\r\nContent-Length: ${SIZE}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    await writeBody(connection, seed);
    const answered = await readHead(connection);
    return [answered.split("\r\n")[0], await checkBody(connection, seed)];
  }));
  assertEquals(answers, Array(EXCHANGES).fill(["HTTP/1.1 200 OK", "whole"]));
  assertEquals(received, Array(2 * EXCHANGES).fill("whole"));
});
