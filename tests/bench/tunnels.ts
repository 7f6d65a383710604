/**
 * Measures tunnels: bytes and messages per CPU second of conductor, in turns with a program that only relays bytes, and
 * the memory of open tunnels.
 *
 * ```sh
 * deno task bench:tunnels 7 # rounds
 * ```
 */

import { fileURLToPath } from "node:url";
import { startDenoProgram } from "../_support/child.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { freePort, untilListening } from "../_support/ports.ts";
import { readUntil, startRawBackend } from "../_support/servers.ts";
import { median } from "./figures.ts";
import { processUsage } from "./process_usage.ts";

const BULK_BYTES = 192 * 2 ** 20;
const CHUNK_BYTES = 65_536;
const CONNECTIONS = 4;
const MESSAGES = 20_000;
const MESSAGE_BYTES = 128;
const TUNNELS = 1_000;

interface Candidate {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly rates: { bulk: number[]; messages: number[] };
  /** Round trips of messages, in milliseconds. */
  readonly tripsMs: number[];
}

const [rounds = 7] = Deno.args.map(Number);

/** Opens a tunnel to a backend that echoes. */
async function open(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const head = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  const response = await readUntil(connection);
  if (!response.startsWith("HTTP/1.1 101 ")) throw new Error(`Cannot open a tunnel: ${response}`);
  return connection;
}

/** Sends chunks, each a whole WebSocket frame or a part of one, and reads the same number of bytes. */
async function echo(
  port: number,
  chunk: Uint8Array,
  count: number,
  window: number,
  tripsMs: number[] = [],
): Promise<void> {
  using connection = await open(port);
  const buffer = new Uint8Array(CHUNK_BYTES * 4);
  let received = 0;
  let wake = () => {};
  const send = async () => {
    for (let sent = 0; sent < count; sent++) {
      while (sent * chunk.length - received > window) await new Promise<void>((resolve) => wake = resolve);
      for (let at = 0; at < chunk.length;) at += await connection.write(chunk.subarray(at));
    }
  };
  const sending = send();
  let sentMs = performance.now();
  while (received < count * chunk.length) {
    received += (await connection.read(buffer)) ?? NaN;
    if (Number.isNaN(received)) throw new Error("Cannot measure: the tunnel ended");
    if (window === 0 && received % chunk.length === 0) {
      const now = performance.now();
      tripsMs.push(now - sentMs);
      sentMs = now;
    }
    wake();
  }
  await sending;
}

/** Returns a binary frame without a mask. The service's direction is the one that conductor follows. */
function frameOf(bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes);
  frame.set(bytes > 65_535 ? [0x82, 127, 0, 0, 0, 0, 0, 0, (bytes - 10) >> 8, (bytes - 10) & 255] : [0x82, bytes - 2]);
  return frame;
}

async function perCpuSecond({ pid }: Candidate, amount: number, work: () => Promise<unknown>): Promise<number> {
  const before = (await processUsage(pid))!;
  await work();
  return amount / ((await processUsage(pid))!.cpuSeconds - before.cpuSeconds);
}

async function measure(candidate: Candidate): Promise<void> {
  const { port, rates } = candidate;
  const all = (send: () => Promise<void>) => () => Promise.all(Array.from({ length: CONNECTIONS }, send));
  const chunks = BULK_BYTES / CONNECTIONS / CHUNK_BYTES;
  const bulk = all(() => echo(port, frameOf(CHUNK_BYTES), chunks, 2 ** 20));
  rates.bulk.push(await perCpuSecond(candidate, 2 * BULK_BYTES / 2 ** 20, bulk));
  const messages = all(() => echo(port, frameOf(MESSAGE_BYTES - 2), MESSAGES / CONNECTIONS, 0, candidate.tripsMs));
  rates.messages.push(await perCpuSecond(candidate, 2 * MESSAGES, messages));
}

/** Returns the memory before and with open tunnels that have carried a message. */
async function memory({ port, pid }: Candidate): Promise<string> {
  const before = (await processUsage(pid))!.rssMib;
  const tunnels: Deno.TcpConn[] = [];
  try {
    while (tunnels.length < TUNNELS) tunnels.push(await open(port));
    for (const tunnel of tunnels) {
      await tunnel.write(frameOf(MESSAGE_BYTES - 2));
      await tunnel.read(new Uint8Array(MESSAGE_BYTES));
    }
    return `${Math.round((await processUsage(pid))!.rssMib)} MiB, ${Math.round(before)} before`;
  } finally {
    for (const tunnel of tunnels) tunnel.close();
  }
}

await using stack = new AsyncDisposableStack();
const backend = stack.use(startRawBackend(async (connection) => {
  await readUntil(connection);
  const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  const buffer = new Uint8Array(4 * CHUNK_BYTES);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    for (let at = 0; at < count;) at += await connection.write(buffer.subarray(at, count));
  }
}));

async function startConductor(name: string, services: readonly object[]): Promise<Candidate> {
  const port = freePort();
  const config = {
    listener: "node",
    logging: { level: "error" },
    limits: { maxInFlight: 10_000, maxInFlightPerClient: 10_000, maxTunnels: 10_000 },
    services,
  };
  const file = stack.use(await tempConfig(JSON.stringify(config)));
  const process = stack.use(startCli(["--config", file.path, "--host", "127.0.0.1", "--port", `${port}`]));
  await untilListening(port, process.exited);
  return { name, port, pid: process.pid, rates: { bulk: [], messages: [] }, tripsMs: [] };
}

const program = await startDenoProgram(fileURLToPath(new URL("./peers/bare_tunnel.ts", import.meta.url)), [
  "--origins",
  backend.url,
]);
stack.use(program.child);
const bare: Candidate = {
  name: "bare tunnel",
  port: Number(new URL(program.announced).port),
  pid: program.child.pid,
  rates: { bulk: [], messages: [] },
  tripsMs: [],
};
const primary = { name: "api", url: backend.url, primary: true, upgrade: true };
const hanging = stack.use(startRawBackend(async (connection) => {
  await readUntil(connection);
  const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  await new Promise(() => {});
}));
const shadow = { name: "next", url: backend.url, shadow: true, upgrade: true, maxInFlight: 10_000 };
const candidates = [
  bare,
  await startConductor("conductor", [primary]),
  await startConductor("conductor, 1 shadow", [primary, shadow]),
  await startConductor("conductor, 1 hanging shadow", [primary, { ...shadow, url: hanging.url }]),
];

// First, because a process keeps memory of the load.
const memories = [];
for (const candidate of candidates) memories.push(await memory(candidate));
for (let round = 0; round < rounds; round++) for (const candidate of candidates) await measure(candidate);

const ratio = (rates: readonly number[], baseline: readonly number[]) =>
  median(rates.map((rate, round) => rate / baseline[round]!)).toFixed(2);
console.log("| program | MiB per CPU s | messages per CPU s | p50, p99 of a message | memory with 1,000 tunnels |");
console.log("| --- | --- | --- | --- | --- |");
for (const [index, candidate] of candidates.entries()) {
  const { name, rates: { bulk, messages }, tripsMs } = candidate;
  tripsMs.sort((a, b) => a - b);
  const quantiles = [0.5, 0.99].map((ratio) => tripsMs[Math.floor(tripsMs.length * ratio)]!.toFixed(2)).join(", ");
  const bulkText = `${Math.round(median(bulk))} ×${ratio(bulk, bare.rates.bulk)}`;
  const messagesText = `${Math.round(median(messages))} ×${ratio(messages, bare.rates.messages)}`;
  console.log(`| ${name} | ${bulkText} | ${messagesText} | ${quantiles} ms | ${memories[index]} |`);
}
