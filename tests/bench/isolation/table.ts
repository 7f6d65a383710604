/** What the scenes have come to: a table, and what misses the bounds. */

import type { MetricsJson } from "../../../src/observe/metrics_json.ts";
import { percentile } from "../percentile.ts";
import type { OpenLoopResult } from "./open_loop.ts";
import { pooled, pooledRatio, ratioInterval, type TurnTimes } from "./pooled.ts";
import type { ProcessState } from "./process_state.ts";
import { ALONE, type Scene } from "./scenes.ts";

/** One slice of a server. */
export interface Slice {
  /** What the clients saw. */
  readonly result: OpenLoopResult;
  /** Conductor's CPU time, in seconds. */
  readonly cpuSeconds: number;
  /** The share of the machine that processes took which are no part of this, 0 to 1. */
  readonly othersShare: number;
}

/** One process, in turns with another of the primary alone. */
export interface ProcessReport {
  /** Its slices, at least one. */
  readonly slices: readonly Slice[];
  /** One of the primary alone for each, measured before or after it; its own where it is that. */
  readonly alone: readonly Slice[];
  /** Conductor's process when it was warm and at rest. */
  readonly before: ProcessState;
  /** The same at rest after all slices. */
  readonly after: ProcessState;
  /** The most descriptors at the end of a slice. */
  readonly mostDescriptors: number;
  /** What conductor counted, from its start on. */
  readonly metrics: Pick<MetricsJson, "request_count" | "services">;
}

/** All of a scene. */
export interface SceneReport {
  /** The scene. */
  readonly scene: Scene;
  /** Its processes, at least one: no two of the same program are alike. */
  readonly processes: readonly ProcessReport[];
}

/** By how much the 99th percentile may be above that of the primary alone. */
const MAX_RATIO = 1.25;
/** What may come on top of the memory of a warm process: V8 lets its heap grow before it cleans up. */
const MAX_GROWTH_MIB = 64;
/** A listener's and a runtime's own come and go; each connection that stays would be one of thousands. */
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

/**
 * Writes the table.
 *
 * @param reports The scenes, in the order of its lines.
 * @returns Lines of Markdown.
 */
export function isolationTable(reports: readonly SceneReport[]): string {
  return [TITLES, TITLES.map(() => "---"), ...reports.map(cellsOf)].map((cells) => `| ${cells.join(" | ")} |`).join(
    "\n",
  );
}

/**
 * Finds what is not as it has to be.
 *
 * @param report A scene.
 * @returns A sentence for each bound that is missed.
 */
export function isolationComplaints(report: SceneReport): readonly string[] {
  const { scene, processes } = report;
  const slices = slicesOf(report);
  const ratio = pooledRatio(turnsOf(report), 0.99);
  const failures = new Set(slices.flatMap(({ result }) => Object.keys(result.failures)));
  const growthMib = Math.max(...processes.map(({ before, after }) => after.rssMib - before.rssMib));
  const more = Math.max(...processes.map(({ before, after }) => after.descriptors - before.descriptors));
  return [
    ratio > MAX_RATIO && `the 99th percentile is ${ratio.toFixed(2)} times that of the primary alone`,
    failures.size > 0 && `${percent(answeredShare(slices))} were answered: ${[...failures].join(", ")}`,
    growthMib > MAX_GROWTH_MIB && `memory has grown by ${Math.round(growthMib)} MiB`,
    more > MAX_MORE_DESCRIPTORS && `there are ${more} more descriptors`,
  ].filter((complaint) => complaint !== false).map((complaint) => `${scene.name}: ${complaint}`);
}

function cellsOf(report: SceneReport): readonly string[] {
  const { scene, processes } = report;
  const slices = slicesOf(report);
  const { before, after, mostDescriptors } = processes.reduce((most, each) =>
    growthOf(each) > growthOf(most) ? each : most
  );
  const times = pooled(slices.map(({ result }) => result.timesMs));
  const turns = turnsOf(report);
  const [least, most] = scene === ALONE ? [] : ratioInterval(turns, 0.99).map((ratio) => ratio.toFixed(2));
  const cpuSeconds = slices.reduce((sum, slice) => sum + slice.cpuSeconds, 0);
  const requests = slices.reduce((sum, { result }) => sum + result.requests, 0);
  return [
    scene.name,
    percentile(times, 0.5).toFixed(1),
    scene === ALONE ? "" : `×${pooledRatio(turns, 0.5).toFixed(2)}`,
    percentile(times, 0.99).toFixed(1),
    scene === ALONE ? "" : `×${pooledRatio(turns, 0.99).toFixed(2)} (${least}–${most})`,
    percent(answeredShare(slices)),
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

function answeredShare(slices: readonly Slice[]): number {
  const sum = (read: (result: OpenLoopResult) => number) => slices.reduce((sum, { result }) => sum + read(result), 0);
  return sum(({ successes }) => successes) / sum(({ requests }) => requests);
}

/** Of all requests, those that the service beside was not sent, or not to their end, by the reason. */
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

/** Never says that all was well where something was not. */
function percent(share: number): string {
  return `${Math.floor(share * 1_000) / 10} %`;
}
