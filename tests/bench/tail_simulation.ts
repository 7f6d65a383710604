/** The handler with backends whose times have a heavy tail, in virtual time: what redundancy does to the tail, and costs. */

import { conductor, type ServiceInput, type Transport, type TransportResult } from "@zeek/conductor";
import { seededRandom } from "../_support/seeded_random.ts";
import { VirtualTime } from "../_support/virtual_time.ts";
import { raceTimeOf, timeOf } from "./heavy_tail.ts";

/** One way to ask, and the times it took. */
export interface TailResult {
  /** How the backends were asked. */
  readonly name: string;
  /** The time of each answer, in milliseconds, the shortest first. */
  readonly times: Float64Array;
  /** How many attempts there were beyond one for each request, as a share of the requests. */
  readonly extraLoad: number;
}

const A: ServiceInput = { name: "a", url: "http://a", primary: true };
const B: ServiceInput = { name: "b", url: "http://b", primary: true };

/** The name of the way that is checked against the closed form. */
const RACE = "two that race";

const WAYS: readonly (readonly [name: string, services: readonly ServiceInput[]])[] = [
  ["one backend", [A]],
  [RACE, [A, B]],
  ["a hedge at p95", [A, { ...B, hedge: { after: "p95" } }]],
  ["a hedge at p99", [A, { ...B, hedge: { after: "p99" } }]],
];

/** From one request to the next; backends have room for all of them. */
const INTERVAL_MS = 5;
/** Longer than the service's time-out of thirty seconds. */
const REST_MS = 61_000;

const OK: TransportResult = { ok: true, response: { status: 200, headers: [], body: null } };

/** Sends this many requests in each of the ways; the same seed gives the same times. */
export async function simulateTail(requests: number, seed: number): Promise<TailResult[]> {
  const results: TailResult[] = [];
  for (const [name, services] of WAYS) results.push({ name, ...await simulate(services, requests, seed) });
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

/** Tells below which time a share of the answers was. */
export function quantileOf({ times }: Pick<TailResult, "times">, share: number): number {
  return times[Math.ceil(share * times.length) - 1]!;
}

/** Writes what came of it as a Markdown table, with the closed form of the race beside it. */
export function tailTable(results: readonly TailResult[]): string {
  const row = (name: string, timeAt: (share: number) => number, extraLoad: number) => [
    name,
    ...[0.5, 0.99, 0.999].map((share) => String(Math.round(timeAt(share)))),
    `${(extraLoad * 100).toFixed(1)} %`,
  ];
  const rows = results.flatMap((result) => [
    row(result.name, (share) => quantileOf(result, share), result.extraLoad),
    ...(result.name === RACE ? [row(`${RACE}, by the formula`, raceTimeOf, 1)] : []),
  ]);
  const table = [["asked", "p50 ms", "p99 ms", "p99.9 ms", "extra load"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  table.splice(1, 0, widths.map((width) => "-".repeat(width)));
  return table.map((cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`).join(
    "\n",
  );
}

/** Beyond this many standard deviations it is no accident. */
const MAX_DEVIATIONS = 4;

/**
 * Compares the race with its closed form: how many answers took no longer than its quantiles is binomial.
 *
 * @returns A sentence for each quantile that is off beyond the sampling error.
 */
export function raceErrors(results: readonly TailResult[]): string[] {
  const { times } = results.find(({ name }) => name === RACE)!;
  return [0.1, 0.5, 0.9, 0.99, 0.999].flatMap((share) => {
    const boundMs = raceTimeOf(share);
    const found = times.filter((time) => time <= boundMs).length / times.length;
    const deviations = Math.abs(found - share) / Math.sqrt(share * (1 - share) / times.length);
    if (deviations <= MAX_DEVIATIONS) return [];
    return [
      `${found} of the races took up to ${boundMs} ms, where the formula says ${share}: ${deviations} deviations`,
    ];
  });
}
