/**
 * Measures conductor and its peers under the same loads, in alternating slices: `deno task bench`.
 *
 * ```sh
 * deno task bench --load get-64 --load 64k --svg docs/bench.svg
 * ```
 */

import { startBackends } from "./backends.ts";
import { BENCH_HELP, type BenchOptions, parseBenchOptions } from "./bench_options.ts";
import { drawChart } from "./draw_chart.ts";
import { summarize } from "./figures.ts";
import { describeMachine, formatLoad, type LoadReport, type Report } from "./report.ts";
import { findLoadGenerator, findRateGenerator } from "./load_generator.ts";
import { measureLoad, WARM_UP_REQUESTS } from "./measure_load.ts";
import { peerTables } from "./peer_tables.ts";
import { writeDocPart } from "../../tools/doc_part.ts";
import { BASELINE, conductorPeer, ownPeers } from "./peers/own_peers.ts";

/** Exit code after a signal. */
const INTERRUPTED = 130;

/** Options of {@linkcode comparePeers}. */
export interface ComparePeersOptions extends BenchOptions {
  /** Aborts the run. Started processes are stopped. */
  readonly signal: AbortSignal;
  /** Prints a line for people. */
  print(text: string): void;
}

/** Measures all peers under all loads. Rejects if any request fails. */
export async function comparePeers(options: ComparePeersOptions): Promise<Report> {
  const { loads, slices, seconds, print } = options;
  const machine = describeMachine();
  const generator = await findLoadGenerator();
  const rateGenerator = await findRateGenerator();
  const peers = [...await ownPeers(), ...options.externalPeers];
  const { cores, deno, system } = machine;
  await using backends = await startBackends(options.backendsPort);
  print(`${cores} cores, ${system}, Deno ${deno}, ${generator.name}; ${slices} slices of ${seconds} s each`);
  print(`backends, the last one slow: ${backends.origins.join(" ")}`);
  print(`median (min–max) ×ratio to "${BASELINE}" in the same round\n`);

  const date = new Date().toISOString();
  const reports: LoadReport[] = [];
  for (const load of loads) {
    const chosen = load.ratePerSecond === undefined ? generator : rateGenerator;
    if (chosen === undefined) {
      print(`${load.name}: not measured, because h2load is not installed\n`);
      continue;
    }
    const suitable = peers.filter((peer) => peer.supports(load));
    const origins = backends.originsFor(load);
    const measured = { ...options, warmUpRequests: WARM_UP_REQUESTS, generator: chosen, origins };
    const samples = await measureLoad(load, suitable, measured);
    const baseline = samples.get(suitable.find(({ name }) => name === BASELINE)!) ?? [];
    const ours = samples.get(conductorPeer) ?? [];
    const report: LoadReport = {
      load: load.name,
      title: load.title,
      peers: peers.map((peer) => {
        const own = samples.get(peer);
        if (own === undefined) return { peer: peer.name };
        const cpuOfConductor = summarize(ours, own).cpuSecondsPer10k?.ratio;
        return {
          peer: peer.name,
          figures: summarize(own, baseline),
          ...(cpuOfConductor !== undefined && { cpuOfConductor }),
        };
      }),
    };
    print(formatLoad(report));
    reports.push(report);
  }
  return { date, machine, generator: generator.name, slices, seconds, baseline: BASELINE, loads: reports };
}

async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => stop.abort(new Error("interrupted by a signal"));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, onSignal);
  try {
    const options = parseBenchOptions(args);
    if (options === undefined) {
      console.log(BENCH_HELP);
      return 0;
    }
    const report = await comparePeers({ ...options, signal: stop.signal, print: (text) => console.log(text) });
    if (options.json !== undefined) await Deno.writeTextFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
    if (options.svg !== undefined) await Deno.writeTextFile(options.svg, drawChart(report));
    if (options.write) await writeDocPart("bench", peerTables(report));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return stop.signal.aborted ? INTERRUPTED : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
