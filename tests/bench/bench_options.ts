/** The bench's command line. */

import { parseArgs } from "@std/cli/parse-args";
import { CHARTED_LOADS } from "./draw_chart.ts";
import { type Load, LOADS } from "./loads.ts";
import { externalPeer } from "./peers/external_peer.ts";
import type { Peer } from "./peers/peer.ts";
import { wholeNumber } from "./whole_number.ts";

/** What the bench is asked for. */
export interface BenchOptions {
  /** The loads. */
  readonly loads: readonly Load[];
  /** Peers that somebody else has started. */
  readonly externalPeers: readonly Peer[];
  /** How many slices each peer gets of each load. */
  readonly slices: number;
  /** How long a slice is. */
  readonly seconds: number;
  /** How long each peer is loaded beforehand. */
  readonly warmUpSeconds: number;
  /** Where the first backend listens; 0: anywhere. */
  readonly backendsPort: number;
  /** Where the figures go as JSON; `undefined`: nowhere. */
  readonly json: string | undefined;
  /** Where the chart goes; `undefined`: nowhere. */
  readonly svg: string | undefined;
  /** Write the tables into the benchmark page. */
  readonly write: boolean;
}

/** The help text. */
export const BENCH_HELP = `Loads conductor and its peers with the same load, in slices that take turns.

deno task bench [FLAGS]

--load NAME            one load, repeatable; default: all of
                       ${LOADS.map(({ name }) => name).join(" ")}
--slices N             slices for each peer and load (default 5)
--seconds S            the length of a slice, in whole seconds (default 3)
--peer NAME=URL[,PID]  one more peer, repeatable; with its process's id CPU and memory are measured too;
                       it bears loads of two equal services, and any that --load names
--backends PORT        where the bench's backends listen, for such a peer: PORT to PORT+3, and a slow one on PORT+4
--json FILE            writes the figures as JSON
--svg FILE             draws CPU per request as a chart
--write                writes the tables into docs/explanation/benchmarks.md
--quick                one slice of one second each, and no warming up: whether it works, not what it costs
`;

/** V8 goes on compiling for some 100,000 requests; servers run for longer than that. */
const WARM_UP_SECONDS = 6;

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @returns What is asked for; `undefined` where that is help.
 * @throws {Error} If a flag or its value is unknown.
 */
export function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const flags = parseArgs([...args], {
    boolean: ["quick", "write", "help"],
    string: ["load", "slices", "seconds", "peer", "backends", "json", "svg"],
    collect: ["load", "peer"],
    unknown(flag) {
      throw new Error(`Cannot run the bench as there is no such flag: "${flag}"`);
    },
  });
  if (flags.help) return undefined;
  const loads = flags.load.length === 0 ? LOADS : flags.load.map(loadNamed);
  if (flags.svg !== undefined && !loads.some(({ name }) => CHARTED_LOADS.includes(name))) {
    throw new Error(`Cannot draw a chart as one of these loads is needed: ${CHARTED_LOADS.join(", ")}`);
  }
  if (flags.write && (flags.quick || flags.load.length > 0)) {
    throw new Error(`Cannot use "--write" as it needs all loads: found "${flags.quick ? "--quick" : "--load"}"`);
  }
  const [slices, seconds, warmUpSeconds] = flags.quick ? [1, 1, 0] : [5, 3, WARM_UP_SECONDS];
  return {
    loads,
    externalPeers: flags.peer.map((text) => externalPeer(text, { asked: flags.load })),
    slices: wholeNumber("slices", flags.slices, slices),
    seconds: wholeNumber("seconds", flags.seconds, seconds),
    warmUpSeconds,
    backendsPort: wholeNumber("backends", flags.backends, 0),
    json: flags.json,
    svg: flags.svg,
    write: flags.write,
  };
}

function loadNamed(name: string): Load {
  const load = LOADS.find((load) => load.name === name);
  if (load === undefined) throw new Error(`Cannot run the bench as there is no such load: "${name}"`);
  return load;
}
