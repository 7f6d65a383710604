/**
 * Simulates services with known noise and known regressions, and counts wrong judgements. As a program, it prints the
 * tables of docs/decisions/019-the-verdict.md.
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
import { binomial, seededRandom } from "./seeded_random.ts";

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
/** Noisy fields of every run, in addition to the planted one. */
const NOISY_FIELDS = 20;
const DEFAULT_RUNS = 1_000;

/** A scenario to simulate. */
export interface Scenario {
  /** Rate at which each noisy field differs. */
  readonly noiseRate: number;
  /** Numbers of comparisons. */
  readonly sizes: Sizes;
  /** Rates of one further field: its noise, and its rate with the service. Default: no such field. */
  readonly planted?: readonly [noise: number, service: number];
  /** Seed of the random numbers. */
  readonly seed: number;
  /** Number of runs. */
  readonly runs?: number;
}

/** Wrong judgements as ratios of the runs. */
export interface ErrorRates {
  /** Runs with a false mismatch. */
  readonly falseAlarms: number;
  /** Runs with a false mismatch by Diffy's two thresholds alone. */
  readonly falseAlarmsOfThresholds: number;
  /** Runs in which the planted regression is not a mismatch. */
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
      isSameForm: false,
      isRepetition: false,
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

/** Returns the table of false alarms: 20 noisy fields, and no regression. */
export function falseAlarmTable(): string {
  const rows = NOISE_RATES.map((noiseRate) => [
    percent(noiseRate),
    ...SIZES.map((sizes, index) => {
      const { falseAlarms, falseAlarmsOfThresholds } = simulate({ noiseRate, sizes, seed: 100 + index });
      return `${percent(falseAlarms)} (${percent(falseAlarmsOfThresholds)})`;
    }),
  ]);
  return table("noise", rows);
}

/** Returns the table of misses: one regression among 20 fields that differ by noise in half of the comparisons. */
export function missTable(): string {
  const rows = REGRESSIONS.map((planted) => [
    `${percent(planted[0])} → ${percent(planted[1])}`,
    ...SIZES.map((sizes, index) => percent(simulate({ noiseRate: 0.5, sizes, planted, seed: 200 + index }).misses)),
  ]);
  return table("noise → with the service", rows);
}

function exceedsThresholds({ service, noise }: FieldCounts): boolean {
  const [rate, noiseRate] = [service.differing / service.compared, noise.differing / noise.compared];
  return rate - noiseRate > ABSOLUTE_THRESHOLD && (rate - noiseRate) / (rate + noiseRate) > RELATIVE_THRESHOLD;
}

function table(title: string, rows: readonly (readonly string[])[]): string {
  const header = [title, ...SIZES.map(([service, noise]) => `${service} / ${noise}`)];
  const separator = ["---", ...SIZES.map(() => "---:")];
  return [header, separator, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(1))} %`;
}

if (import.meta.main) console.log(`${falseAlarmTable()}\n\n${missTable()}`);
