/** Results of the scenes: a table, and the violated bounds. */

import type { MetricsJson } from "../../../src/observe/metrics_json.ts";
import { percentile } from "../figures.ts";
import type { OpenLoopResult } from "./open_loop.ts";
import type { ProcessState } from "./process_state.ts";
import { ALONE, type Scene, TUNNELS_ALONE } from "./scenes.ts";

/** One slice of a server. */
export interface Slice {
  /** Measurements of the clients. */
  readonly result: OpenLoopResult;
  /** CPU time of conductor in seconds. */
  readonly cpuSeconds: number;
  /** Ratio of the machine that unrelated processes took, 0 to 1. */
  readonly othersRatio: number;
}

/** One process, measured in turns with a process of the primary alone. */
export interface ProcessReport {
  /** At least one. */
  readonly slices: readonly Slice[];
  /** Slices of the primary alone, one for each slice, measured before or after it. */
  readonly alone: readonly Slice[];
  /** conductor after the warm-up, at rest. */
  readonly before: ProcessState;
  /** conductor after all slices, at rest. */
  readonly after: ProcessState;
  /** Maximum number of descriptors at the end of a slice. */
  readonly mostDescriptors: number;
  /** Counters of conductor since its start. */
  readonly metrics: Pick<MetricsJson, "request_count" | "services">;
}

/** All processes of a scene. */
export interface SceneReport {
  readonly scene: Scene;
  /** At least one. Processes of the same program differ. */
  readonly processes: readonly ProcessReport[];
}

/** Maximum ratio of the 99th percentile to that of the primary alone. */
const MAX_RATIO = 1.25;
/** Maximum growth of a warm process. V8 lets its heap grow before it collects garbage. */
const MAX_GROWTH_MIB = 64;
/** Descriptors of a listener and of the runtime vary. A leak of connections would exceed this by thousands. */
const MAX_MORE_DESCRIPTORS = 8;

const TITLES = [
  "beside the primary",
  "p50 ms",
  "of alone",
  "p99 ms",
  "of alone (95 % interval)",
  "succeeded",
  "not sent",
  "CPU s / 10,000",
  "memory MiB",
  "descriptors",
];

/** Returns the Markdown table. */
export function isolationTable(reports: readonly SceneReport[]): string {
  return [TITLES, TITLES.map(() => "---"), ...reports.map(cellsOf)].map((cells) => `| ${cells.join(" | ")} |`).join(
    "\n",
  );
}

/** Returns a sentence for each bound that a scene violates. */
export function isolationViolations(report: SceneReport): readonly string[] {
  const { scene, processes } = report;
  const slices = slicesOf(report);
  const ratio = pooledRatio(turnsOf(report), 0.99);
  const failures = new Set(slices.flatMap(({ result }) => Object.keys(result.failures)));
  const growthMib = Math.max(...processes.map(({ before, after }) => after.rssMib - before.rssMib));
  const more = Math.max(...processes.map(({ before, after }) => after.descriptors - before.descriptors));
  return [
    ratio > MAX_RATIO && `the 99th percentile is ${ratio.toFixed(2)} times that of the primary alone`,
    failures.size > 0 && `${percent(successRatio(slices))} succeeded: ${[...failures].join(", ")}`,
    growthMib > MAX_GROWTH_MIB && `memory has grown by ${Math.round(growthMib)} MiB`,
    more > MAX_MORE_DESCRIPTORS && `descriptors have grown by ${more}`,
  ].filter((violation) => violation !== false).map((violation) => `${scene.name}: ${violation}`);
}

function cellsOf(report: SceneReport): readonly string[] {
  const { scene, processes } = report;
  const slices = slicesOf(report);
  const { before, after, mostDescriptors } = processes.reduce((most, each) =>
    growthOf(each) > growthOf(most) ? each : most
  );
  const times = pooled(slices.map(({ result }) => result.timesMs));
  const turns = turnsOf(report);
  const isBaseline = scene === ALONE || scene === TUNNELS_ALONE;
  const [least, most] = isBaseline ? [] : ratioInterval(turns, 0.99).map((ratio) => ratio.toFixed(2));
  const cpuSeconds = slices.reduce((sum, slice) => sum + slice.cpuSeconds, 0);
  const requests = slices.reduce((sum, { result }) => sum + result.requests, 0);
  return [
    scene.name,
    percentile(times, 0.5).toFixed(1),
    isBaseline ? "" : `×${pooledRatio(turns, 0.5).toFixed(2)}`,
    percentile(times, 0.99).toFixed(1),
    isBaseline ? "" : `×${pooledRatio(turns, 0.99).toFixed(2)} (${least}–${most})`,
    percent(successRatio(slices)),
    skipsOf(processes),
    (cpuSeconds / requests * 10_000).toFixed(2),
    `${Math.round(before.rssMib)} → ${Math.round(after.rssMib)}`,
    `${before.descriptors} → ${after.descriptors}, at most ${mostDescriptors}`,
  ];
}

function turnsOf({ processes }: SceneReport): readonly TurnTimes[] {
  return processes.flatMap(({ slices, alone }) =>
    slices.map(({ result }, turn) => ({ base: alone[turn]!.result.timesMs, other: result.timesMs }))
  );
}

function slicesOf({ processes }: SceneReport): readonly Slice[] {
  return processes.flatMap(({ slices }) => slices);
}

function growthOf({ before, after }: ProcessReport): number {
  return after.rssMib - before.rssMib;
}

function successRatio(slices: readonly Slice[]): number {
  const sum = (read: (result: OpenLoopResult) => number) => slices.reduce((sum, { result }) => sum + read(result), 0);
  return sum(({ successes }) => successes) / sum(({ requests }) => requests);
}

/** Returns the ratio of requests that the other service did not get completely, by reason. */
function skipsOf(processes: readonly ProcessReport[]): string {
  const requests = processes.reduce((sum, { metrics }) => sum + metrics.request_count, 0);
  const counts = new Map<string, number>();
  for (const { skips } of processes.flatMap(({ metrics }) => metrics.services)) {
    for (const [reason, count] of Object.entries(skips)) counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  const texts = [...counts].map(([reason, count]) =>
    `${count * 1_000 < requests ? "< 0.1 %" : percent(count / requests)} ${reason}`
  );
  return texts.join(", ") || "–";
}

/** Rounds down, so that 100 % means no failure. */
function percent(ratio: number): string {
  return `${Math.floor(ratio * 1_000) / 10} %`;
}

/** Response times of one turn, in milliseconds and in any order. */
export interface TurnTimes {
  /** The baseline. */
  readonly base: readonly number[];
  readonly other: readonly number[];
}

const RESAMPLES = 200;

/** Returns the ratio of a percentile to the baseline's, over all turns together. */
export function pooledRatio(turns: readonly TurnTimes[], rank: number): number {
  return percentile(pooled(turns.map(({ other }) => other)), rank) /
    percentile(pooled(turns.map(({ base }) => base)), rank);
}

/**
 * Returns the 95 % confidence interval of the ratio, by bootstrap. It resamples whole turns, because slow phases of the
 * machine last longer than a request (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, §8).
 */
export function ratioInterval(
  turns: readonly TurnTimes[],
  rank: number,
  random = Math.random,
): readonly [least: number, most: number] {
  const ratios = Array.from(
    { length: RESAMPLES },
    () => pooledRatio(turns.map(() => turns[Math.floor(random() * turns.length)]!), rank),
  ).sort((a, b) => a - b);
  return [percentile(ratios, 0.025), percentile(ratios, 0.975)];
}

/** Concatenates and sorts numbers. */
export function pooled(parts: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(parts.flat()).sort();
}
