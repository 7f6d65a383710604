/** Uploads in tiny pieces must not take memory or time from the other clients. */

import { assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { type Attack, ATTACK_MS, type AttackReport, attackTest, IS_FULL, underAttack } from "../_support/attack.ts";
import { startWatched, type WatchedConductor } from "../_support/cli_process.ts";
import { readUntil, startRawBackend, type TestServer } from "../_support/servers.ts";

/**
 * Memory of Deno itself, outside the heap, grows by about 20 MiB per second with 20 connections. A bare `Deno.serve`
 * that pauses between reads grows in the same way (decision 023).
 */
const MAX_GROWTH_MIB = IS_FULL ? 640 : 192;
const MAX_WAIT_MS = 500;
const CONNECTIONS = 20;
const ENCODER = new TextEncoder();
const ONE_BYTE = ENCODER.encode("x");

/** Responds to GET at once. Reads uploads as they arrive, except on a path that asks it to hang or to respond early. */
function startUploadBackend(): TestServer & { uploads: number } {
  const backend = startRawBackend(async (connection) => {
    const head = await readUntil(connection);
    if (head.startsWith("GET")) {
      await connection.write(ENCODER.encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
      return;
    }
    counted.uploads++;
    const buffer = new Uint8Array(65_536);
    if (head.includes("/early/")) {
      await connection.write(ENCODER.encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
    }
    if (head.includes("/hung/")) await new Promise((resolve) => setTimeout(resolve, 1_000));
    else while (await connection.read(buffer) !== null);
  });
  const counted = Object.assign(backend, { uploads: 0 });
  return counted;
}

/** Responses with 400 to all floods. A flood that is refused in its first read reaches no service. */
const refused = { count: 0 };

async function countRefusal(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64);
  const length = await connection.read(buffer).catch(() => null);
  if (new TextDecoder().decode(buffer.subarray(0, length ?? 0)).startsWith("HTTP/1.1 400 ")) refused.count++;
}

/** Sends a head, then the same bytes repeatedly, as fast as the server reads. */
function flood(head: Uint8Array, bytes: Uint8Array): Attack {
  return async ({ url }, signal) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
    connection.setNoDelay(true);
    const stop = () => connection.close();
    signal.addEventListener("abort", stop);
    const refusal = countRefusal(connection);
    try {
      await writeAll(connection, head);
      while (!signal.aborted) await writeAll(connection, bytes);
    } catch {
      // The server closed the connection, or the attack is over.
      await refusal;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
}

/** Sends all bytes. A part of them would break the framing, and the server would refuse the body for that. */
async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Time until another client is served after the attack is over. */
async function latencyAfter({ url }: WatchedConductor): Promise<number> {
  const startMs = performance.now();
  const response = await fetch(new URL("/calm", url), { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 200 ? performance.now() - startMs : Infinity;
}

/**
 * HTTP/2 by prior knowledge: preface, empty SETTINGS, then the head of a large `POST /` on stream 1 (RFC 9113, RFC
 * 7541).
 */
const HTTP2_UPLOAD = new Uint8Array([
  ...ENCODER.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  ...[0, 0, 0, 4, 0, 0, 0, 0, 0],
  ...[0, 0, 17, 1, 4, 0, 0, 0, 1],
  ...[0x83, 0x86, 0x84, 0x41, 1, ...ENCODER.encode("h")],
  ...[0x5c, 9, ...ENCODER.encode("999999999")],
]);

/** A DATA frame of one byte on stream 1. */
const ONE_BYTE_DATA = "\x00\x00\x01\x00\x00\x00\x00\x00\x01x";

function upload(framing: string): Uint8Array {
  return ENCODER.encode(`POST /up HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n`);
}

const CHUNKED = upload("Transfer-Encoding: chunked");
const LAST_CHUNKED = upload("Transfer-Encoding: chunked\r\nConnection: close");
const oneByteChunks = flood(CHUNKED, chunks(1, 60_000));

/** Returns at least `totalBytes` of chunks of one size. */
function chunks(bytes: number, totalBytes: number): Uint8Array {
  const chunk = `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
  return ENCODER.encode(chunk.repeat(Math.ceil(totalBytes / chunk.length)));
}

const LISTENERS = ["deno", "node"] as const;

interface EndingFlood {
  readonly bytes: number;
  readonly connections?: number;
  /** Starts with `/early/` for a service that responds first. */
  readonly path?: string;
  /** Size of the first chunk in bytes. */
  readonly firstBytes?: number;
}

const ENDING_FLOODS: readonly EndingFlood[] = [
  { bytes: 1 },
  { bytes: 40 },
  { bytes: 300 },
  { bytes: 800 },
  { bytes: 40, connections: CONNECTIONS },
  { bytes: 1, path: "/early/" },
  { bytes: 300, path: "/early/" },
];

/**
 * The node listener joins all chunks of up to 1 KiB, so that few sizes suffice. The end of a flood that starts with a
 * large chunk stops `Deno.serve` for seconds (decision 023).
 */
const NODE_ENDING_FLOODS: readonly EndingFlood[] = [
  { bytes: 40 },
  { bytes: 40, connections: CONNECTIONS },
  { bytes: 1, path: "/early/" },
  { bytes: 1, firstBytes: 1_024 },
  { bytes: 40, firstBytes: 65_536 },
];

/** Chunks of any size must leave nothing to drain when the client disconnects (decision 023). */
for (const listener of LISTENERS) {
  for (const options of listener === "deno" ? ENDING_FLOODS : NODE_ENDING_FLOODS) {
    const { bytes, connections = 1, path = "/", firstBytes } = options;
    const first = firstBytes === undefined ? "" : ` after one of ${firstBytes} bytes`;
    attackTest({
      name: `the end of an upload to ${path} in ${bytes}-byte chunks${first} over ${connections} connections to the ` +
        `${listener} listener delays no other client`,
      async fn() {
        await using backend = startUploadBackend();
        const head = firstBytes === undefined ? CHUNKED : new Uint8Array([...CHUNKED, ...chunks(firstBytes, 1)]);
        const { count } = refused;
        const attack = flood(head, chunks(bytes, 60_000));
        let afterMs = Infinity;
        const report = await underAttack(async (target, signal) => {
          await Promise.all(Array.from({ length: connections }, () => attack(target, signal)));
        }, {
          services: [{ name: "main", url: `${backend.url}${path}`, primary: true }],
          config: { listener },
          durationMs: IS_FULL ? 20_000 : ATTACK_MS,
          async afterwards(target) {
            await new Promise((resolve) => setTimeout(resolve, 1_000));
            afterMs = await latencyAfter(target);
          },
        });
        assertGreater(backend.uploads + refused.count - count, 0, "the attack reached no service");
        assertLess(afterMs, 1_000);
        if (listener === "node") assertWithinBounds(report);
      },
    });
  }
}

function assertWithinBounds(report: AttackReport): void {
  assertEquals(report.failures, 0);
  assertLess(report.growthMiB, MAX_GROWTH_MIB, JSON.stringify(report));
  assertLess(report.attacked.maxMs, MAX_WAIT_MS, JSON.stringify(report));
}

/** Sends a whole upload at once. Returns everything that the server sends until it closes the connection. */
async function sendAtOnce({ url }: WatchedConductor, head: Uint8Array, body: Uint8Array): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  const sending = connection.write(head).then(() => writeAll(connection, body)).catch(() => {});
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1_024);
  let received = "";
  for (let length; (length = await connection.read(buffer).catch(() => null)) !== null;) {
    received += decoder.decode(buffer.subarray(0, length));
  }
  await sending;
  return received;
}

for (const listener of LISTENERS) {
  Deno.test(`20,000 chunks of 10 bytes that arrive at once are forwarded by the ${listener} listener`, async () => {
    await using backend = Deno.serve({ port: 0, onListen() {} }, async (request) => {
      return new Response(String((await request.bytes()).length));
    });
    const services = [{ name: "main", url: `http://127.0.0.1:${backend.addr.port}`, primary: true }];
    await using target = await startWatched(services, { listener });
    const body = ENCODER.encode(`a\r\n${"x".repeat(10)}\r\n`.repeat(20_000) + "0\r\n\r\n");
    const response = await sendAtOnce(target, LAST_CHUNKED, body);
    assertMatch(response, /^HTTP\/1\.1 200 .*\r\n\r\n200000$/s);
  });

  Deno.test(`a flood of 1-byte chunks to the ${listener} listener gets 400, and the connection is closed`, async () => {
    await using backend = startUploadBackend();
    await using target = await startWatched([{ name: "main", url: backend.url, primary: true }], { listener });
    const response = await sendAtOnce(target, CHUNKED, chunks(1, 8_000_000));
    assertMatch(response, /^HTTP\/1\.1 400 .*in too many small chunks/s);
  });
}

function over(connections: number, attack: Attack): Attack {
  return async (target, signal) => {
    await Promise.all(Array.from({ length: connections }, () => attack(target, signal)));
  };
}

/** The first chunks are in the read of the head. */
const chunksWithHead = flood(new Uint8Array([...CHUNKED, ...chunks(1, 60_000)]), chunks(1, 60_000));

const ATTACKS: readonly (readonly [name: string, attack: Attack, config?: object])[] = [
  ["1-byte chunks", oneByteChunks],
  ["1-byte chunks and a limit on the body", oneByteChunks, { maxBodySize: "64KiB" }],
  ["1-byte chunks with extensions", flood(CHUNKED, ENCODER.encode("1;a=b;c=d\r\nx\r\n".repeat(5_000)))],
  ["1-byte writes of a declared length", flood(upload("Content-Length: 999999999"), ONE_BYTE)],
  ["1-byte writes of a small declared length", flood(upload("Content-Length: 4096"), ONE_BYTE)],
  [`1-byte chunks over ${CONNECTIONS} connections`, over(CONNECTIONS, oneByteChunks)],
  [`1-byte chunks with the head over ${CONNECTIONS} connections`, over(CONNECTIONS, chunksWithHead)],
];

/** Too large to be refused as tiny. */
const SMALL_CHUNKS = [
  `20-byte chunks over ${CONNECTIONS} connections`,
  over(CONNECTIONS, flood(CHUNKED, chunks(20, 60_000))),
] as const;

const HTTP2_ATTACK = ["1-byte DATA frames", flood(HTTP2_UPLOAD, ENCODER.encode(ONE_BYTE_DATA.repeat(1_000)))] as const;

for (const listener of LISTENERS) {
  for (const [name, attack, config = {}] of [...ATTACKS, listener === "deno" ? HTTP2_ATTACK : SMALL_CHUNKS]) {
    attackTest({
      name: `an upload in ${name} to the ${listener} listener holds little memory and delays no other client`,
      async fn() {
        await using backend = startUploadBackend();
        const services = [
          { name: "main", url: backend.url, primary: true },
          { name: "shadow", url: `${backend.url}/hung/`, shadow: true },
        ];
        const { count } = refused;
        const report = await underAttack(attack, { services, config: { ...config, listener } });
        assertGreater(backend.uploads + refused.count - count, 0, "the attack reached no service");
        assertWithinBounds(report);
      },
    });
  }
}

attackTest({
  name: "an ended flood of 20-byte chunks to the node listener keeps no descriptor, once its buffered bytes are read",
  async fn() {
    await using backend = startUploadBackend();
    await using target = await startWatched([{ name: "main", url: backend.url, primary: true }], { listener: "node" });
    const count = () => [...Deno.readDirSync(`/proc/${target.process.pid}/fd`)].length;
    const before = count();
    const attack = over(4, flood(CHUNKED, chunks(20, 60_000)));
    const duration = new AbortController();
    const ended = attack(target, duration.signal);
    while (backend.uploads < 4) await latencyAfter(target);
    assertGreater(count(), before + 4);
    duration.abort();
    await ended;
    // The systems of both sides hold megabytes of each connection, which take about 0.1 CPU seconds.
    const untilMs = performance.now() + 30_000;
    while (count() > before + 1 && performance.now() < untilMs) await latencyAfter(target);
    // One idle connection to the service may stay.
    assertLess(count(), before + 2);
  },
});
