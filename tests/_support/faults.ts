/**
 * A catalogue of faults that backends have been seen to have. Each one acts on the connection after a request has
 * arrived.
 */

import { type SocketConnection, startSocketBackend } from "./socket_backend.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const SMALL = `${OK}content-length: 10\r\n\r\n`;
/** Larger than the part of a body that conductor reads before it responds. */
const LARGE_BYTES = 100_000;
const LARGE = `${OK}content-length: ${LARGE_BYTES}\r\n\r\n`;
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
/** Too large to be read together with the head. */
const LARGE_CHUNK = `${CHUNKED}10000\r\n${"a".repeat(0x10000)}\r\n`;

/** Sends bytes and leaves the connection open. */
function sends(...parts: (string | Uint8Array)[]): Fault {
  return async ({ write }) => {
    for (const part of parts) await write(part);
  };
}

function sendsAndCloses(...parts: (string | Uint8Array)[]): Fault {
  return async ({ write, close }) => {
    for (const part of parts) await write(part);
    close();
  };
}

function sendsAndResets(bytes: string): Fault {
  return async ({ write, reset }) => {
    await write(bytes);
    reset();
  };
}

/** Sends until the other side closes the connection. */
function sendsForever(head: string, more: string): Fault {
  return async ({ write, close }) => {
    await write(head);
    // The bound is far above every limit of conductor. Without it, a missing limit would fill the machine's memory.
    for (let turn = 0; turn < 10_000; turn++) {
      await write(more);
      await new Promise((resolve) => setTimeout(resolve)); // Yields to the other tasks of the process.
    }
    close();
  };
}

/** Sends single bytes. No pause between them reaches a timeout. */
function drips(head: string, text: string, everyMs: number): Fault {
  return async ({ write, gone }) => {
    await write(head);
    for (const byte of text) {
      const pause = Promise.withResolvers<void>();
      const timer = setTimeout(pause.resolve, everyMs);
      await Promise.race([pause.promise, gone]);
      clearTimeout(timer);
      await write(byte);
    }
  };
}

function lines(count: number, bytes: number): string {
  return Array.from({ length: count }, (_, index) => `x-${index}: ${"a".repeat(bytes)}\r\n`).join("");
}

let bomb: Promise<Uint8Array> | undefined;

async function gzipBomb(): Promise<Uint8Array> {
  const zeros = new Blob(Array<Uint8Array<ArrayBuffer>>(64).fill(new Uint8Array(1 << 20)));
  return await new Response(zeros.stream().pipeThrough(new CompressionStream("gzip"))).bytes();
}

/** Every fault by name. */
export const FAULTS = {
  // No response.
  "refuses connections": undefined,
  "accepts and hangs": () => {},
  "closes without a response": ({ close }) => close(),
  "resets without a response": ({ reset }) => reset(),

  // Heads that do not end, or not in time.
  "half a head, then closes": sendsAndCloses(`${OK}content-`),
  "half a head, then resets": sendsAndResets(`${OK}content-`),
  "half a head, then hangs": sends(`${OK}content-`),
  "a head that drips": drips("", `${SMALL}0123456789`, 20),
  "a head of endless lines": sendsForever(OK, lines(100, 10)),
  "a field of endless length": sendsForever(`${OK}x: `, "a".repeat(65_536)),
  "103 Early Hints without end": sendsForever("", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(10)),

  // Heads that are too large.
  "a field of 500 KB": sends(`${OK}x: ${"a".repeat(500_000)}\r\ncontent-length: 2\r\n\r\nok`),
  "a field of 100 KB": sends(`${OK}x: ${"a".repeat(100_000)}\r\ncontent-length: 2\r\n\r\nok`),
  "90 fields of 1 KB": sends(`${OK}${lines(90, 1_000)}content-length: 2\r\n\r\nok`),
  "200 small fields": sends(`${OK}${lines(200, 1)}content-length: 2\r\n\r\nok`),
  "1,100 small fields": sends(`${OK}${lines(1_100, 1)}content-length: 2\r\n\r\nok`),

  // Status lines.
  "a greeting of another protocol": sendsAndCloses("SSH-2.0-OpenSSH_9\r\n\r\n"),
  "a body without a head": sendsAndCloses("<html>hello</html>\r\n\r\n"),
  "HTTP/2.0 in the status line": sends("HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok"),
  "a status of letters": sends("HTTP/1.1 2xx OK\r\ncontent-length: 2\r\n\r\nok"),
  "a status of two digits": sends("HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok"),
  "a status of four digits": sends("HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nok"),
  "status 000": sends("HTTP/1.1 000 X\r\ncontent-length: 2\r\n\r\nok"),
  "status 600": sends("HTTP/1.1 600 X\r\ncontent-length: 2\r\n\r\nok"),
  "status 999": sends("HTTP/1.1 999 X\r\ncontent-length: 2\r\n\r\nok"),
  "an unrequested 101": sends("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw"),
  "103 a few times, then 200": sends("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(3), `${SMALL}0123456789`),
  "an unrequested 100 Continue, then 200": sends("HTTP/1.1 100 Continue\r\n\r\n", `${SMALL}0123456789`),

  // Fields.
  "a NUL in a field": sends(`${OK}x: a\0b\r\ncontent-length: 2\r\n\r\nok`),
  "a bare CR in a field": sends(`${OK}x: a\rset-cookie: b\r\ncontent-length: 2\r\n\r\nok`),
  "a folded field": sends(`${OK}x: a\r\n b\r\ncontent-length: 2\r\n\r\nok`),
  "a space before the colon": sends(`${OK}x : a\r\ncontent-length: 2\r\n\r\nok`),
  "a space before the colon of a length": sends(`${OK}content-length : 10\r\n\r\n0123456789`),
  "a tab before the colon of a transfer coding": sends(
    `${OK}transfer-encoding\t: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  "a field without a colon": sends(`${OK}x\r\ncontent-length: 2\r\n\r\nok`),
  "a field without a name": sends(`${OK}: a\r\ncontent-length: 2\r\n\r\nok`),
  "bare LF line ends": sends("HTTP/1.1 200 OK\ncontent-length: 2\n\nok"),
  "a field of Latin-1": sends(`${OK}x: caf\xe9\r\ncontent-length: 2\r\n\r\nok`),

  // Content-Length.
  "two different lengths": sends(`${OK}content-length: 2\r\ncontent-length: 4\r\n\r\nokok`),
  "two equal lengths": sends(`${OK}content-length: 2\r\ncontent-length: 2\r\n\r\nok`),
  "a list of equal lengths": sends(`${OK}content-length: 2, 2\r\n\r\nok`),
  "a list of different lengths": sends(`${OK}content-length: 2, 4\r\n\r\nok`),
  "a negative length": sends(`${OK}content-length: -2\r\n\r\nok`),
  "a length with a sign": sends(`${OK}content-length: +2\r\n\r\nok`),
  "a length in hex": sends(`${OK}content-length: 0x2\r\n\r\nok`),
  "an empty length": sends(`${OK}content-length: \r\n\r\nok`),
  "a length above 2^64": sends(`${OK}content-length: 18446744073709551618\r\n\r\nok`),

  // Small bodies.
  "a small body cut short": sendsAndCloses(`${SMALL}half`),
  "a small body reset": sendsAndResets(`${SMALL}half`),
  "a large body with the length of a small one": sends(`${SMALL}0123456789`, "a".repeat(LARGE_BYTES)),
  "a small body that hangs": sends(`${SMALL}half`),
  "a small body that drips": drips(SMALL, "0123456789", 40),
  "a small body longer than its length": sends(`${SMALL}0123456789HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`),

  // Large bodies.
  "a large body cut short": sendsAndCloses(LARGE, "half"),
  "a large body reset": sendsAndResets(`${LARGE}half`),
  "a large body that hangs": sends(LARGE, "half"),
  "a large body that drips": drips(CHUNKED, "3\r\nabc\r\n0\r\n\r\n", 20),
  "a body ended by the connection": sendsAndCloses(`${OK}connection: close\r\n\r\nwhole`),
  "a body that the reset ends": sendsAndResets(`${OK}connection: close\r\n\r\nhalf`),

  // Transfer-Encoding.
  "chunked with a length": sends(`${OK}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  "a length with chunked": sends(`${OK}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  "chunked with a length that hides a response": sends(
    `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${OK}content-length: 6\r\n\r\npoison`,
  ),
  "chunked with the length of a large body": sends(
    `${OK}content-length: ${LARGE_BYTES}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  ),
  "chunked in HTTP/1.0": sendsAndCloses("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
  "an unknown coding": sendsAndCloses(`${OK}transfer-encoding: cabbage\r\n\r\nhello`),
  "gzip before chunked": sends(`${OK}transfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  "the identity coding": sendsAndCloses(`${OK}transfer-encoding: identity\r\n\r\nhello`),
  "chunked in capitals": sends(`${OK}Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  "a coding after chunked": sendsAndCloses(`${OK}transfer-encoding: chunked, cabbage\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  "chunked twice": sendsAndCloses(`${OK}transfer-encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  "chunked with trailers": sends(`${CHUNKED}5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n`),
  "an invalid chunk size": sends(`${CHUNKED}5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n`),
  "a negative chunk size": sends(`${CHUNKED}5\r\nhello\r\n-5\r\nhello\r\n0\r\n\r\n`),
  "a chunk size above 2^64": sends(`${CHUNKED}5\r\nhello\r\n10000000000000005\r\nhello\r\n0\r\n\r\n`),
  "a chunk longer than its size": sends(`${CHUNKED}5\r\nhello, world\r\n0\r\n\r\n`),
  "an invalid chunk size, after a large chunk": sends(`${LARGE_CHUNK}zz\r\nhello\r\n0\r\n\r\n`),
  "a chunk extension without end": sendsForever(`${LARGE_CHUNK}5;`, "a".repeat(65_536)),
  "a trailer without end": sendsForever(`${CHUNKED}5\r\nhello\r\n0\r\nx: `, "a".repeat(65_536)),
  "a chunk cut short": sendsAndCloses(`${CHUNKED}5\r\nhe`),
  "no last chunk": sendsAndCloses(`${CHUNKED}5\r\nhello\r\n`),
  "a reset between chunks": sendsAndResets(`${CHUNKED}5\r\nhello\r\n`),
  "a last chunk without its line end": sendsAndCloses(`${CHUNKED}5\r\nhello\r\n0\r\n`),

  // Bodies of responses that cannot have one.
  "a body on 204": sends("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello"),
  "a response hidden behind 204": sends(
    "HTTP/1.1 204 No Content\r\ncontent-length: 44\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
  ),
  "a body on 304": sends("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nhello"),
  "a body on 205": sends("HTTP/1.1 205 Reset Content\r\ncontent-length: 5\r\n\r\nhello"),
  "a response without a request": sends(`${OK}content-length: 5\r\n\r\nhello`, `${SMALL}poisonpois`),

  // Content codings.
  "an invalid gzip body": sends(`${OK}content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello`),
  "gzip cut short": sends(`${OK}content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00`),
  "a gzip bomb": async ({ write }) => {
    const bytes = await (bomb ??= gzipBomb());
    await write(`${OK}content-encoding: gzip\r\ncontent-length: ${bytes.length}\r\n\r\n`);
    await write(bytes);
  },

  // After the response.
  "closes after the response": sendsAndCloses(`${SMALL}0123456789`),
  "resets after the response": sendsAndResets(`${SMALL}0123456789`),
} satisfies Record<string, Fault | undefined>;

/** Name of a fault. */
export type FaultName = keyof typeof FAULTS;

/** Acts on the connection when the first request has arrived. */
export type Fault = (connection: SocketConnection) => Promise<void> | void;

/** A backend with a fault. */
export interface FaultyBackend extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Starts to listen, if the fault is a refused connection. */
  heal(): Promise<void>;
}

/** Response body of a backend after its fault. */
export const HEALTHY_BODY = "healthy";

/**
 * Starts a backend that handles its first request with the fault, and later ones correctly. `undefined` refuses
 * connections until `heal()`.
 */
export async function startFaultyBackend(fault: Fault | undefined): Promise<FaultyBackend> {
  let requests = 0;
  const backend = await startSocketBackend(async (_, connection) => {
    if (++requests === 1 && fault !== undefined) return await fault(connection);
    await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${HEALTHY_BODY.length}\r\n\r\n${HEALTHY_BODY}`);
  });
  if (fault === undefined) await backend.listen(false);
  return { ...backend, heal: () => backend.listen(true) };
}
