/** Messages in tunnels at a constant rate. As for requests, the time of each message counts from its due time. */

import { readUntil } from "../../_support/servers.ts";
import type { OpenLoopResult } from "./open_loop.ts";

/** Few, so that a service that reads nothing has filled the buffers of its system before the end of a slice. */
const TUNNELS = 8;
/** Messages that are not echoed this long after the last one have failed. */
const TIMEOUT_MS = 10_000;
const BUFFER_BYTES = 65_536;
const HANDSHAKE = "GET /tunnel HTTP/1.1\r\nHost: isolation.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

const SMALL = frameOf(200);
const LARGE = frameOf(20_000);

/** A tunnel whose service echoes. */
interface Tunnel {
  readonly connection: Deno.TcpConn;
  /** Messages that are not echoed, in order: the number of the last byte, and the due time. */
  readonly pending: { readonly endByte: number; readonly dueMs: number }[];
  sentBytes: number;
  /** Settles when all writes so far have been made. */
  written: Promise<void>;
}

/** Sends `rate` WebSocket messages per second in turns to new tunnels. One in four has 20 KB, the others 200 bytes. */
export async function tunnelLoop(origin: string, rate: number, seconds: number): Promise<OpenLoopResult> {
  const port = Number(new URL(origin).port);
  const tunnels = await Promise.all(Array.from({ length: TUNNELS }, () => open(port)));
  const timesMs: number[] = [];
  const reading = tunnels.map((tunnel) => readEchoes(tunnel, timesMs));
  const messages = rate * seconds;
  const startMs = performance.now();
  const dueMs = (index: number) => startMs + index * 1_000 / rate;
  for (let index = 0; index < messages;) {
    for (; index < messages && dueMs(index) <= performance.now(); index++) {
      send(tunnels[index % TUNNELS]!, index % 4 === 1 ? LARGE : SMALL, dueMs(index));
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs(index) - performance.now())));
  }
  const close = () => tunnels.forEach(({ connection }) => connection.closeWrite().catch(() => {}));
  const timer = setTimeout(() => tunnels.forEach(({ connection }) => connection.close()), TIMEOUT_MS);
  await Promise.all(tunnels.map(({ written }) => written));
  close();
  await Promise.all(reading);
  clearTimeout(timer);
  const missing = messages - timesMs.length;
  return {
    requests: messages,
    successes: timesMs.length,
    failures: missing > 0 ? { "no echo": missing } : {},
    timesMs,
  };
}

function frameOf(bytes: number): Uint8Array {
  const frame = new Uint8Array(4 + bytes).fill(120);
  frame.set([0x82, 126, bytes >> 8, bytes & 0xff]);
  return frame;
}

async function open(port: number): Promise<Tunnel> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay();
  await connection.write(new TextEncoder().encode(HANDSHAKE));
  const response = await readUntil(connection);
  if (!response.startsWith("HTTP/1.1 101 ")) throw new Error(`Cannot open a tunnel: ${response}`);
  return { connection, pending: [], sentBytes: 0, written: Promise.resolve() };
}

function send(tunnel: Tunnel, frame: Uint8Array, dueMs: number): void {
  const endByte = tunnel.sentBytes += frame.length;
  tunnel.pending.push({ endByte, dueMs });
  tunnel.written = tunnel.written.then(async () => {
    for (let rest = frame; rest.length > 0;) rest = rest.subarray(await tunnel.connection.write(rest));
  }).catch(() => {});
}

async function readEchoes({ connection, pending }: Tunnel, timesMs: number[]): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let receivedBytes = 0, count; (count = await connection.read(buffer).catch(() => null)) !== null;) {
    receivedBytes += count;
    for (; pending.length > 0 && pending[0]!.endByte <= receivedBytes; pending.shift()) {
      timesMs.push(performance.now() - pending[0]!.dueMs);
    }
  }
  try {
    connection.close();
  } catch {
    // Already closed.
  }
}
