/**
 * Proof that a shadow can't hurt: clients send at a constant rate, and the primary's answers are timed with no shadow, a
 * healthy one, and one in every trouble; the same for a secondary under `wait: primary`. Linux only, on loopback.
 *
 * ```sh
 * deno task isolation
 * ```
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "@std/cli/parse-args";
import { delay } from "@std/async/delay";
import { startCli } from "../_support/cli_process.ts";
import { tempConfig } from "../_support/temp_config.ts";
import { startDenoProgram } from "./deno_program.ts";
import type { OpenLoopResult } from "./isolation/open_loop.ts";
import { ALONE, configFor, type Scene, SCENES } from "./isolation/scenes.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./median.ts";
import { untilListening } from "./peers/until_listening.ts";
import { freePort } from "../_support/free_port.ts";
import { processUsage } from "./process_usage.ts";

const HELP = `Times the primary's answers beside services in trouble.

deno task isolation [FLAGS]

--rate N       requests per second (default 1000)
--seconds S    the length of a slice (default 4)
--rounds N     slices of each scene, each between two of the primary alone (default 5)
--scene TEXT   only scenes whose name holds this, repeatable
`;

/** By how much the 99th percentile may be above that of the primary alone, as the median of all rounds. */
const MAX_RATIO = 1.25;
/** What may come on top of the memory of a warm process: V8 lets its heap grow before it cleans up. */
const MAX_GROWTH_MIB = 64;
/** Idle connections come and go. */
const MAX_MORE_DESCRIPTORS = 64;
/** V8 has compiled the most part by then. */
const WARM_UP_SECONDS = 8;
/** Longer than the time-out of the service beside: nothing is in flight any more. */
const REST_MS = 2_500;

interface Candidate {
  readonly scene: Scene;
  readonly url: string;
  readonly pid: number;
  readonly slices: Slice[];
  before: State;
  mostDescriptors: number;
}

interface Slice {
  readonly result: OpenLoopResult;
  /** Conductor's, for 10,000 requests of the clients. */
  readonly cpuSecondsPer10k: number;
  /** The 99th percentile, divided by the mean of those of the primary alone right before and after. */
  readonly p99Ratio: number;
}

/** What a process holds, and has used. */
interface State {
  readonly cpuSeconds: number;
  readonly rssMib: number;
  readonly descriptors: number;
}

const flags = parseArgs(Deno.args, { boolean: ["help"], string: ["scene"], collect: ["scene"] });
if (flags["help"]) {
  console.log(HELP);
  Deno.exit();
}
const [rate, seconds, rounds] = [
  Number(flags["rate"] ?? 1_000),
  Number(flags["seconds"] ?? 4),
  Number(flags["rounds"] ?? 5),
];
const wanted = flags.scene.length === 0
  ? SCENES
  : SCENES.filter(({ name }) => flags.scene.some((text) => name.includes(text)));

await using stack = new AsyncDisposableStack();
const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const generator = await startDenoProgram(program("./isolation/open_loop.ts"), []);
stack.use(generator.child);
const primary = await startBackend("healthy");
const alone = await startCandidate(ALONE);
const candidates: Candidate[] = [];
for (const scene of wanted) candidates.push(await startCandidate(scene));

for (const candidate of [alone, ...candidates]) {
  await load(candidate, WARM_UP_SECONDS);
  await delay(REST_MS);
  candidate.before = await stateOf(candidate);
}
for (let round = 0; round < rounds; round++) {
  let beforehand = await measure(alone);
  for (let turn = 0; turn < candidates.length; turn++) {
    const candidate = candidates[(round + turn) % candidates.length]!;
    const slice = await measure(candidate);
    await delay(REST_MS);
    const afterwards = await measure(alone);
    const aloneMs = (beforehand.result.p99Ms + afterwards.result.p99Ms) / 2;
    alone.slices.push(afterwards);
    candidate.slices.push({ ...slice, p99Ratio: slice.result.p99Ms / aloneMs });
    beforehand = afterwards;
  }
}

const { cores, system, deno } = describeMachine();
const rows = await Promise.all([alone, ...candidates].map(report));
console.log(`${rate} requests/s, ${rounds} rounds of ${seconds} s, ${cores} cores, ${system}, Deno ${deno}\n`);
const titles = [
  "beside the primary",
  "p50 ms",
  "p99 ms",
  "p99, of alone",
  "CPU s / 10,000",
  "answered",
  "memory MiB",
  "descriptors",
];
for (const row of [titles, titles.map(() => "---"), ...rows.map(({ cells }) => cells)]) {
  console.log(`| ${row.join(" | ")} |`);
}
const complaints = rows.flatMap(({ complaints }) => complaints);
if (complaints.length > 0) console.error(`\n${complaints.join("\n")}`);
await stack.disposeAsync();
Deno.exit(complaints.length > 0 ? 1 : 0);

async function startBackend(manner: string): Promise<string> {
  const { child, announced } = await startDenoProgram(program("./isolation/backend.ts"), [manner]);
  stack.use(child);
  return announced;
}

async function startCandidate(scene: Scene): Promise<Candidate> {
  const besideUrl = scene.beside === undefined ? undefined : await startBackend(scene.beside.manner);
  const port = freePort();
  const file = stack.use(await tempConfig(configFor(scene, primary, besideUrl)));
  const process = stack.use(startCli(["--config", file.path, "--host", "127.0.0.1", "--port", `${port}`]));
  await untilListening(port, process.exited);
  const before = { cpuSeconds: 0, rssMib: 0, descriptors: 0 };
  return { scene, url: `http://127.0.0.1:${port}`, pid: process.pid, slices: [], before, mostDescriptors: 0 };
}

async function load({ url }: Candidate, seconds: number): Promise<OpenLoopResult> {
  const query = new URLSearchParams({ origin: url, rate: `${rate}`, seconds: `${seconds}` });
  return await (await fetch(`${generator.announced}/?${query}`)).json();
}

async function measure(candidate: Candidate): Promise<Slice> {
  const before = await stateOf(candidate);
  const result = await load(candidate, seconds);
  const after = await stateOf(candidate);
  candidate.mostDescriptors = Math.max(candidate.mostDescriptors, after.descriptors);
  return {
    result,
    cpuSecondsPer10k: (after.cpuSeconds - before.cpuSeconds) / result.requests * 10_000,
    p99Ratio: 1,
  };
}

async function stateOf({ pid }: Candidate): Promise<State> {
  const { cpuSeconds, rssMib } = (await processUsage(pid))!;
  return { cpuSeconds, rssMib, descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length };
}

/** A scene's line of the table, and what it misses. */
async function report(candidate: Candidate): Promise<{ cells: readonly string[]; complaints: readonly string[] }> {
  const { scene, slices, before, mostDescriptors } = candidate;
  const after = await stateOf(candidate);
  const of = (read: (slice: Candidate["slices"][number]) => number) => median(slices.map(read));
  const ratios = slices.map(({ p99Ratio }) => p99Ratio);
  const ratio = median(ratios);
  const sum = (read: (result: OpenLoopResult) => number) => slices.reduce((sum, { result }) => sum + read(result), 0);
  const success = sum(({ successes }) => successes) / sum(({ requests }) => requests);
  const failures = slices.flatMap(({ result }) => Object.keys(result.failures));
  const growthMib = after.rssMib - before.rssMib;
  const complaints = [
    ratio > MAX_RATIO && `the 99th percentile is ${ratio.toFixed(2)} times that of the primary alone`,
    success < 1 && `${(success * 100).toFixed(3)} % were answered: ${[...new Set(failures)].join(", ")}`,
    growthMib > MAX_GROWTH_MIB && `memory has grown by ${Math.round(growthMib)} MiB`,
    after.descriptors > before.descriptors + MAX_MORE_DESCRIPTORS &&
    `there are ${after.descriptors - before.descriptors} more descriptors`,
  ].filter((complaint) => complaint !== false).map((complaint) => `${scene.name}: ${complaint}`);
  const spread = `×${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  return {
    cells: [
      scene.name,
      of(({ result }) => result.p50Ms).toFixed(1),
      of(({ result }) => result.p99Ms).toFixed(1),
      scene === ALONE ? "×1.00" : spread,
      of(({ cpuSecondsPer10k }) => cpuSecondsPer10k).toFixed(2),
      `${Math.floor(success * 1_000) / 10} %`,
      `${Math.round(before.rssMib)} → ${Math.round(after.rssMib)}`,
      `${before.descriptors} → ${after.descriptors}, at most ${mostDescriptors}`,
    ],
    complaints,
  };
}
