/**
 * Proves that a shadow cannot hurt the primary's clients. Clients send at a constant rate, and the primary's responses
 * are timed with no shadow, a healthy one, and each faulty one; likewise with slow secondaries under `wait: primary`.
 * Linux only, on loopback.
 *
 * ```sh
 * deno task isolation --scene hangs
 * ```
 */

import { fileURLToPath } from "node:url";
import { delay } from "@std/async/delay";
import { writeDocPart } from "../../tools/doc_part.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { startDenoProgram } from "../_support/child.ts";
import type { OpenLoopResult } from "./isolation/open_loop.ts";
import { ISOLATION_HELP, type IsolationOptions, parseIsolationOptions } from "./isolation/options.ts";
import { machineState, type ProcessState, processState } from "./isolation/process_state.ts";
import { ALONE, configFor, type Scene } from "./isolation/scenes.ts";
import {
  isolationTable,
  isolationViolations,
  type ProcessReport,
  type SceneReport,
  type Slice,
} from "./isolation/table.ts";
import { describeMachine } from "./report.ts";
import { median } from "./figures.ts";
import { freePort, untilListening } from "../_support/ports.ts";
import { processUsage } from "./process_usage.ts";

/** V8 has compiled most code by then. The first warm-up runs at a quarter of the rate. */
const WARM_UP_SECONDS = 3;
/** Unmeasured start of each slice, because V8 shrinks the heap of an idle process. */
const LEAD_IN_SECONDS = 2;
/** Twice the timeout of the other service, for its head and its body. Nothing is in flight afterwards. */
const REST_MS = 1_000;
/** A turn is repeated if other processes take more of the machine. */
const MAX_OTHERS_RATIO = 0.1;
/** Maximum attempts per turn. The last one counts in any case. */
const MAX_ATTEMPTS = 3;

/** Processes per scene. V8's optimisations differ from process to process by chance. */
const PROCESSES = 4;

interface Program {
  readonly pid: number;
  readonly url: string;
}

interface Candidate {
  readonly scene: Scene;
  readonly url: string;
  readonly pid: number;
  readonly adminPort: number;
  readonly beside: Program | undefined;
  readonly slices: Slice[];
  before: ProcessState;
  mostDescriptors: number;
}

/**
 * Runs the scenes one after the other, each in turns with the primary alone, because the speed of the machine varies.
 * Each scene has several processes, and so has the primary alone.
 */
async function runScenes(options: IsolationOptions): Promise<readonly SceneReport[]> {
  const { rate, seconds, scenes } = options;
  await using stack = new AsyncDisposableStack();
  const generator = await start(stack, "open_loop.ts");
  const primary = await start(stack, "backend.ts");
  const baselines = new Map<Scene, ProcessReport[]>();
  const reports: SceneReport[] = [];
  for (const scene of scenes) {
    const processes: ProcessReport[] = [];
    const { baseline = ALONE } = scene;
    const aloneReports = baselines.get(baseline) ?? [];
    if (aloneReports.length === 0) {
      baselines.set(baseline, aloneReports);
      reports.push({ scene: baseline, processes: aloneReports });
    }
    for (let process = 0; process < PROCESSES; process++) {
      const { alone, candidate } = await takeTurns(scene, turnsOfProcess(options), process % 2 === 0);
      aloneReports.push(alone);
      processes.push(candidate);
    }
    reports.push({ scene, processes });
    console.error(isolationTable(reports.slice(-1)).split("\n").at(-1));
  }
  return reports;

  async function takeTurns(
    scene: Scene,
    turns: number,
    isAloneFirst: boolean,
  ): Promise<{ readonly alone: ProcessReport; readonly candidate: ProcessReport }> {
    await using stack = new AsyncDisposableStack();
    // The first process rests while the second one warms up. The order alternates between processes.
    const { baseline = ALONE } = scene;
    const [one, other] = isAloneFirst ? [baseline, scene] : [scene, baseline];
    const started = [await startCandidate(stack, one), await startCandidate(stack, other)] as const;
    for (const each of started) await warmUp(each);
    const [alone, candidate] = isAloneFirst ? started : [started[1], started[0]];
    for (let turn = 0; turn < turns; turn++) {
      for (let attempt = 1;; attempt++) {
        // Strict alternation, because the second of two consecutive slices would benefit from a warm process.
        const [first, second] = isAloneFirst ? [alone, candidate] : [candidate, alone];
        const taken = [{ of: first, slice: await measure(first) }, { of: second, slice: await measure(second) }];
        const othersRatio = Math.max(...taken.map(({ slice }) => slice.othersRatio));
        // The decision depends on the other processes only, never on the result.
        if (othersRatio > MAX_OTHERS_RATIO && attempt < MAX_ATTEMPTS) {
          console.error(
            `${scene.name}: turn ${turn + 1} again, other processes took ${percent(othersRatio)} of the machine`,
          );
          continue;
        }
        for (const { of, slice } of taken) of.slices.push(slice);
        break;
      }
    }
    return { alone: await reportOf(alone, alone.slices), candidate: await reportOf(candidate, alone.slices) };
  }

  async function start(stack: AsyncDisposableStack, file: string, behavior?: string): Promise<Program> {
    const path = fileURLToPath(new URL(`./isolation/${file}`, import.meta.url));
    const { child, announced } = await startDenoProgram(path, behavior === undefined ? [] : [behavior]);
    stack.use(child);
    return { pid: child.pid, url: announced };
  }

  async function startCandidate(stack: AsyncDisposableStack, scene: Scene): Promise<Candidate> {
    const beside = scene.beside && await start(stack, "backend.ts", scene.beside.behavior);
    if (beside !== undefined) await yieldToOthers(beside.pid);
    const [port, adminPort] = [freePort(), freePort()];
    const addresses = { primaryUrl: primary.url, besideUrl: beside?.url, adminPort };
    const file = stack.use(await tempConfig(configFor(scene, addresses)));
    const process = stack.use(startCli(["--config", file.path, "--host", "127.0.0.1", "--port", `${port}`]));
    await untilListening(port, process.exited);
    const before = { cpuSeconds: 0, rssMib: 0, descriptors: 0 };
    const { pid } = process;
    return { scene, url: `http://127.0.0.1:${port}`, pid, adminPort, beside, slices: [], before, mostDescriptors: 0 };
  }

  async function warmUp(candidate: Candidate): Promise<void> {
    await load(candidate, WARM_UP_SECONDS, Math.ceil(rate / 4));
    await load(candidate, WARM_UP_SECONDS);
    await delay(REST_MS);
    candidate.before = await stateOf(candidate);
  }

  async function load({ url, scene }: Candidate, seconds: number, atRate = rate): Promise<OpenLoopResult> {
    const query = new URLSearchParams({ origin: url, rate: `${atRate}`, seconds: `${seconds}` });
    if (scene.hasTunnels) query.set("tunnels", "");
    return await (await fetch(`${generator.url}/?${query}`)).json();
  }

  async function measure(candidate: Candidate): Promise<Slice> {
    const own = [candidate.pid, generator.pid, primary.pid, candidate.beside?.pid].filter((pid) => pid !== undefined);
    const cpuSeconds = async () => (await Promise.all(own.map(processUsage))).map((usage) => usage?.cpuSeconds ?? 0);
    await load(candidate, LEAD_IN_SECONDS);
    const [cpuBefore, machineBefore] = [await cpuSeconds(), await machineState()];
    const result = await load(candidate, seconds);
    const [machineAfter, cpuAfter] = [await machineState(), await cpuSeconds()];
    candidate.mostDescriptors = Math.max(candidate.mostDescriptors, (await stateOf(candidate)).descriptors);
    if (candidate.beside !== undefined) await delay(REST_MS);
    const used = cpuAfter.map((after, index) => after - cpuBefore[index]!);
    const others = machineAfter.busySeconds - machineBefore.busySeconds - used.reduce((sum, each) => sum + each, 0);
    const othersRatio = Math.max(0, others / (machineAfter.allSeconds - machineBefore.allSeconds));
    return { result, cpuSeconds: used[0]!, othersRatio };
  }

  /**
   * Pooled connections are not counted: after a stall, a pool keeps more connections to healthy services for a minute.
   */
  function stateOf({ pid, scene, beside }: Candidate): Promise<ProcessState> {
    const isPooled = scene.beside?.behavior === "is healthy" || scene.beside?.behavior === "responds late";
    const pooled = isPooled ? [primary, beside!] : [primary];
    return processState(pid, pooled.map(({ url }) => Number(new URL(url).port)));
  }

  async function reportOf(candidate: Candidate, alone: readonly Slice[]): Promise<ProcessReport> {
    const { slices, before, mostDescriptors, adminPort } = candidate;
    const metrics = `http://127.0.0.1:${adminPort}/metrics`;
    const response = await fetch(metrics, { headers: { accept: "application/json" } });
    const after = await stateOf(candidate);
    return { slices, alone, before, mostDescriptors, after, metrics: await response.json() };
  }
}

/** Returns the number of turns of each process. */
function turnsOfProcess({ turns }: IsolationOptions): number {
  return Math.ceil(turns / PROCESSES);
}

/**
 * Gives a process the lowest priority (sched(7), `SCHED_IDLE`). In production, the other service has its own machine.
 */
async function yieldToOthers(pid: number): Promise<void> {
  const args = ["--all-tasks", "--idle", "--pid", "0", `${pid}`];
  const { success } = await new Deno.Command("chrt", { args, stdout: "null", stderr: "null" }).output();
  if (!success) throw new Error(`Cannot lower the priority of process ${pid}`);
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(0)} %`;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseIsolationOptions(args);
  if (options === undefined) {
    console.log(ISOLATION_HELP);
    return 0;
  }
  const reports = await runScenes(options);
  const { cores, system, deno } = describeMachine();
  const { rate, seconds } = options;
  const turns = PROCESSES * turnsOfProcess(options);
  const slices = reports.flatMap(({ processes }) => processes.flatMap(({ slices }) => slices));
  const othersRatio = median(slices.map(({ othersRatio }) => othersRatio));
  const times = `${rate} requests/s, ${turns} slices of ${seconds} s for each, in ${PROCESSES} processes`;
  const text = `${times}, ${cores} cores, ${system}, Deno ${deno}; ` +
    `other processes took ${percent(othersRatio)} of the machine:\n\n${isolationTable(reports)}`;
  console.log(text);
  const violations = reports.flatMap(isolationViolations);
  if (othersRatio > MAX_OTHERS_RATIO) {
    console.error("\nThe machine was not quiet: other processes may have caused what follows.");
  }
  if (options.write) await writeDocPart("isolation", text);
  if (violations.length === 0) return 0;
  console.error(`\n${violations.join("\n")}`);
  return 1;
}

try {
  Deno.exitCode = await main(Deno.args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
}
