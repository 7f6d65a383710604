/**
 * Synthetic services with known noise and known regressions: how often the judgement is wrong. Started directly, it prints
 * the tables of docs/decisions/019-the-verdict.md.
 *
 * ```sh
 * deno task noise-table
 * ```
 */

import {
  ABSOLUTE_THRESHOLD,
  type FieldCounts,
  judgeFields,
  RELATIVE_THRESHOLD,
} from "../../src/compare/judge_fields.ts";
import { seededRandom } from "./seeded_random.ts";

/** Comparisons of the service, and of the primary with itself. */
export type Sizes = readonly [service: number, noise: number];

const SIZES: readonly Sizes[] = [[10, 10], [100, 100], [1_000, 100], [1_000, 1_000], [10_000, 1_000]];
const NOISE_RATES = [0.001, 0.01, 0.1, 0.5, 1];
const REGRESSIONS: readonly (readonly [noise: number, regression: number])[] = [
  [0, 0.01],
  [0, 0.05],
  [0, 0.2],
  [0, 1],
  [0.1, 0.2],
  [0.1, 0.5],
  [0.1, 1],
  [0.5, 1],
];
/** Fields that differ by themselves in every run, beside one with a regression or none. */
const NOISY_FIELDS = 20;
const DEFAULT_RUNS = 1_000;

/** One run's setting. */
export interface Scenario {
  /** How often a field differs by itself. */
  readonly noiseRate: number;
  /** How many comparisons there are. */
  readonly sizes: Sizes;
  /** How often one more field differs by itself, and with the service; absent: there is none. */
  readonly planted?: readonly [noise: number, service: number];
  /** Where the random numbers begin. */
  readonly seed: number;
  /** How often it is tried. */
  readonly runs?: number;
}

/** How often the judgement was wrong, as shares of the runs. */
export interface ErrorRates {
  /** Runs with a mismatch that is none. */
  readonly falseAlarms: number;
  /** The same by Diffy's two thresholds alone. */
  readonly falseAlarmsOfThresholds: number;
  /** Runs in which the planted regression was not called a mismatch. */
  readonly misses: number;
}

/** Runs a scenario. */
export function simulate(
  { noiseRate, sizes: [service, noise], planted, seed, runs = DEFAULT_RUNS }: Scenario,
): ErrorRates {
  const random = seededRandom(seed);
  let [falseAlarms, falseAlarmsOfThresholds, misses] = [0, 0, 0];
  for (let run = 0; run < runs; run++) {
    const draw = (noisy: number, serving: number): FieldCounts => ({
      service: { differing: binomial(service, serving, random), compared: service },
      noise: { differing: binomial(noise, noisy, random), compared: noise },
      hasNoise: true,
      isCollective: false,
    });
    const noisy = Array.from({ length: NOISY_FIELDS }, () => draw(noiseRate, noiseRate));
    const judgements = judgeFields(planted === undefined ? noisy : [...noisy, draw(...planted)]);
    if (judgements.slice(0, NOISY_FIELDS).includes("mismatch")) falseAlarms++;
    if (noisy.some(exceedsThresholds)) falseAlarmsOfThresholds++;
    if (planted !== undefined && judgements.at(-1) !== "mismatch") misses++;
  }
  return {
    falseAlarms: falseAlarms / runs,
    falseAlarmsOfThresholds: falseAlarmsOfThresholds / runs,
    misses: misses / runs,
  };
}

/** The table of false alarms: 20 fields that differ by themselves, and no regression. */
export function falseAlarmTable(): string {
  const rows = NOISE_RATES.map((noiseRate) => [
    percent(noiseRate),
    ...SIZES.map((sizes, index) => {
      const { falseAlarms, falseAlarmsOfThresholds } = simulate({ noiseRate, sizes, seed: 100 + index });
      return `${percent(falseAlarms)} (${percent(falseAlarmsOfThresholds)})`;
    }),
  ]);
  return table("differs by itself", rows);
}

/** The table of misses: one regression among 20 fields of which each differs by itself in half of the comparisons. */
export function missTable(): string {
  const rows = REGRESSIONS.map((planted) => [
    `${percent(planted[0])} → ${percent(planted[1])}`,
    ...SIZES.map((sizes, index) => percent(simulate({ noiseRate: 0.5, sizes, planted, seed: 200 + index }).misses)),
  ]);
  return table("by itself → with the service", rows);
}

function exceedsThresholds({ service, noise }: FieldCounts): boolean {
  const [rate, noiseRate] = [service.differing / service.compared, noise.differing / noise.compared];
  return rate - noiseRate > ABSOLUTE_THRESHOLD && (rate - noiseRate) / (rate + noiseRate) > RELATIVE_THRESHOLD;
}

/** How many of `n` happen, by drawing how far it is to the next one. */
function binomial(n: number, rate: number, random: () => number): number {
  if (rate === 0 || rate === 1) return n * rate;
  let count = -1;
  for (let at = 0; at <= n; count++) at += 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - rate));
  return count;
}

function table(title: string, rows: readonly (readonly string[])[]): string {
  const header = [title, ...SIZES.map(([service, noise]) => `${service} / ${noise}`)];
  const separator = ["---", ...SIZES.map(() => "---:")];
  return [header, separator, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

if (import.meta.main) console.log(`${falseAlarmTable()}\n\n${missTable()}`);
