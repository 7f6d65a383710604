/**
 * Simulates the effect of races and hedges on tail latency, and their extra load. `--write` updates the page about tail
 * latency. Fails if the race of two services differs from its closed form.
 *
 * ```sh
 * deno task simulate --requests 100000 --seed 1
 * ```
 */

import { parseArgs } from "@std/cli/parse-args";
import { writeDocPart } from "../../tools/doc_part.ts";
import { conductor, type ServiceInput, type Transport, type TransportResult } from "@zeek/conductor";
import { seededRandom } from "../_support/seeded_random.ts";
import { VirtualTime } from "../_support/virtual_time.ts";

/** Median of the body, in milliseconds. */
const MEDIAN_MS = 20;
/** Spread of the body, a log-normal distribution. */
const SIGMA = 0.5;
/** Quantile where the tail begins, a Pareto distribution. */
const TAIL_FROM = 0.95;
/** Exponent of the tail. Below 2, its variance is infinite. */
const ALPHA = 1.2;

/** Coefficients of {@linkcode normalQuantile}. */
const COEFFICIENTS = [
  [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690, -30.66479806614716, 2.506628277459239],
  [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
  [
    -0.007784894002430293,
    -0.3223964580411365,
    -2.400758277161838,
    -2.549732539343734,
    4.374664141464968,
    2.938163982698783,
  ],
  [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
] as const;

const TAIL_FROM_MS = bodyTime(TAIL_FROM);

/** Returns a quantile of the response time. Uniformly distributed arguments give random times. */
export function timeOf(quantile: number): number {
  if (quantile < TAIL_FROM) return bodyTime(quantile);
  return TAIL_FROM_MS * ((1 - TAIL_FROM) / (1 - quantile)) ** (1 / ALPHA);
}

/** Returns a quantile of the minimum of two response times: P(min > t) = P(X > t)². */
export function raceTimeOf(quantile: number): number {
  return timeOf(1 - Math.sqrt(1 - quantile));
}

function bodyTime(quantile: number): number {
  return MEDIAN_MS * Math.exp(SIGMA * normalQuantile(quantile));
}

/** The quantile of the normal distribution, within one part in a billion (Peter Acklam's rational approximation). */
function normalQuantile(quantile: number): number {
  if (quantile > 0.5) return -normalQuantile(1 - quantile);
  if (quantile < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(Math.max(quantile, Number.MIN_VALUE)));
    return polynomial(COEFFICIENTS[2], q) / polynomial(COEFFICIENTS[3], q);
  }
  const q = quantile - 0.5;
  return q * polynomial(COEFFICIENTS[0], q * q) / polynomial(COEFFICIENTS[1], q * q);
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}

/** Response times of one strategy. */
export interface TailResult {
  /** Name of the strategy. */
  readonly name: string;
  /** Time of each response in milliseconds, in ascending order. */
  readonly times: Float64Array;
  /** Attempts beyond one per request, as a ratio of the requests. */
  readonly extraLoad: number;
}

const A: ServiceInput = { name: "a", url: "http://a", primary: true };
const B: ServiceInput = { name: "b", url: "http://b", primary: true };

/** The strategy that has a closed form. */
const RACE = "two that race";

const STRATEGIES: readonly (readonly [name: string, services: readonly ServiceInput[]])[] = [
  ["one backend", [A]],
  [RACE, [A, B]],
  ["a hedge at p95", [A, { ...B, hedge: { after: "p95" } }]],
  ["a hedge at p99", [A, { ...B, hedge: { after: "p99" } }]],
];

/** Interval between requests. The backends have no limit on concurrency. */
const INTERVAL_MS = 5;
/** Longer than the service's timeout of 30 s. */
const REST_MS = 61_000;

const OK: TransportResult = { ok: true, response: { status: 200, headers: [], body: null } };

/** Simulates the requests with each strategy. The same seed gives the same times. */
export async function simulateTail(requests: number, seed: number): Promise<TailResult[]> {
  const results: TailResult[] = [];
  for (const [name, services] of STRATEGIES) results.push({ name, ...await simulate(services, requests, seed) });
  return results;
}

async function simulate(services: readonly ServiceInput[], requests: number, seed: number) {
  using time = new VirtualTime();
  const random = seededRandom(seed);
  let attempts = 0;
  const transport: Transport = ({ signal }) => {
    attempts++;
    const { promise, resolve } = Promise.withResolvers<TransportResult>();
    const timer = setTimeout(() => resolve(OK), timeOf(random()));
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve({ ok: false, kind: "aborted" });
    });
    return promise;
  };
  const handle = conductor({ wait: "primary", services }, { transport, now: time.now });
  const times = new Float64Array(requests);
  for (let index = 0; index < requests; index++) {
    const startedMs = time.now();
    handle(new Request("http://h/")).then(() => void (times[index] = time.now() - startedMs));
    await time.pass(INTERVAL_MS);
  }
  await time.pass(REST_MS);
  return { times: times.sort(), extraLoad: attempts / requests - 1 };
}

/** Returns a quantile of the response times. */
export function quantileOf({ times }: Pick<TailResult, "times">, quantile: number): number {
  return times[Math.ceil(quantile * times.length) - 1]!;
}

/** Returns the Markdown table, with the closed form below the race. */
export function tailTable(results: readonly TailResult[]): string {
  const row = (name: string, timeAt: (quantile: number) => number, extraLoad: number) => [
    name,
    ...[0.5, 0.99, 0.999].map((quantile) => String(Math.round(timeAt(quantile)))),
    `${(extraLoad * 100).toFixed(1)} %`,
  ];
  const rows = results.flatMap((result) => [
    row(result.name, (quantile) => quantileOf(result, quantile), result.extraLoad),
    ...(result.name === RACE ? [row(`${RACE}, by the formula`, raceTimeOf, 1)] : []),
  ]);
  const table = [["strategy", "p50 ms", "p99 ms", "p99.9 ms", "extra load"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  table.splice(1, 0, widths.map((width) => "-".repeat(width)));
  return table.map((cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`).join(
    "\n",
  );
}

/** Maximum standard deviations that count as chance. */
const MAX_DEVIATIONS = 4;

/**
 * Compares the race with its closed form, and returns a sentence for each quantile outside the sampling error. The
 * number of responses below a quantile has a binomial distribution.
 */
export function raceErrors(results: readonly TailResult[]): string[] {
  const { times } = results.find(({ name }) => name === RACE)!;
  return [0.1, 0.5, 0.9, 0.99, 0.999].flatMap((quantile) => {
    const boundMs = raceTimeOf(quantile);
    const found = times.filter((time) => time <= boundMs).length / times.length;
    const deviations = Math.abs(found - quantile) / Math.sqrt(quantile * (1 - quantile) / times.length);
    if (deviations <= MAX_DEVIATIONS) return [];
    return [
      `${found} of the races took up to ${boundMs} ms instead of ${quantile} by the formula: ${deviations} deviations`,
    ];
  });
}

if (import.meta.main) {
  const flags = parseArgs(Deno.args, { string: ["requests", "seed"], boolean: ["write"] });
  const results = await simulateTail(Number(flags.requests ?? 100_000), Number(flags.seed ?? 1));
  const table = tailTable(results);
  console.log(table);
  const errors = raceErrors(results);
  for (const error of errors) console.error(error);
  if (errors.length > 0) Deno.exit(1);
  if (flags.write) await writeDocPart("tail", table);
}
