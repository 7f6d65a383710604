/** All comparisons, counted in bounded memory: by route, endpoint and service, and by field. */

import type { NotComparableReason } from "../observe/events.ts";
import type { CapturedOutcome } from "./response.ts";
import type { Comparison, NotComparable } from "./comparison.ts";
import type { Difference } from "./difference.ts";
import { ENDPOINT_BYTES, EndpointCounts, type MemoryAccounting } from "./endpoint_counts.ts";
import { Histogram, LATENCY_BUCKETS } from "../lib/histogram.ts";
import { MemoryBudget, textBytes } from "../lib/memory_budget.ts";
import { detachString } from "../lib/detach_string.ts";
import type { MismatchSample } from "./report.ts";
import type { ResponsesTally, ServiceTally, TallySnapshot } from "./tally_snapshot.ts";

/** What the counts of a tally may take by default: 16 MiB, of which at most half is really used. */
export const DEFAULT_TALLY_BYTES = 16_777_216;
/** Endpoints of one tally; further ones are counted as `…`, one for each route. */
export const MAX_ENDPOINTS = 1_000;
const OTHER_ENDPOINT = "…";

const MAX_ID_LENGTH = 128;
const MAX_PATH_LENGTH = 256;
const MAX_VALUE_LENGTH = 200;
const MAX_BODY_LENGTH = 2_048;

/** How a tally is set up. */
export interface TallyOptions {
  /**
   * How much memory what is counted may take, in bytes, by estimate. Where it is used up, samples of the oldest endpoints
   * make room for counts; then further fields and endpoints are counted together.
   *
   * @default DEFAULT_TALLY_BYTES
   */
  readonly maxBytes?: number;
  /**
   * The services that are to be compared, so that one without any comparison is in the report.
   *
   * @default []
   */
  readonly expected?: readonly Pick<ServiceTally, "route" | "service">[];
  /**
   * Draws from 0 up to 1: which samples are kept.
   *
   * @default Math.random
   */
  readonly random?: () => number;
}

/** What a tally needs to know of a comparison beside itself. */
export interface TallyContext {
  /** Where it is counted: method and path with variable segments as `{…}`. */
  readonly endpoint: string;
  /** What is kept of it, as in the configuration; `none` keeps counts only. */
  readonly samples: "values" | "bodies" | "none";
  /** Makes texts of the bodies, redacted; asked with `samples: bodies` only, and only for what is kept. */
  readonly bodies?: () => { readonly expected?: string; readonly actual?: string };
}

interface Answers {
  errors: number;
  readonly latency: Histogram;
}

type NotComparableCounts = Partial<Record<NotComparableReason, number>>;

interface ServiceTotals {
  readonly route: string;
  readonly service: string;
  compared: number;
  readonly notComparable: NotComparableCounts;
  readonly primary: Answers;
  readonly answers: Answers;
}

interface Endpoint {
  readonly route: string;
  readonly endpoint: string;
  readonly counts: EndpointCounts;
}

/** Counts comparisons. It does not throw, whatever backends answer. */
export class ComparisonStats {
  readonly #budget: MemoryBudget;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #totals = new Map<string, ServiceTotals>();
  readonly #means: MemoryAccounting;
  #dropped = 0;

  /**
   * Makes a tally without counts.
   *
   * @param options Its bounds.
   */
  constructor(options: TallyOptions = {}) {
    const { maxBytes = DEFAULT_TALLY_BYTES, expected = [], random = Math.random } = options;
    this.#budget = new MemoryBudget(maxBytes);
    this.#means = {
      claim: (bytes) => this.#claim(bytes),
      claimForSample: (bytes) => this.#budget.reserve(bytes) || this.#drop(),
      giveBack: (bytes) => this.#budget.release(bytes),
      random,
    };
    for (const { route, service } of expected) this.#totalsOf(route, service);
  }

  /** Bytes that are kept, by estimate. */
  get bytes(): number {
    return this.#budget.used;
  }

  /**
   * Counts a comparison. Its path and the values of its differences are kept as they are: they have been redacted.
   *
   * @param comparison The comparison.
   * @param context Where it is counted, and what is kept of it.
   */
  add(comparison: Comparison, context: TallyContext): void {
    const { route, service, differences } = comparison;
    if (comparison.isNoise) {
      this.#endpointOf(route, context.endpoint)?.addNoise(1, differences.map(({ path }) => [path, 1]));
      return;
    }
    const totals = this.#totalsOf(route, service);
    if (totals === undefined) return;
    const endpoint = this.#endpointOf(route, context.endpoint, service)!;
    totals.compared++;
    countResponse(totals.primary, comparison.expected);
    countResponse(totals.answers, comparison.actual);
    const paths = differences.map(({ path }) => path);
    if (context.samples === "none") {
      endpoint.add(service, paths);
      return;
    }
    const byPath = new Map(differences.map((difference) => [difference.path, difference]));
    endpoint.add(service, paths, {
      sample: (path, key) => sampleOf(comparison, byPath.get(path)!, { context, isOther: path !== key }),
    });
  }

  /** Counts responses that are not comparable. Comparisons of the primary with itself are not counted here. */
  addNotComparable({ route, service, isNoise, reason }: NotComparable): void {
    const totals = isNoise ? undefined : this.#totalsOf(route, service);
    if (totals !== undefined) addCounts(totals.notComparable, { [reason]: 1 });
  }

  /**
   * Counts what another tally has counted.
   *
   * @param snapshot Its counts.
   */
  merge(snapshot: TallySnapshot): void {
    this.#dropped += snapshot.dropped;
    for (const { route, service, compared, notComparable, primary, answers } of snapshot.services) {
      const totals = this.#totalsOf(route, service);
      if (totals === undefined) continue;
      totals.compared += compared;
      addCounts(totals.notComparable, notComparable);
      mergeResponses(totals.primary, primary);
      mergeResponses(totals.answers, answers);
    }
    for (const { route, endpoint, noise, services } of snapshot.endpoints) {
      this.#endpointOf(route, endpoint)?.addNoise(noise.compared, noise.fields);
      for (const counted of services) {
        if (this.#totals.has(`${route}\n${counted.service}`)) {
          this.#endpointOf(route, endpoint, counted.service)!.merge(counted);
        }
      }
    }
  }

  /**
   * Gives what was counted as plain data.
   *
   * @returns The counts.
   */
  snapshot(): TallySnapshot {
    return {
      endpoints: [...this.#endpoints.values()].map(({ route, endpoint, counts }) => counts.snapshot(route, endpoint)),
      services: [...this.#totals.values()].map(({ route, service, compared, notComparable, primary, answers }) => ({
        route,
        service,
        compared,
        notComparable: { ...notComparable },
        primary: responsesTally(primary),
        answers: responsesTally(answers),
      })),
      dropped: this.#dropped,
    };
  }

  #claim(bytes: number): boolean {
    if (this.#budget.reserve(bytes)) return true;
    for (const { counts } of this.#endpoints.values()) {
      this.#dropped += counts.dropSamples();
      if (this.#budget.reserve(bytes)) return true;
    }
    return this.#drop();
  }

  #drop(): false {
    this.#dropped++;
    return false;
  }

  #totalsOf(route: string, service: string): ServiceTotals | undefined {
    const key = `${route}\n${service}`;
    const known = this.#totals.get(key);
    if (known !== undefined) return known;
    // From now on there is a place for each of its comparisons, if not at an endpoint of their own.
    if (!this.#otherEndpointOf(route)?.admit(service)) return undefined;
    if (!this.#claim(2 * LATENCY_BUCKETS.bytes + textBytes(key, route, service))) return undefined;
    const totals = { route, service, compared: 0, notComparable: {}, primary: noResponses(), answers: noResponses() };
    this.#totals.set(key, totals);
    return totals;
  }

  /** The endpoint where there is room for it and the service, else the one for all others. */
  #endpointOf(route: string, name: string, service?: string): EndpointCounts | undefined {
    const endpoint = name.toWellFormed();
    const other = this.#otherEndpointOf(route);
    const counts = other && (this.#endpoints.get(`${route}\n${endpoint}`)?.counts ?? this.#create(route, endpoint));
    return counts === undefined || (service !== undefined && !counts.admit(service)) ? other : counts;
  }

  #otherEndpointOf(route: string): EndpointCounts | undefined {
    return this.#endpoints.get(`${route}\n${OTHER_ENDPOINT}`)?.counts ?? this.#create(route, OTHER_ENDPOINT);
  }

  #create(route: string, endpoint: string): EndpointCounts | undefined {
    if (endpoint.length > MAX_PATH_LENGTH) return undefined;
    if (endpoint !== OTHER_ENDPOINT && this.#endpoints.size >= MAX_ENDPOINTS) return undefined;
    const key = `${route}\n${endpoint}`;
    if (!this.#claim(ENDPOINT_BYTES + textBytes(key, endpoint))) return undefined;
    const counts = new EndpointCounts(this.#means);
    this.#endpoints.set(detachString(key, Infinity), {
      route,
      endpoint: detachString(endpoint, MAX_PATH_LENGTH),
      counts,
    });
    return counts;
  }
}

/**
 * Adds up what several tallies have counted, those of workers for example.
 *
 * @param snapshots Their counts.
 * @param options The bounds of the sum, which are those of a tally.
 * @returns All counts together.
 */
export function mergeTallies(snapshots: readonly TallySnapshot[], options: TallyOptions = {}): TallySnapshot {
  const tally = new ComparisonStats(options);
  for (const snapshot of snapshots) tally.merge(snapshot);
  return tally.snapshot();
}

interface SampleInfo {
  readonly context: TallyContext;
  readonly isOther: boolean;
}

function sampleOf(comparison: Comparison, difference: Difference, { context, isOther }: SampleInfo): MismatchSample {
  const { expected, actual } = difference;
  // Fields that are counted together are told apart by their values at least.
  const prefix = isOther ? `${difference.path}: ` : "";
  const bodies = context.samples === "bodies" ? context.bodies?.() : undefined;
  return {
    requestId: detachString(comparison.requestId, MAX_ID_LENGTH),
    method: detachString(comparison.method, MAX_ID_LENGTH),
    path: detachString(comparison.path, MAX_PATH_LENGTH),
    ...(expected !== undefined && { expected: detachString(prefix + expected, MAX_VALUE_LENGTH) }),
    ...(actual !== undefined && { actual: detachString(prefix + actual, MAX_VALUE_LENGTH) }),
    ...(bodies?.expected !== undefined && { expectedBody: detachString(bodies.expected, MAX_BODY_LENGTH) }),
    ...(bodies?.actual !== undefined && { actualBody: detachString(bodies.actual, MAX_BODY_LENGTH) }),
  };
}

function addCounts(counts: NotComparableCounts, added: Readonly<NotComparableCounts>): void {
  for (const [reason, count] of Object.entries(added) as [NotComparableReason, number][]) {
    counts[reason] = (counts[reason] ?? 0) + count;
  }
}

function noResponses(): Answers {
  return { errors: 0, latency: new Histogram(LATENCY_BUCKETS) };
}

function countResponse(answers: Answers, answer: CapturedOutcome): void {
  if (!answer.ok || answer.response.status >= 500) answers.errors++;
  if (answer.ok) answers.latency.record(answer.response.durationMs);
}

function mergeResponses(answers: Answers, { errors, latency }: ResponsesTally): void {
  answers.errors += errors;
  answers.latency.merge(latency);
}

function responsesTally({ errors, latency }: Answers): ResponsesTally {
  return { errors, latency: latency.trimmedCounts() };
}
