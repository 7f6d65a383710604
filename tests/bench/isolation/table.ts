/** What the scenes have come to: a table, and what misses the bounds. */

import type { MetricsJson } from "../../../src/observe/metrics_json.ts";
import { median } from "../median.ts";
import type { OpenLoopResult } from "./open_loop.ts";
import type { ProcessState } from "./process_state.ts";
import { ALONE, type Scene } from "./scenes.ts";

/** One slice of a scene. */
export interface Slice {
  /** What the clients saw. */
  readonly result: OpenLoopResult;
  /** Conductor's, for 10,000 requests of the clients. */
  readonly cpuSecondsPer10k: number;
  /** What the slice's time is compared with; the primary alone is compared with itself. */
  readonly p99Ratio: number;
  /** The share of the machine that processes took which are no part of this, 0 to 1. */
  readonly othersShare: number;
}

/** All of a scene. */
export interface SceneReport {
  /** The scene. */
  readonly scene: Scene;
  /** Its slices, at least one. */
  readonly slices: readonly Slice[];
  /** Conductor's process when it was warm and at rest. */
  readonly before: ProcessState;
  /** The same at rest after all slices. */
  readonly after: ProcessState;
  /** The most descriptors at the end of a slice. */
  readonly mostDescriptors: number;
  /** What conductor counted, from its start on. */
  readonly metrics: Pick<MetricsJson, "request_count" | "services">;
}

/** By how much the 99th percentile may be above that of the primary alone, as the median of all rounds. */
const MAX_RATIO = 1.25;
/** What may come on top of the memory of a warm process: V8 lets its heap grow before it cleans up. */
const MAX_GROWTH_MIB = 64;
/** A listener's and a runtime's own come and go; each connection that stays would be one of thousands. */
const MAX_MORE_DESCRIPTORS = 8;

const TITLES = [
  "beside the primary",
  "p50 ms",
  "p99 ms",
  "p99, of alone",
  "answered",
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
  const { scene, slices, before, after } = report;
  const ratio = median(slices.map(({ p99Ratio }) => p99Ratio));
  const failures = new Set(slices.flatMap(({ result }) => Object.keys(result.failures)));
  const growthMib = after.rssMib - before.rssMib;
  const more = after.descriptors - before.descriptors;
  return [
    ratio > MAX_RATIO && `the 99th percentile is ${ratio.toFixed(2)} times that of the primary alone`,
    failures.size > 0 && `${percent(answeredShare(slices))} were answered: ${[...failures].join(", ")}`,
    // Alone, it has twelve times as many slices: the heap's own growth, which `deno task soak` looks after.
    scene !== ALONE && growthMib > MAX_GROWTH_MIB && `memory has grown by ${Math.round(growthMib)} MiB`,
    more > MAX_MORE_DESCRIPTORS && `there are ${more} more descriptors`,
  ].filter((complaint) => complaint !== false).map((complaint) => `${scene.name}: ${complaint}`);
}

function cellsOf({ scene, slices, before, after, mostDescriptors, metrics }: SceneReport): readonly string[] {
  const of = (read: (slice: Slice) => number) => median(slices.map(read));
  const ratios = slices.map(({ p99Ratio }) => p99Ratio);
  const spread = `×${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  return [
    scene.name,
    of(({ result }) => result.p50Ms).toFixed(1),
    of(({ result }) => result.p99Ms).toFixed(1),
    scene === ALONE ? "×1.00" : spread,
    percent(answeredShare(slices)),
    skipsOf(metrics),
    of(({ cpuSecondsPer10k }) => cpuSecondsPer10k).toFixed(2),
    `${Math.round(before.rssMib)} → ${Math.round(after.rssMib)}`,
    `${before.descriptors} → ${after.descriptors}, at most ${mostDescriptors}`,
  ];
}

function answeredShare(slices: readonly Slice[]): number {
  const sum = (read: (result: OpenLoopResult) => number) => slices.reduce((sum, { result }) => sum + read(result), 0);
  return sum(({ successes }) => successes) / sum(({ requests }) => requests);
}

/** Of all requests, those that the service beside was not sent, or not to their end, by the reason. */
function skipsOf({ request_count: requests, services }: SceneReport["metrics"]): string {
  const reasons = services.flatMap(({ skips }) => Object.entries(skips));
  const texts = reasons.map(([reason, count]) =>
    `${count * 1_000 < requests ? "< 0.1 %" : percent(count / requests)} ${reason}`
  );
  return texts.join(", ") || "–";
}

/** Never says that all was well where something was not. */
function percent(share: number): string {
  return `${Math.floor(share * 1_000) / 10} %`;
}
