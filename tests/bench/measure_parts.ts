/**
 * Measures where the CPU time of a request goes: `deno task bench:where`.
 *
 * Each program adds one part of conductor to `Deno.serve`. All are measured in alternating slices under the same load.
 */

import { parseArgs } from "@std/cli/parse-args";
import { writeDocPart } from "../../tools/doc_part.ts";
import { startBackends } from "./backends.ts";
import { integerFlag } from "./bench_options.ts";
import { summarize } from "./figures.ts";
import { findLoadGenerator } from "./load_generator.ts";
import { LOADS } from "./loads.ts";
import { measureLoad, WARM_UP_REQUESTS } from "./measure_load.ts";
import { table } from "./peer_tables.ts";
import { boundPeer, conductorPeer, denoPeer } from "./peers/own_peers.ts";
import type { Peer } from "./peers/peer.ts";
import { describeMachine } from "./report.ts";

const LOAD = LOADS.find(({ name }) => name === "get-64")!;

/** Programs with the part that each of them measures. */
const PARTS: readonly (readonly [Peer, string])[] = [
  [part("none"), "`Deno.serve` alone: all header lines read, five set"],
  [boundPeer, "the bound: the same, and two canned exchanges"],
  [part("transport"), "the bound with conductor's transport"],
  [part("handler"), "conductor's handler without sockets to services"],
  [part("both"), "handler and transport in one program"],
  [conductorPeer, "conductor"],
];

function part(name: string): Peer {
  return denoPeer("part.ts", { name, supports: () => true, args: ["--part", name] });
}

const flags = parseArgs(Deno.args, { boolean: ["write"], string: ["slices", "seconds", "warm-up"] });
const slices = integerFlag("slices", flags.slices, 7);
const seconds = integerFlag("seconds", flags.seconds, 3);
const warmUpSeconds = integerFlag("warm-up", flags["warm-up"], 6);
const generator = await findLoadGenerator();
await using backends = await startBackends(0);
const samples = await measureLoad(LOAD, PARTS.map(([peer]) => peer), {
  origins: backends.originsFor(LOAD),
  generator,
  slices,
  seconds,
  warmUpSeconds,
  warmUpRequests: WARM_UP_REQUESTS,
  signal: new AbortController().signal,
});
const bound = samples.get(boundPeer)!;
const rows = PARTS.map(([peer, title]) => {
  const { cpuSecondsPer10k: cpu } = summarize(samples.get(peer)!, bound);
  return [title, cpu?.median.toFixed(3) ?? "–", cpu?.ratio?.toFixed(2) ?? "–"];
});
const { cores, deno } = describeMachine();
const text = `${LOAD.title}, two services:\n\n${table(["program", "CPU s / 10,000", "of the bound"], rows)}\n\n` +
  `Medians of ${slices} slices of ${seconds} s on ${cores} cores, \`${generator.name}\`, Deno ${deno}.`;
console.log(text);
if (flags.write) await writeDocPart("bench-where", text);
