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
  /** From the moment of each request to the end of its right answer, in milliseconds, in no order. */
  readonly timesMs: readonly number[];
}

/** What has not been answered by then, counted from the last request, has failed. */
const GIVE_UP_MS = 10_000;

/** A head is shorter, in bytes. */
const MAX_HEAD_BYTES = 2_048;
const BUFFER_BYTES = 65_536;

const latin1 = new TextDecoder("latin1");

/** A connection with memory of its own: what is allocated anew costs the machine that is measured. */
interface Link {
  readonly connection: Deno.TcpConn;
  readonly buffer: Uint8Array;
}

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
  const idle: Link[] = [];
  const open = new Set<Link>();
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
  return { requests, successes: timesMs.length, failures, timesMs };
}

async function exchange(
  { head, body, answerBytes }: MixedRequest,
  port: number,
  idle: Link[],
  open: Set<Link>,
): Promise<string> {
  const link = idle.pop() ?? await dial(port);
  open.add(link);
  try {
    await writeAll(link.connection, head);
    for (const piece of body) await writeAll(link.connection, piece);
    const outcome = await readAnswer(link, answerBytes);
    if (outcome === "ok") idle.push(link);
    return outcome;
  } catch (error) {
    open.delete(link);
    close(link);
    throw error;
  }
}

/** The body follows the head at once: else Nagle's algorithm and a delayed acknowledgement would be measured. */
async function dial(port: number): Promise<Link> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay();
  return { connection, buffer: new Uint8Array(BUFFER_BYTES) };
}

async function readAnswer({ connection, buffer }: Link, answerBytes: number): Promise<string> {
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
  if (length !== answerBytes) return `a length of ${length} bytes`;
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

function close({ connection }: Link): void {
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
