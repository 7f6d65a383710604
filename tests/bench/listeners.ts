/**
 * Measures the CPU time of the node listener next to Deno's own, in turns, and the memory of idle connections. Linux
 * only, on loopback.
 *
 * ```sh
 * deno task bench:listeners 9 # pairs
 * ```
 */

import { startCli, tempConfig } from "../_support/cli_process.ts";
import { freePort, untilListening } from "../_support/ports.ts";
import { readUntil, startBackend } from "../_support/servers.ts";
import { median } from "./figures.ts";
import { processUsage } from "./process_usage.ts";

const CONNECTIONS = 64;
const REQUESTS = 12_000;
const IDLE_CONNECTIONS = 10_000;
const BODY = "hello world";
const REQUEST = new TextEncoder().encode("GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nAccept: */*\r\n\r\n");

interface Candidate {
  readonly port: number;
  readonly pid: number;
}

const [pairs = 9] = Deno.args.map(Number);

async function start(stack: AsyncDisposableStack, listener: string, url: string): Promise<Candidate> {
  const limits = { maxInFlightPerClient: 1_000 };
  const config = { listener, limits, logging: { level: "error" }, services: [{ name: "a", url }] };
  const file = stack.use(await tempConfig(JSON.stringify(config)));
  const port = freePort();
  const process = stack.use(startCli(["--config", file.path, "--host", "127.0.0.1", "--port", `${port}`]));
  await untilListening(port, process.exited);
  return { port, pid: process.pid };
}

/** Sends requests over kept connections, one at a time over each. */
async function load({ port }: Candidate): Promise<void> {
  let left = REQUESTS;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    while (left-- > 0) {
      await connection.write(REQUEST);
      await readUntil(connection, BODY);
    }
  }));
}

async function cpuSecondsOf(candidate: Candidate): Promise<number> {
  const before = (await processUsage(candidate.pid))!.cpuSeconds;
  await load(candidate);
  return (await processUsage(candidate.pid))!.cpuSeconds - before;
}

async function rssMib({ pid }: Candidate): Promise<number> {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${pid}/status`))!;
  return Math.round(Number(kib) / 1_024);
}

await using stack = new AsyncDisposableStack();
const backend = stack.use(startBackend(() => new Response(BODY)));
const [deno, node] = [await start(stack, "deno", backend.url), await start(stack, "node", backend.url)];
for (const candidate of [deno, node]) await load(candidate);
const ratios: number[] = [];
for (let pair = 0; pair < pairs; pair++) {
  const first = pair % 2 === 0 ? await cpuSecondsOf(deno) : undefined;
  const nodeSeconds = await cpuSecondsOf(node);
  ratios.push(nodeSeconds / (first ?? await cpuSecondsOf(deno)));
}
const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
console.log(`CPU of the node listener, of Deno's: ${median(ratios).toFixed(2)} (${least}–${most})`);

const beforeMib = await rssMib(node);
const connections: Deno.Conn[] = [];
for (let opened = 0; opened < IDLE_CONNECTIONS; opened++) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: node.port });
  connections.push(connection);
  await connection.write(REQUEST);
  await readUntil(connection, BODY);
}
console.log(`memory with ${IDLE_CONNECTIONS} idle connections: ${beforeMib} → ${await rssMib(node)} MiB`);
for (const connection of connections) connection.close();
