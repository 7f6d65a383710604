/**
 * How fast a large answer goes through: conductor with one and two services against `fetch`'s body passed straight on,
 * in turns. `deno task bench:large`, with the answer's size in MiB and the number of rounds behind it.
 */

import { fileURLToPath } from "node:url";
import { startDenoProgram } from "./deno_program.ts";
import { median } from "./median.ts";
import { conductorPeer } from "./peers/conductor_peer.ts";
import { processUsage } from "./process_usage.ts";

/** What is measured of one answer. */
interface Passage {
  readonly mebibytesPerSecond: number;
  readonly cpuSeconds: number;
  readonly peakMib: number;
}

interface Candidate {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly passages: Passage[];
}

const BUFFER_BYTES = 1_048_576;
const [mebibytes = 1_024, rounds = 5] = Deno.args.map(Number);

async function passage({ url, pid }: Candidate): Promise<Passage> {
  const before = (await processUsage(pid))!;
  const startedMs = performance.now();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  await connection.write(
    new TextEncoder().encode(`GET /${mebibytes} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`),
  );
  const buffer = new Uint8Array(BUFFER_BYTES);
  let bytes = 0;
  for (let count; (count = await connection.read(buffer)) !== null;) bytes += count;
  if (bytes < mebibytes * 1_048_576) throw new Error(`${url} answered with ${bytes} bytes only`);
  const seconds = (performance.now() - startedMs) / 1_000;
  const after = (await processUsage(pid))!;
  return {
    mebibytesPerSecond: mebibytes / seconds,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    peakMib: after.rssMib,
  };
}

function row({ name, passages }: Candidate, baseline: Candidate): string {
  const of = (read: (passage: Passage) => number) => median(passages.map(read));
  const speeds = passages.map(({ mebibytesPerSecond }) => Math.round(mebibytesPerSecond));
  const ratio = median(
    passages.map(({ mebibytesPerSecond }, round) => mebibytesPerSecond / baseline.passages[round]!.mebibytesPerSecond),
  );
  return `| ${name} | ${Math.round(of((p) => p.mebibytesPerSecond))} (${Math.min(...speeds)}–${Math.max(...speeds)}) ` +
    `×${ratio.toFixed(2)} | ${of((p) => p.cpuSeconds).toFixed(2)} | ${Math.round(of((p) => p.peakMib))} |`;
}

await using stack = new AsyncDisposableStack();
const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const backend = await startDenoProgram(program("./large_backend.ts"), []);
stack.use(backend.child);
const pass = await startDenoProgram(program("./peers/fetch_pass.ts"), ["--origins", backend.announced]);
stack.use(pass.child);
const load = { routes: 1, slowSecondary: false } as Parameters<typeof conductorPeer.start>[0];
const one = stack.use(await conductorPeer.start(load, [backend.announced]));
const two = stack.use(await conductorPeer.start(load, [backend.announced, backend.announced]));

const candidates: Candidate[] = [
  { name: "fetch's body passed on", url: pass.announced, pid: pass.child.pid, passages: [] },
  { name: "conductor, 1 service", url: one.url, pid: one.pid!, passages: [] },
  { name: "conductor, 2 services", url: two.url, pid: two.pid!, passages: [] },
];
for (let round = 0; round < rounds; round++) {
  for (const candidate of candidates) candidate.passages.push(await passage(candidate));
}
console.log(`answers of ${mebibytes} MiB, median (min–max) of ${rounds} rounds, × of the first row\n`);
console.log("| what | MiB/s | CPU s | memory MiB |\n| --- | --- | --- | --- |");
for (const candidate of candidates) console.log(row(candidate, candidates[0]!));
