/** Command line of the benchmark. */

import { parseArgs } from "@std/cli/parse-args";
import { CHARTED_LOADS } from "./draw_chart.ts";
import { type Load, LOADS } from "./loads.ts";
import { externalPeer, type Peer } from "./peers/peer.ts";

/** Parsed command line. */
export interface BenchOptions {
  readonly loads: readonly Load[];
  /** Peers that are already running. */
  readonly externalPeers: readonly Peer[];
  /** Slices per peer and load. */
  readonly slices: number;
  /** Length of a slice. */
  readonly seconds: number;
  /** Length of a slice of the warm-up. */
  readonly warmUpSeconds: number;
  /** Port of the first backend; 0 for any free port. */
  readonly backendsPort: number;
  /** Output file for the figures as JSON. */
  readonly json: string | undefined;
  /** Output file for the chart. */
  readonly svg: string | undefined;
  /** Write the tables to the benchmark page. */
  readonly write: boolean;
}

export const BENCH_HELP = `Measures conductor and its peers under the same load, in alternating slices.

deno task bench [FLAGS]

--load NAME            load to measure, repeatable; default: all of
                       ${LOADS.map(({ name }) => name).join(" ")}
--slices N             slices per peer and load (default 5)
--seconds S            length of a slice, in whole seconds (default 3)
--peer NAME=URL[,PID]  additional running peer, repeatable; PID adds CPU and memory figures;
                       measured under loads of two equal services, and under those that --load names
--backends PORT        port of the backends for such a peer: PORT to PORT+3, and a slow backend on PORT+4
--json FILE            write the figures as JSON
--svg FILE             draw CPU time per request as a chart
--write                write the tables to docs/explanation/benchmarks.md
--quick                one slice of one second each, without warm-up: a smoke test
`;

/** Servers run much longer than V8 compiles. */
const WARM_UP_SECONDS = 6;

/** Parses the command line. Returns `undefined` for --help. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const flags = parseArgs([...args], {
    boolean: ["quick", "write", "help"],
    string: ["load", "slices", "seconds", "peer", "backends", "json", "svg"],
    collect: ["load", "peer"],
    unknown(flag) {
      throw new Error(`Cannot run the benchmark: unknown flag "${flag}"`);
    },
  });
  if (flags.help) return undefined;
  const loads = flags.load.length === 0 ? LOADS : flags.load.map(loadNamed);
  if (flags.svg !== undefined && !loads.some(({ name }) => CHARTED_LOADS.includes(name))) {
    throw new Error(`Cannot draw a chart: --load must name one of ${CHARTED_LOADS.join(", ")}`);
  }
  if (flags.write && (flags.quick || flags.load.length > 0)) {
    throw new Error(`--write cannot be combined with ${flags.quick ? "--quick" : "--load"}`);
  }
  const [slices, seconds, warmUpSeconds] = flags.quick ? [1, 1, 0] : [5, 3, WARM_UP_SECONDS];
  return {
    loads,
    externalPeers: flags.peer.map((text) => externalPeer(text, { loads: flags.load })),
    slices: integerFlag("slices", flags.slices, slices),
    seconds: integerFlag("seconds", flags.seconds, seconds),
    warmUpSeconds,
    backendsPort: integerFlag("backends", flags.backends, 0),
    json: flags.json,
    svg: flags.svg,
    write: flags.write,
  };
}

function loadNamed(name: string): Load {
  const load = LOADS.find((load) => load.name === name);
  if (load === undefined) throw new Error(`Cannot run the benchmark: unknown load "${name}"`);
  return load;
}

/** Parses a flag's value as an integer from 1 to 99,999. */
export function integerFlag(flag: string, value: string | undefined, defaultValue: number): number {
  if (value === undefined) return defaultValue;
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  throw new Error(`--${flag} must be an integer from 1 to 99,999: found "${value}"`);
}
