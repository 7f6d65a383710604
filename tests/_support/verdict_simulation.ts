/**
 * Simulates services with and without regressions, and counts wrong verdicts. The counts come from a model of the
 * engine, the verdicts from the real `makeReport()`. `--write` updates docs/explanation/comparison-statistics.md.
 *
 * ```sh
 * deno task verdicts
 * ```
 */

import { parseArgs } from "@std/cli/parse-args";
import { makeReport } from "../../src/compare/make_report.ts";
import type { NoiseMark } from "../../src/compare/noise_marks.ts";
import { DEFAULT_THRESHOLDS } from "../../src/compare/report_thresholds.ts";
import type { Verdict } from "../../src/compare/report.ts";
import {
  type DifferenceSet,
  type FieldStats,
  type PathCounts,
  type StatsSnapshot,
  tallyKey,
} from "../../src/compare/stats_snapshot.ts";
import { LatencyCounts, type LatencySnapshot, NO_LATENCIES } from "../../src/lib/latency_counts.ts";
import type { NotComparableCounts } from "../../src/observe/not_comparable.ts";
import { writeDocPart } from "../../tools/doc_part.ts";
import { binomial, seededRandom } from "./seeded_random.ts";

/** A field of the simulated responses. */
interface SimulatedField {
  readonly path: string;
  /** Ratio of comparisons of the primary with itself in which the field differs. */
  readonly noise: number;
  /** Ratio of regressed responses in which the field differs. Default: as `noise`. */
  readonly regressed?: number;
}

/** A kind of regression. */
export interface RegressionClass {
  readonly name: string;
  /** Fields in addition to the common ones. */
  readonly fields: readonly SimulatedField[];
  /** Ratio of all pairs that are not comparable, by reason. Default: none. */
  readonly notComparable?: Readonly<Partial<Record<keyof NotComparableCounts, number>>>;
  /** True if regressed requests fail, and the breaker keeps further requests away after eight failures in a row. */
  readonly fails?: boolean;
  /** Marks of a person. Default: none. */
  readonly marks?: readonly NoiseMark[];
  /** True if the requests are not replayed, like POST. */
  readonly isUnreplayed?: boolean;
  /** Ratio of errors of each service, independent of the other. Default: 0. */
  readonly errorRate?: number;
  /** True if regressed responses count as errors, whatever their status is. Default: `false`. */
  readonly hasErrors?: boolean;
  /** Ratio of the comparisons that are replayed. Default: {@linkcode REPLAYED}. */
  readonly replayed?: number;
  /** True if an earlier build has many comparisons without a regression. Default: `false`. */
  readonly hasEarlierBuild?: boolean;
  /** Factor of the latency of regressed responses: to the head, or to the end of the body. Default: no latencies. */
  readonly slowdown?: { readonly factor: number; readonly kind: "latency" | "total" };
  /** True if the regression can only be found in all responses, because it is defined by most of them. */
  readonly isCommon?: boolean;
}

const ROUTE = "path /";
const ENDPOINT = "GET /orders/{id}";
const SERVICE = "v2";
const NO_RESPONSES = { errors: 0, latency: NO_LATENCIES, total: NO_LATENCIES };
const NO_OVERFLOW = { count: 0, fields: [] };
/** A build without errors. */
const CLEAN_SERVICE = {
  route: ROUTE,
  sinceMs: 0,
  unavailable: { requests: 0, primaryErrors: 0 },
  unfinished: { requests: 0, primaryErrors: 0, errors: 0 },
  primary: NO_RESPONSES,
  responses: NO_RESPONSES,
};
/** Ratio of the comparisons that are replayed: the default of the configuration. */
const REPLAYED = 0.1;
/** Failures in a row after which the simulated breaker opens. */
const BREAKER_FAILURES = 8;

/** Noise of every simulated service: a time in each response, an unordered value, and a value that changes rarely. */
const COMMON: readonly SimulatedField[] = [
  { path: "$.time (same form)", noise: 1 },
  { path: "$.unordered (same form)", noise: 0.3 },
  { path: "$.stock", noise: 0.02 },
];

/** One class for each way in which a regression could be hidden. */
export const CLASSES: readonly RegressionClass[] = [
  { name: "a body that differs beyond the captured part", fields: [{ path: "body", noise: 0, regressed: 1 }] },
  {
    name: "half of the responses not compared, for lack of memory",
    fields: [{ path: "$.price", noise: 0, regressed: 1 }],
    notComparable: { memory: 0.5 },
  },
  { name: "a wrong price in a list without order", fields: [{ path: "$.items[*].price", noise: 0, regressed: 1 }] },
  {
    name: "a list too long to be compared without order",
    fields: [{ path: "$.items[*].price", noise: 0, regressed: 1 }],
    notComparable: { "array-too-long": 0.9 },
  },
  {
    name: "a third of the responses in an unknown coding",
    fields: [{ path: "$.price", noise: 0, regressed: 1 }],
    notComparable: { undecodable: 0.33 },
  },
  {
    name: "a third of the requests conditional",
    fields: [{ path: "$.price", noise: 0, regressed: 1 }],
    notComparable: { precondition: 0.33 },
  },
  {
    name: "a broken token that always differs",
    fields: [
      { path: "body (same form)", noise: 1, regressed: 0 },
      { path: "body", noise: 0, regressed: 1 },
    ],
  },
  {
    name: "a wrong price in a list that is always shuffled",
    fields: [
      { path: "$.items[*].price (same form)", noise: 0.99, regressed: 0 },
      { path: "$.items[*].price", noise: 0, regressed: 1 },
    ],
  },
  { name: "a wrong number that always differs", fields: [{ path: "$.took", noise: 1, regressed: 1 }] },
  {
    name: "`null` instead of a number that always differs",
    fields: [
      { path: "$.took", noise: 1, regressed: 1 },
      { path: "$.took (type or presence)", noise: 0, regressed: 1 },
    ],
  },
  { name: "failing responses", fields: [{ path: "outcome", noise: 0, regressed: 1 }], fails: true },
  {
    name: "a wrong id, marked as noise at another endpoint",
    fields: [{ path: "$.id", noise: 0, regressed: 1 }],
    marks: [{ route: ROUTE, endpoint: "GET /users/{id}", path: "$.id" }],
  },
  { name: "a wrong price after POST", fields: [{ path: "$.price", noise: 0, regressed: 1 }], isUnreplayed: true },
  {
    name: "a fifth of the comparisons beyond the time budget",
    fields: [{ path: "$.price", noise: 0, regressed: 1 }],
    notComparable: { busy: 0.1, costly: 0.1 },
  },
  {
    name: "a wrong price while only 1 % of the comparisons are replayed",
    fields: [{ path: "$.price", noise: 0, regressed: 1 }],
    replayed: 0.01,
  },
  { name: "a wrong price and no replay", fields: [{ path: "$.price", noise: 0, regressed: 1 }], replayed: 0 },
  {
    name: "a wrong price in the newest build",
    fields: [{ path: "$.price", noise: 0, regressed: 1 }],
    hasEarlierBuild: true,
  },
  {
    name: "`null` instead of a value, in a field with equivalent spellings",
    fields: [{ path: "$.at", noise: 0, regressed: 1 }, { path: "$.at (type or presence)", noise: 0, regressed: 1 }],
  },
  { name: "`errors` in GraphQL", fields: [{ path: "$.errors", noise: 0, regressed: 1 }], hasErrors: true },
  {
    name: "a cookie without `Secure`",
    fields: [
      { path: "header:set-cookie.sid (same form)", noise: 1 },
      { path: "header:set-cookie.sid.secure", noise: 0, regressed: 1 },
    ],
  },
  {
    name: "a policy without a directive",
    fields: [{ path: "header:content-security-policy.script-src", noise: 0, regressed: 1 }],
  },
  {
    name: "a token that is constant",
    fields: [
      { path: "$.token (same form)", noise: 1 },
      { path: "$.token (repeated values)", noise: 0, regressed: 1 },
    ],
    isCommon: true,
  },
  { name: "heads that are 1.5 times as late", fields: [], slowdown: { factor: 1.5, kind: "latency" }, isCommon: true },
  { name: "bodies that end 1.5 times as late", fields: [], slowdown: { factor: 1.5, kind: "total" }, isCommon: true },
];

/** Service without a regression. */
export const UNCHANGED: RegressionClass = { name: "no errors", fields: [] };
/** The same, with errors of both services by chance. */
export const FAILING_BY_CHANCE: RegressionClass = {
  name: "0.5 % errors of both services",
  fields: [{ path: "status", noise: 0.00995 }],
  errorRate: 0.005,
};

/** A scenario to simulate. */
export interface VerdictScenario {
  readonly regression: RegressionClass;
  /** Ratio of the responses that have the regression. */
  readonly rate: number;
  /** Pairs of responses, comparable or not. */
  readonly pairs: number;
  readonly runs: number;
  readonly seed: number;
  /** True to draw latencies of both services from the same log-normal distribution. Default: no latencies. */
  readonly hasLatencies?: boolean;
}

/** Returns the number of runs by verdict. */
export function simulateVerdicts(scenario: VerdictScenario): Readonly<Record<Verdict, number>> {
  const random = seededRandom(scenario.seed);
  const verdicts = { "ready": 0, "not-ready": 0, "not-enough-traffic": 0 };
  const { marks = [] } = scenario.regression;
  for (let run = 0; run < scenario.runs; run++) {
    const { verdict } = makeReport(snapshotOf(scenario, random), DEFAULT_THRESHOLDS, marks);
    verdicts[verdict]++;
  }
  return verdicts;
}

function snapshotOf({ regression, rate, pairs, hasLatencies }: VerdictScenario, random: () => number): StatsSnapshot {
  const { notComparable: ratios = {}, fails = false, isUnreplayed = false, errorRate = 0 } = regression;
  const { replayed = REPLAYED, hasErrors = false, hasEarlierBuild = false, slowdown } = regression;
  const fields = regression.fields.some(({ path }) => path.startsWith("body")) || isUnreplayed
    ? regression.fields
    : [...COMMON, ...regression.fields];
  const skipped: Record<string, number> = {};
  let compared = pairs;
  for (const [reason, ratio] of Object.entries(ratios)) {
    skipped[reason] = binomial(pairs, ratio, random);
    compared -= skipped[reason];
  }
  const sent = fails ? sentBeforeBreaker(compared, rate, random) : compared;
  const unavailable = compared - sent;
  const regressed = binomial(sent, rate, random);
  const counts = new Counts(fields, random);
  counts.add(sent - regressed, false);
  counts.add(regressed, true);
  if (!isUnreplayed) counts.addNoise(binomial(sent, replayed, random));
  const errors = binomial(sent, errorRate, random) + (fails || hasErrors ? regressed : 0);
  const primaryErrors = binomial(sent, errorRate, random);
  const latency = (factor = 1) =>
    hasLatencies || slowdown !== undefined ? latencies(counts.compared, random, factor) : NO_LATENCIES;
  // Small bodies arrive with the head.
  const both = (factors: { readonly latency?: number; readonly total?: number } = {}) => {
    const head = latency(factors.latency);
    return { latency: head, total: factors.total === undefined ? head : latency(factors.total) };
  };
  const slow = slowdown && { [slowdown.kind]: slowdown.factor };
  const service = hasEarlierBuild ? tallyKey(SERVICE, "1.1") : SERVICE;
  const earlier = tallyKey(SERVICE, "1.0");
  const clean = { compared: MORE * pairs, notComparable: {} };
  return {
    sinceMs: 0,
    dropped: 0,
    endpoints: [{
      route: ROUTE,
      endpoint: ENDPOINT,
      noise: { compared: counts.replays, fields: counts.noise() },
      services: [{
        service,
        compared: counts.compared,
        notComparable: skipped,
        fields: counts.fields(),
        sets: counts.sets(),
        overflow: { count: 0, fields: [] },
      }, ...(hasEarlierBuild ? [{ ...clean, service: earlier, fields: [], sets: [], overflow: NO_OVERFLOW }] : [])],
    }],
    services: [{
      route: ROUTE,
      service,
      sinceMs: 1,
      compared: counts.compared,
      notComparable: skipped,
      unavailable: { requests: unavailable, primaryErrors: 0 },
      unfinished: CLEAN_SERVICE.unfinished,
      primary: { errors: primaryErrors, ...both() },
      responses: { errors, ...both(slow) },
    }, ...(hasEarlierBuild ? [{ ...clean, ...CLEAN_SERVICE, service: earlier }] : [])],
  };
}

/** Returns the requests until the breaker opens; all of them if it stays closed. */
function sentBeforeBreaker(requests: number, rate: number, random: () => number): number {
  let failures = 0;
  for (let sent = 0; sent < requests; sent++) {
    if (failures === BREAKER_FAILURES) return sent;
    failures = random() < rate ? failures + 1 : 0;
  }
  return requests;
}

/** Counts by the set of differing fields, which is a number with one bit for each field. */
class Counts {
  compared = 0;
  replays = 0;
  readonly #random: () => number;
  readonly #fields: readonly SimulatedField[];
  readonly #sets = new Map<number, number>();
  #noise: readonly number[] = [];

  constructor(fields: readonly SimulatedField[], random: () => number) {
    this.#fields = fields;
    this.#random = random;
  }

  /** Adds comparisons. Fields are independent, so each splits the counts of all sets so far. */
  add(count: number, isRegressed: boolean): void {
    this.compared += count;
    let sets = new Map([[0, count]]);
    for (const [index, { noise, regressed = noise }] of this.#fields.entries()) {
      const next = new Map<number, number>();
      for (const [set, left] of sets) {
        const differing = binomial(left, isRegressed ? regressed : noise, this.#random);
        if (left > differing) next.set(set, left - differing);
        if (differing > 0) next.set(set | (1 << index), differing);
      }
      sets = next;
    }
    for (const [set, added] of sets) this.#sets.set(set, (this.#sets.get(set) ?? 0) + added);
  }

  addNoise(count: number): void {
    this.replays = count;
    this.#noise = this.#fields.map(({ noise }) => binomial(count, noise, this.#random));
  }

  sets(): DifferenceSet[] {
    return [...this.#sets].filter(([set]) => set !== 0).map(([set, count]) => ({ paths: this.#pathsOf(set), count }));
  }

  fields(): FieldStats[] {
    const differing = new Map<string, number>();
    for (const { paths, count } of this.sets()) {
      for (const path of paths) differing.set(path, (differing.get(path) ?? 0) + count);
    }
    return [...differing].map(([path, count]) => ({ path, differing: count, samples: [] }));
  }

  noise(): PathCounts {
    return this.#fields.map(({ path }, index) => [path, this.#noise[index] ?? 0] as const).filter(([, count]) =>
      count > 0
    );
  }

  #pathsOf(set: number): string[] {
    return this.#fields.filter((_, index) => (set & (1 << index)) !== 0).map(({ path }) => path);
  }
}

/** Draws latencies around 10 ms. A tenth of them is above 35 ms, and a hundredth above 100 ms. */
function latencies(count: number, random: () => number, factor: number): LatencySnapshot {
  const latencies = new LatencyCounts();
  for (let drawn = 0; drawn < count; drawn++) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    latencies.record(10 * factor * Math.exp(normal));
  }
  return latencies.snapshot();
}

/** Ratios of the responses with a regression. */
const RATES = [0.01, 1];
/** Pairs of each run. With the minimum, a wrong verdict is the most likely. */
const PAIRS: number = DEFAULT_THRESHOLDS.minRequests;
/** Factor for runs with more comparisons, of which there are fewer. */
const MORE = 10;

/** Returns the pairs of a run, so that the minimum of comparisons is reached. */
export function pairsFor({ notComparable = {} }: RegressionClass): number {
  const skipped = Object.values(notComparable).reduce((sum, ratio) => sum + ratio, 0);
  return Math.ceil(1.05 * PAIRS / (1 - skipped));
}

/** Returns the tables: verdicts on services with each kind of regression, and on services without. */
export function verdictTables(runs: number): string {
  const rows = CLASSES.map((regression, index) => {
    const cells = RATES.map((rate) => {
      if (regression.isCommon && rate < 1) return "–";
      const seed = 1_000 * (index + 1) + rate * 100;
      const verdicts = simulateVerdicts({ regression, rate, pairs: pairsFor(regression), runs, seed });
      return `${verdicts.ready} / ${percent(verdicts["not-ready"] / runs)}`;
    });
    const [pairs, fewer] = [MORE * pairsFor(regression), Math.ceil(runs / MORE / 2)];
    if (regression.isCommon) return [regression.name, ...cells, "–"];
    const more = simulateVerdicts({ regression, rate: 0.01, pairs, runs: fewer, seed: index });
    return [regression.name, ...cells, `${more.ready} / ${percent(more["not-ready"] / fewer)}`];
  });
  const unchanged = [UNCHANGED, FAILING_BY_CHANCE].flatMap((regression) =>
    [1, MORE].map((factor) => {
      const scenario = { regression, rate: 0, pairs: factor * PAIRS, runs: Math.ceil(runs / factor), seed: factor };
      const verdicts = simulateVerdicts({ ...scenario, hasLatencies: true });
      const ratios = Object.values(verdicts).map((count) => percent(count / scenario.runs));
      return [regression.name, formatCount(scenario.pairs), ...ratios];
    })
  );
  return [
    `Each cell shows the number of false _ready_ verdicts in ${formatCount(runs)} runs, and the ratio of _not ready_.`,
    `The last column has ${formatCount(runs / MORE / 2)} runs. All other runs are _not enough traffic_.`,
    "A dash stands for a regression that is one only in most of the responses.",
    "",
    table([
      "regression",
      "in 1 % of the responses",
      "in all responses",
      `in 1 %, ${formatCount(MORE * PAIRS)} comparisons`,
    ], rows),
    "",
    "Without a regression, with latencies of the same log-normal distribution:",
    "",
    table(["no regression", "comparisons", "_ready_", "false _not ready_", "_not enough traffic_"], unchanged),
  ].join("\n");
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const separator = header.map((_, index) => index === 0 ? "---" : "---:");
  return [header, separator, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(2))} %`;
}

function formatCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["runs"], boolean: ["write"], default: { runs: "10000" } });
  const tables = verdictTables(Number(flags.runs));
  console.log(tables);
  if (flags.write) await writeDocPart("verdicts", tables);
}
