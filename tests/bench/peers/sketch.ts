/**
 * A bound, not a proxy: Deno.serve, and the bytes of one request, made beforehand, written to every backend over
 * keep-alive connections of `Deno.connect`. What conductor costs beyond this is conductor's own.
 *
 * It does nothing for the client's request but to answer it, reads answers that tell their Content-Length and no others,
 * and fails where a backend does anything unexpected.
 */

import { parseArgs } from "@std/cli/parse-args";

/** One keep-alive connection, and room for a whole answer. */
interface Line {
  readonly connection: Deno.TcpConn;
  buffer: Uint8Array<ArrayBuffer>;
}

const ROOM_BYTES = 4_096;
const LENGTH_FIELD = "content-length:";
const CR = 13;
const LF = 10;
const SPACE = 32;
const ZERO = 48;

/**
 * Makes a function that asks one backend for always the same.
 *
 * @param origin The backend.
 * @param path What it is asked for.
 * @returns The exchange: resolves with the body of the answer where it is wanted, else with nothing.
 */
function exchangeWith(origin: string, path: string): (wanted: boolean) => Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { hostname, port, host } = new URL(origin);
  const request = new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const idle: Line[] = [];

  return async function exchange(wanted) {
    const line = idle.pop() ?? await connect(hostname, Number(port));
    const written = line.connection.write(request);
    let count = 0;
    let bodyStart = -1;
    let end = Infinity;
    while (count < end) {
      const read = await line.connection.read(count === 0 ? line.buffer : line.buffer.subarray(count));
      if (read === null) throw new Error("A backend has closed its connection");
      count += read;
      if (bodyStart !== -1) continue;
      bodyStart = headEnd(line.buffer, count);
      if (bodyStart === -1) continue;
      end = bodyStart + contentLength(line.buffer, bodyStart);
      if (end > line.buffer.length) enlarge(line, end);
    }
    await written;
    const body = wanted ? line.buffer.slice(bodyStart, end) : undefined;
    idle.push(line);
    return body;
  };
}

async function connect(hostname: string, port: number): Promise<Line> {
  const connection = await Deno.connect({ hostname, port });
  connection.setNoDelay();
  return { connection, buffer: new Uint8Array(ROOM_BYTES) };
}

/** From then on the connection has room for such an answer, head included. */
function enlarge(line: Line, bytes: number): void {
  const buffer = new Uint8Array(bytes + ROOM_BYTES);
  buffer.set(line.buffer);
  line.buffer = buffer;
}

/** Where the body starts; -1 where the head is not complete. */
function headEnd(bytes: Uint8Array, count: number): number {
  for (let at = 3; at < count; at++) {
    if (bytes[at] === LF && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
  }
  return -1;
}

/** Compares no more than what tells the field's name from others. */
function contentLength(bytes: Uint8Array, headEnd: number): number {
  for (let start = bytes.indexOf(LF) + 1; start < headEnd; start = bytes.indexOf(LF, start) + 1) {
    if (!isLengthField(bytes, start)) continue;
    let at = start + LENGTH_FIELD.length;
    while (bytes[at] === SPACE) at++;
    let length = 0;
    for (; bytes[at] !== CR; at++) length = length * 10 + bytes[at]! - ZERO;
    return length;
  }
  throw new Error("A backend does not tell its answer's length");
}

function isLengthField(bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < LENGTH_FIELD.length; at++) {
    // The bit tells capital letters from small ones, and "-" and ":" have it set.
    if ((bytes[start + at]! | 32) !== LENGTH_FIELD.charCodeAt(at)) return false;
  }
  return true;
}

if (import.meta.main) {
  const { origins, path, wait } = parseArgs(Deno.args, { string: ["origins", "path", "wait"] });
  const exchanges = origins!.split(",").map((origin) => exchangeWith(origin, path!));
  const init = { headers: { "content-type": "application/json" } };
  const { addr } = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
    const answers = exchanges.map((exchange, index) => exchange(index === 0));
    const body = wait === "primary" ? await answers[0] : (await Promise.all(answers))[0];
    return new Response(body!, init);
  });
  console.log(`listening on http://127.0.0.1:${addr.port}`);
}
