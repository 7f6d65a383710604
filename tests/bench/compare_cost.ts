/**
 * Measures the cost of comparison: conductor with a primary and a shadow that respond with 2 KB of JSON, with and
 * without comparison, in alternating slices. CPU time is measured under full load and at a constant rate. Under full
 * load, only as many requests are compared as there is time for; at the constant rate, all are. Latency is measured at
 * the constant rate, because latency under full load only reflects CPU time. Linux only, on loopback. `--write` updates
 * docs/explanation/benchmarks.md.
 *
 * ```sh
 * deno task bench:compare --slices 9 --seconds 3 --rate 1000
 * ```
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "@std/cli/parse-args";
import { writeDocPart } from "../../tools/doc_part.ts";
import { startCli, tempConfig } from "../_support/cli_process.ts";
import { BODY_BYTES } from "./compare_cost_backend.ts";
import { startDenoProgram } from "../_support/child.ts";
import { openLoop } from "./isolation/open_loop.ts";
import { findLoadGenerator } from "./load_generator.ts";
import { LOADS } from "./loads.ts";
import { describeMachine } from "./report.ts";
import { median, percentile } from "./figures.ts";
import { freePort, untilListening } from "../_support/ports.ts";
import { processUsage } from "./process_usage.ts";

interface Figures {
  readonly cpuSecondsPer10k: number;
  /** CPU time for 10,000 requests at the constant rate. */
  readonly pacedCpuSecondsPer10k: number;
  /** Ratio of the requests that were compared under full load, 0 to 1. */
  readonly compared: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Candidate {
  readonly name: string;
  readonly url: string;
  /** Address of the report. */
  readonly report: string;
  readonly pid: number;
  readonly slices: Figures[];
}

const flags = parseArgs(Deno.args, { boolean: ["write"], string: ["slices", "seconds", "rate", "json"] });
const [slices, seconds, rate] = [Number(flags.slices ?? 9), Number(flags.seconds ?? 3), Number(flags.rate ?? 1_000)];
const load = { ...LOADS[0]!, connections: 64, path: "/api/items", responseBytes: BODY_BYTES };
const request = {
  head: new TextEncoder().encode("GET /api/items HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  body: [],
  responseBytes: BODY_BYTES,
};

await using stack = new AsyncDisposableStack();
const generator = await findLoadGenerator();
const backends = await startDenoProgram(fileURLToPath(new URL("./compare_cost_backend.ts", import.meta.url)), []);
stack.use(backends.child);
const [same = "", sameToo = "", stamped = "", stampedToo = ""] = backends.announced.split(" ");
const candidates = [
  await start("off", same, sameToo, false),
  await start("on, equal responses", same, sameToo, true),
  await start("on, a timestamp differs", stamped, stampedToo, true),
];
for (const candidate of candidates) await measure(candidate, 5);
for (let round = 0; round < slices; round++) {
  for (let turn = 0; turn < candidates.length; turn++) {
    const candidate = candidates[(round + turn) % candidates.length]!;
    candidate.slices.push(await measure(candidate, seconds));
  }
}
const { cores, system, deno } = describeMachine();
const table = [
  `${slices} slices of ${seconds} s for each, ${generator.name}, ${cores} cores, ${system}, Deno ${deno}:`,
  "",
  `| compare | full load: compared | CPU s / 10,000 | of off | ${rate}/s: CPU s | of off | p50 ms | of off | p99 ms | of off | memory MiB |`,
  `| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |`,
  ...await Promise.all(candidates.map(row)),
].join("\n");
console.log(table);
if (flags.json !== undefined) {
  const figures = candidates.map(({ name, slices }) => ({ name, slices }));
  await Deno.writeTextFile(flags.json, `${JSON.stringify({ machine: describeMachine(), rate, figures }, null, 2)}\n`);
}
if (flags.write) await writeDocPart("compare-cost", table);

async function start(name: string, primary: string, shadow: string, compare: boolean): Promise<Candidate> {
  const [port, adminPort] = [freePort(), freePort()];
  const file = stack.use(
    await tempConfig(JSON.stringify({
      logging: { level: "warn" },
      admin: { port: adminPort },
      compare,
      services: [{ name: "main", url: primary, primary: true }, { name: "next", url: shadow, shadow: true }],
    })),
  );
  const process = stack.use(startCli(["--config", file.path, "--host", "127.0.0.1", "--port", `${port}`]));
  await untilListening(port, process.exited);
  const report = `http://127.0.0.1:${adminPort}/api/report`;
  return { name, url: `http://127.0.0.1:${port}`, report, pid: process.pid, slices: [] };
}

/** Returns the number of comparisons so far, without those that measure noise; 0 without comparison. */
async function countCompared(report: string): Promise<number> {
  const { compared = 0 } = await (await fetch(report)).json() as { readonly compared?: number };
  return compared;
}

async function measure({ url, report, pid }: Candidate, seconds: number): Promise<Figures> {
  const comparedBefore = await countCompared(report);
  const before = await processUsage(pid);
  const { requests, badStatuses, socketErrors } = await generator.run({
    origin: url,
    load,
    seconds,
    signal: new AbortController().signal,
  });
  const after = await processUsage(pid);
  const compared = await countCompared(report) - comparedBefore;
  const pacedBefore = await processUsage(pid);
  const paced = await openLoop(url, rate, seconds, () => request);
  const pacedAfter = await processUsage(pid);
  if (badStatuses + socketErrors > 0 || paced.successes < paced.requests) {
    throw new Error(`Cannot measure: requests have failed: ${JSON.stringify(paced.failures)}`);
  }
  const cpuSeconds = after!.cpuSeconds - before!.cpuSeconds;
  const timesMs = paced.timesMs.toSorted((a, b) => a - b);
  return {
    cpuSecondsPer10k: cpuSeconds / requests * 10_000,
    pacedCpuSecondsPer10k: (pacedAfter!.cpuSeconds - pacedBefore!.cpuSeconds) / paced.requests * 10_000,
    compared: compared / requests,
    p50Ms: percentile(timesMs, 0.5),
    p99Ms: percentile(timesMs, 0.99),
  };
}

/** Ratios are taken within each round, because the speed of the machine varies between rounds. */
async function row(candidate: Candidate): Promise<string> {
  const cells = (["cpuSecondsPer10k", "pacedCpuSecondsPer10k", "p50Ms", "p99Ms"] as const).flatMap((key) => {
    const ratios = candidate.slices.map((slice, round) => slice[key] / candidates[0]!.slices[round]![key]);
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
    const own = median(candidate.slices.map((slice) => slice[key])).toFixed(2);
    return [own, candidate === candidates[0] ? "1.00" : `${median(ratios).toFixed(2)} (${least}–${most})`];
  });
  const usage = await processUsage(candidate.pid);
  const compared = `${Math.min(100, Math.round(100 * median(candidate.slices.map((slice) => slice.compared))))} %`;
  return `| ${[candidate.name, compared, ...cells, Math.round(usage!.rssMib)].join(" | ")} |`;
}
