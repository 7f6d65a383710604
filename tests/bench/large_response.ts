/**
 * Measures the throughput of a large response: conductor with one and two services, in turns with a proxy that only
 * passes the body of a `fetch` response on.
 *
 * ```sh
 * deno task bench:large 1024 5 # MiB per response, rounds
 * ```
 */

import { fileURLToPath } from "node:url";
import { startDenoProgram } from "../_support/child.ts";
import { median } from "./figures.ts";
import { conductorPeer } from "./peers/own_peers.ts";
import { processUsage } from "./process_usage.ts";

/** Measurements of one response. `rssMib` is the memory of the process after it. */
interface Transfer {
  readonly mebibytesPerSecond: number;
  readonly cpuSeconds: number;
  readonly rssMib: number;
}

interface Candidate {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly transfers: Transfer[];
}

const BUFFER_BYTES = 1_048_576;
const [mebibytes = 1_024, rounds = 5] = Deno.args.map(Number);

async function transfer({ url, pid }: Candidate): Promise<Transfer> {
  const before = (await processUsage(pid))!;
  const startedMs = performance.now();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  await connection.write(
    new TextEncoder().encode(`GET /${mebibytes} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`),
  );
  const buffer = new Uint8Array(BUFFER_BYTES);
  let bytes = 0;
  for (let count; (count = await connection.read(buffer)) !== null;) bytes += count;
  if (bytes < mebibytes * 1_048_576) throw new Error(`Cannot measure ${url}: only ${bytes} bytes were received`);
  const seconds = (performance.now() - startedMs) / 1_000;
  const after = (await processUsage(pid))!;
  return {
    mebibytesPerSecond: mebibytes / seconds,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    rssMib: after.rssMib,
  };
}

function row({ name, transfers }: Candidate, baseline: Candidate): string {
  const medianOf = (read: (transfer: Transfer) => number) => median(transfers.map(read));
  const speeds = transfers.map(({ mebibytesPerSecond }) => Math.round(mebibytesPerSecond));
  const speed = `${Math.round(median(speeds))} (${Math.min(...speeds)}–${Math.max(...speeds)})`;
  const ratio = median(
    transfers.map(({ mebibytesPerSecond }, round) =>
      mebibytesPerSecond / baseline.transfers[round]!.mebibytesPerSecond
    ),
  );
  const cpuSeconds = medianOf((transfer) => transfer.cpuSeconds).toFixed(2);
  const rssMib = Math.round(medianOf((transfer) => transfer.rssMib));
  return `| ${name} | ${speed} ×${ratio.toFixed(2)} | ${cpuSeconds} | ${rssMib} |`;
}

await using stack = new AsyncDisposableStack();
const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const backend = await startDenoProgram(program("./large_response_backend.ts"), []);
stack.use(backend.child);
const fetchProxy = await startDenoProgram(program("./peers/fetch_pass.ts"), ["--origins", backend.announced]);
stack.use(fetchProxy.child);
const load = { routes: 1, slowSecondary: false } as Parameters<typeof conductorPeer.start>[0];
const one = stack.use(await conductorPeer.start(load, [backend.announced]));
const two = stack.use(await conductorPeer.start(load, [backend.announced, backend.announced]));

const candidates: Candidate[] = [
  { name: "fetch proxy", url: fetchProxy.announced, pid: fetchProxy.child.pid, transfers: [] },
  { name: "conductor, 1 service", url: one.url, pid: one.pid!, transfers: [] },
  { name: "conductor, 2 services", url: two.url, pid: two.pid!, transfers: [] },
];
for (let round = 0; round < rounds; round++) {
  for (const candidate of candidates) candidate.transfers.push(await transfer(candidate));
}
console.log(`responses of ${mebibytes} MiB, median (min–max) of ${rounds} rounds, × of the first row\n`);
console.log("| program | MiB/s | CPU s | memory MiB |\n| --- | --- | --- | --- |");
for (const candidate of candidates) console.log(row(candidate, candidates[0]!));
