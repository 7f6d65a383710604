/**
 * Lower bound of the cost, not a proxy: `Deno.serve`, and one prepared request that is written to every backend over
 * keep-alive connections of `Deno.connect`. The difference to conductor is the cost of conductor's own code.
 *
 * It ignores the client's request, supports only responses with a Content-Length, and fails on any unexpected response.
 *
 * With `--headers` it also reads all header lines of the client, and sets five in the response, as each proxy must: the
 * bound.
 */

import { parseArgs } from "@std/cli/parse-args";

/** A keep-alive connection with a buffer for a whole response. */
interface PooledConnection {
  readonly connection: Deno.TcpConn;
  buffer: Uint8Array<ArrayBuffer>;
}

const BUFFER_BYTES = 4_096;
const LENGTH_FIELD = "content-length:";
const CR = 13;
const LF = 10;
const SPACE = 32;
const ZERO = 48;

/** Creates a function that sends the request to a backend. It resolves with the response body if `isNeeded`. */
function exchangeWith(
  origin: string,
  path: string,
): (isNeeded: boolean) => Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { hostname, port, host } = new URL(origin);
  const request = new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const idle: PooledConnection[] = [];

  return async function exchange(isNeeded) {
    const pooled = idle.pop() ?? await connect(hostname, Number(port));
    const written = pooled.connection.write(request);
    let count = 0;
    let bodyStart = -1;
    let end = Infinity;
    while (count < end) {
      const read = await pooled.connection.read(count === 0 ? pooled.buffer : pooled.buffer.subarray(count));
      if (read === null) throw new Error("Cannot read a response: the backend has closed the connection");
      count += read;
      if (bodyStart !== -1) continue;
      bodyStart = headEnd(pooled.buffer, count);
      if (bodyStart === -1) continue;
      end = bodyStart + contentLength(pooled.buffer, bodyStart);
      if (end > pooled.buffer.length) enlarge(pooled, end);
    }
    await written;
    const body = isNeeded ? pooled.buffer.slice(bodyStart, end) : undefined;
    idle.push(pooled);
    return body;
  };
}

async function connect(hostname: string, port: number): Promise<PooledConnection> {
  const connection = await Deno.connect({ hostname, port });
  connection.setNoDelay();
  return { connection, buffer: new Uint8Array(BUFFER_BYTES) };
}

/** Resizes the buffer for such a response, including its head. */
function enlarge(pooled: PooledConnection, bytes: number): void {
  const buffer = new Uint8Array(bytes + BUFFER_BYTES);
  buffer.set(pooled.buffer);
  pooled.buffer = buffer;
}

/** Returns the offset of the body; -1 if the head is incomplete. */
function headEnd(bytes: Uint8Array, count: number): number {
  for (let offset = 3; offset < count; offset++) {
    if (bytes[offset] === LF && bytes[offset - 1] === CR && bytes[offset - 2] === LF && bytes[offset - 3] === CR) {
      return offset + 1;
    }
  }
  return -1;
}

/** Compares only as many bytes as are needed to recognise the field. */
function contentLength(bytes: Uint8Array, headEnd: number): number {
  for (let start = bytes.indexOf(LF) + 1; start < headEnd; start = bytes.indexOf(LF, start) + 1) {
    if (!isLengthField(bytes, start)) continue;
    let offset = start + LENGTH_FIELD.length;
    while (bytes[offset] === SPACE) offset++;
    let length = 0;
    for (; bytes[offset] !== CR; offset++) length = length * 10 + bytes[offset]! - ZERO;
    return length;
  }
  throw new Error("Cannot read a response: Content-Length is missing");
}

function isLengthField(bytes: Uint8Array, start: number): boolean {
  for (let offset = 0; offset < LENGTH_FIELD.length; offset++) {
    // Bit 5 distinguishes upper case from lower case. It is set in "-" and ":".
    if ((bytes[start + offset]! | 32) !== LENGTH_FIELD.charCodeAt(offset)) return false;
  }
  return true;
}

/** Returns as many lines as conductor sends. Each value is new, so that nothing is cached. */
function fiveHeaders(received: readonly (readonly [string, string])[]): [string, string][] {
  return [
    ["content-type", "application/json"],
    ["x-request-id", crypto.randomUUID()],
    ["x-conductor-service", "b0"],
    ["x-lines", `${received.length}`],
    ["cache-control", "no-store"],
  ];
}

if (import.meta.main) {
  const { origins, path, wait, headers } = parseArgs(Deno.args, {
    string: ["origins", "path", "wait"],
    boolean: ["headers"],
  });
  const exchanges = origins!.split(",").map((origin) => exchangeWith(origin, path!));
  const { addr } = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const init = { headers: headers ? fiveHeaders([...request.headers]) : [["content-type", "application/json"]] };
    const bodies = exchanges.map((exchange, index) => exchange(index === 0));
    const body = wait === "primary" ? await bodies[0] : (await Promise.all(bodies))[0];
    return new Response(body!, init as ResponseInit);
  });
  console.log(`listening on http://127.0.0.1:${addr.port}`);
}
