/**
 * Generates load at a constant rate. Each request has a due time that does not depend on earlier responses, and its
 * latency counts from that time. A late response therefore cannot hide the latency of later requests.
 *
 * As a program, it serves `GET /?origin=…&rate=…&seconds=…`, so that the process stays warm. With `tunnels`, it
 * sends messages in tunnels.
 */

import { type MixedRequest, requestAt } from "./requests.ts";
import { tunnelLoop } from "./tunnel_loop.ts";

/** Measurements of one slice. */
export interface OpenLoopResult {
  /** Requests sent. */
  readonly requests: number;
  /** Responses with status 200 and a body of the right length. */
  readonly successes: number;
  /** Other outcomes, with their counts. */
  readonly failures: Readonly<Record<string, number>>;
  /** Times from the due time of each request to the end of its correct response, in milliseconds and in no order. */
  readonly timesMs: readonly number[];
}

/** Requests without a response this long after the last request have failed. */
const TIMEOUT_MS = 10_000;

/** Maximum size of a response head. */
const MAX_HEAD_BYTES = 2_048;
const BUFFER_BYTES = 65_536;

const latin1 = new TextDecoder("latin1");

/** A connection with a reused buffer, because allocations cost CPU time of the machine under test. */
interface PooledConnection {
  readonly connection: Deno.TcpConn;
  readonly buffer: Uint8Array;
}

/** Loads a server at `rate` requests per second. Default for `next`: the mix of requests in turns. */
export async function openLoop(
  origin: string,
  rate: number,
  seconds: number,
  next: (index: number) => MixedRequest = requestAt,
): Promise<OpenLoopResult> {
  const port = Number(new URL(origin).port);
  const idle: PooledConnection[] = [];
  const open = new Set<PooledConnection>();
  const timesMs: number[] = [];
  const failures: Record<string, number> = {};
  const running: Promise<void>[] = [];
  const startMs = performance.now();
  const dueMs = (index: number) => startMs + index * 1_000 / rate;
  const send = async (index: number) => {
    const outcome = await exchange(next(index), port, idle, open).catch((error) => `${error}`);
    if (outcome === "ok") timesMs.push(performance.now() - dueMs(index));
    else failures[outcome] = (failures[outcome] ?? 0) + 1;
  };
  const requests = rate * seconds;
  for (let index = 0; index < requests;) {
    while (index < requests && dueMs(index) <= performance.now()) running.push(send(index++));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs(index) - performance.now())));
  }
  const timer = setTimeout(() => open.forEach(close), TIMEOUT_MS);
  await Promise.all(running);
  clearTimeout(timer);
  open.forEach(close);
  return { requests, successes: timesMs.length, failures, timesMs };
}

async function exchange(
  { head, body, responseBytes }: MixedRequest,
  port: number,
  idle: PooledConnection[],
  open: Set<PooledConnection>,
): Promise<string> {
  const pooled = idle.pop() ?? await connect(port);
  open.add(pooled);
  try {
    await writeAll(pooled.connection, head);
    for (const piece of body) await writeAll(pooled.connection, piece);
    const outcome = await readResponse(pooled, responseBytes);
    if (outcome === "ok") idle.push(pooled);
    return outcome;
  } catch (error) {
    open.delete(pooled);
    close(pooled);
    throw error;
  }
}

/**
 * The body follows the head at once. Without this, Nagle's algorithm and delayed acknowledgements would be measured.
 */
async function connect(port: number): Promise<PooledConnection> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay();
  return { connection, buffer: new Uint8Array(BUFFER_BYTES) };
}

async function readResponse({ connection, buffer }: PooledConnection, responseBytes: number): Promise<string> {
  let filled = 0;
  let head = "";
  let headEnd = -1;
  while (headEnd === -1) {
    const count = filled < MAX_HEAD_BYTES ? await connection.read(buffer.subarray(filled)) : null;
    if (count === null) return "no head";
    filled += count;
    head = latin1.decode(buffer.subarray(0, Math.min(filled, MAX_HEAD_BYTES)));
    headEnd = head.indexOf("\r\n\r\n");
  }
  if (!head.startsWith("HTTP/1.1 200 ")) return head.slice(0, 12);
  const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? NaN);
  if (length !== responseBytes) return `a length of ${length} bytes`;
  for (let left = length - (filled - headEnd - 4); left > 0;) {
    const count = await connection.read(buffer);
    if (count === null) return "closed before its end";
    left -= count;
  }
  return "ok";
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

function close({ connection }: PooledConnection): void {
  try {
    connection.close();
  } catch {
    // Already closed.
  }
}

if (import.meta.main) {
  const { addr } = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const query = new URL(url).searchParams;
    const loop = query.has("tunnels") ? tunnelLoop : openLoop;
    return Response.json(
      await loop(query.get("origin") ?? "", Number(query.get("rate")), Number(query.get("seconds"))),
    );
  });
  console.log(`listening on http://127.0.0.1:${addr.port}`);
}
