/**
 * A generator of load at a constant rate: each request has its moment, whether those before it have been answered or not,
 * and its time counts from that moment. So an answer that comes late makes no later one look quick.
 *
 * Run as a program, it does what `GET /?origin=…&rate=…&seconds=…` asks for, in a process that stays warm.
 */

import { type MixedRequest, requestAt } from "./requests.ts";

/** What came of one slice. */
export interface OpenLoopResult {
  /** How many requests were sent. */
  readonly requests: number;
  /** How many of them were answered with 200 and a body of the right length. */
  readonly successes: number;
  /** What became of the others, by how many. */
  readonly failures: Readonly<Record<string, number>>;
  /** From the moment of a request to the end of its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What has not been answered by then, counted from the last request, has failed. */
const GIVE_UP_MS = 10_000;

/** Connections that wait for a request. */
type Idle = Deno.TcpConn[];

/**
 * Loads a server.
 *
 * @param origin Where it is.
 * @param rate Requests per second.
 * @param seconds For how long.
 * @param next What is sent as each request. Default: the mix of them in turns.
 * @returns What came of it.
 */
export async function openLoop(
  origin: string,
  rate: number,
  seconds: number,
  next: (index: number) => MixedRequest = requestAt,
): Promise<OpenLoopResult> {
  const port = Number(new URL(origin).port);
  const idle: Idle = [];
  const open = new Set<Deno.TcpConn>();
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
  const giveUp = setTimeout(() => open.forEach(close), GIVE_UP_MS);
  await Promise.all(running);
  clearTimeout(giveUp);
  open.forEach(close);
  timesMs.sort((a, b) => a - b);
  const at = (share: number) => timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))] ?? Infinity;
  return { requests, successes: timesMs.length, failures, p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function exchange(
  { head, body, answerBytes }: MixedRequest,
  port: number,
  idle: Idle,
  open: Set<Deno.TcpConn>,
): Promise<string> {
  const connection = idle.pop() ?? await dial(port);
  open.add(connection);
  try {
    await writeAll(connection, head);
    for (const piece of body) await writeAll(connection, piece);
    const outcome = await readAnswer(connection, answerBytes);
    if (outcome === "ok") idle.push(connection);
    return outcome;
  } catch (error) {
    open.delete(connection);
    close(connection);
    throw error;
  }
}

/** The body follows the head at once: else Nagle's algorithm and a delayed acknowledgement would be measured. */
async function dial(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay();
  return connection;
}

async function readAnswer(connection: Deno.TcpConn, answerBytes: number): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  let end = -1;
  while (end === -1) {
    const count = await connection.read(buffer);
    if (count === null) return "closed before its head";
    for (const byte of buffer.subarray(0, count)) text += String.fromCharCode(byte);
    end = text.indexOf("\r\n\r\n");
  }
  if (!text.startsWith("HTTP/1.1 200 ")) return text.slice(0, 12);
  const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1] ?? NaN);
  if (length !== answerBytes) return `a length of ${length} bytes`;
  for (let left = length - (text.length - end - 4); left > 0;) {
    const count = await connection.read(buffer);
    if (count === null) return "closed before its end";
    left -= count;
  }
  return "ok";
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It has been closed.
  }
}

if (import.meta.main) {
  const { addr } = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const query = new URL(url).searchParams;
    return Response.json(
      await openLoop(query.get("origin") ?? "", Number(query.get("rate")), Number(query.get("seconds"))),
    );
  });
  console.log(`listening on http://127.0.0.1:${addr.port}`);
}
