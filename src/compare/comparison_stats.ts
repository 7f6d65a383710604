/** Statistics of all comparisons in bounded memory: by route, endpoint and service, and by field. */

import { LatencyCounts } from "../lib/latency_counts.ts";
import { detachString, MemoryBudget, textBytes } from "../lib/memory_budget.ts";
import type { NotComparableReason } from "../observe/not_comparable.ts";
import type { CapturedOutcome } from "./captured_response.ts";
import type { Comparison, NotComparable, Unavailable } from "./comparison.ts";
import type { Difference } from "./difference.ts";
import { hasForm, withTrait } from "./difference_traits.ts";
import { ENDPOINT_BYTES, EndpointCounts, type MemoryAccounting } from "./endpoint_counts.ts";
import { PreviousValues } from "./previous_values.ts";
import type { MismatchSample } from "./report.ts";
import { type ResponseStats, type ServiceStats, type StatsSnapshot, tallyKey } from "./stats_snapshot.ts";

/** Default memory limit: 16 MiB by estimate. The actual memory is at most half of it. */
const DEFAULT_MAX_BYTES = 16_777_216;
/** Maximum endpoints. Further endpoints are counted together as `…`, one for each route. */
const MAX_ENDPOINTS = 1_000;
const OVERFLOW_ENDPOINT = "…";

const MAX_ID_LENGTH = 128;
const MAX_PATH_LENGTH = 256;
const MAX_VALUE_LENGTH = 200;
const MAX_BODY_LENGTH = 2_048;

/** Options of {@linkcode ComparisonStats}. */
export interface ComparisonStatsOptions {
  /**
   * Memory limit in bytes, by estimate. At the limit, samples of the oldest endpoints are dropped in favour of counts.
   * After that, further fields and endpoints are counted together.
   *
   * @default 16_777_216
   */
  readonly maxBytes?: number;
  /**
   * Services that are in the report even without any comparison.
   *
   * @default []
   */
  readonly expected?: readonly Pick<ServiceStats, "route" | "service">[];
  /**
   * Values of the comparisons before.
   *
   * @default none
   */
  readonly previous?: PreviousValues;
  /**
   * Returns numbers from 0 up to 1, which select the samples.
   *
   * @default Math.random
   */
  readonly random?: () => number;
  /**
   * Returns the time in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** Options for counting a comparison. */
export interface CountOptions {
  /** Name of the endpoint: method and path, with variable segments as `{…}`. */
  readonly endpoint: string;
  /** Build of the service. Absent: builds are not distinguished. */
  readonly build?: string;
  /** Samples to keep, as in the configuration. `none` keeps counts only. */
  readonly samples: "values" | "bodies" | "none";
  /** Returns redacted samples of the bodies. Called only for `samples: bodies`, and only if the sample is kept. */
  readonly bodies?: () => { readonly expected?: string; readonly actual?: string };
}

interface ResponseCounts {
  errors: number;
  readonly latency: LatencyCounts;
  readonly total: LatencyCounts;
}

interface ServiceTotals {
  readonly route: string;
  readonly service: string;
  sinceMs: number;
  compared: number;
  readonly notComparable: { [reason in NotComparableReason]?: number };
  readonly unavailable: { requests: number; primaryErrors: number };
  readonly unfinished: { requests: number; primaryErrors: number; errors: number };
  readonly primary: ResponseCounts;
  readonly responses: ResponseCounts;
}

interface Endpoint {
  readonly route: string;
  readonly endpoint: string;
  readonly counts: EndpointCounts;
}

/** Counts comparisons. Never throws, whatever backends send. */
export class ComparisonStats {
  readonly #budget: MemoryBudget;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #totals = new Map<string, ServiceTotals>();
  readonly #memory: MemoryAccounting;
  readonly #previous: PreviousValues;
  readonly #random: () => number;
  readonly #now: () => number;
  /** Totals of the latest comparison. */
  #last: ServiceTotals | undefined;
  #sinceMs: number;
  #dropped = 0;

  /** Creates statistics without counts. */
  constructor(options: ComparisonStatsOptions = {}) {
    const { maxBytes = DEFAULT_MAX_BYTES, expected = [], random = Math.random, now = Date.now } = options;
    this.#previous = options.previous ?? new PreviousValues();
    this.#budget = new MemoryBudget(maxBytes);
    this.#random = random;
    this.#now = now;
    this.#sinceMs = now();
    this.#memory = {
      reserve: (bytes) => this.#reserve(bytes),
      reserveForSample: (bytes) => this.#budget.reserve(bytes) || this.#drop(),
      release: (bytes) => this.#budget.release(bytes),
    };
    for (const { route, service } of expected) this.#totalsOf(route, service);
  }

  /** Used memory in bytes, by estimate. */
  get usedBytes(): number {
    return this.#budget.usedBytes;
  }

  /** Counts a comparison. Its path and the samples of its differences must be redacted already. */
  add(comparison: Comparison, options: CountOptions): void {
    const { route } = comparison;
    const service = tallyKey(comparison.service, options.build);
    const byPath = countedPaths(comparison);
    if (comparison.isNoise) {
      const endpoint = this.#endpointOf(route, options.endpoint);
      if (endpoint === undefined) return;
      for (const [path, values] of comparison.values ?? []) {
        const sameForm = withTrait(path, "same-form");
        if (endpoint.isNoiseRepeated(sameForm, values)) byPath.set(withTrait(path, "repeated"), byPath.get(sameForm)!);
      }
      endpoint.addNoise(1, [...byPath.keys()].map((path) => [path, 1]));
      return;
    }
    const totals = this.#totalsOf(route, service);
    if (totals === undefined) return;
    const endpoint = this.#endpointOf(route, options.endpoint, service)!;
    for (const [path, values] of comparison.values ?? []) {
      const sameForm = withTrait(path, "same-form");
      if (endpoint.isRepeated(service, sameForm, values)) {
        byPath.set(withTrait(path, "repeated"), byPath.get(sameForm)!);
      }
    }
    const paths = [...byPath.keys()];
    totals.compared++;
    countResponse(totals.primary, comparison.expected);
    countResponse(totals.responses, comparison.actual);
    countTotals(totals, comparison);
    if (options.samples === "none") {
      endpoint.add(service, paths);
      return;
    }
    endpoint.add(service, paths, {
      sample: (path, key) => sampleOf(comparison, byPath.get(path)!, { options, isCollective: path !== key }),
    });
  }

  /** Counts responses that are not comparable. Comparisons of the primary with itself are not counted here. */
  addNotComparable({ route, endpoint, service, isNoise, reason, results }: NotComparable): void {
    const totals = isNoise ? undefined : this.#totalsOf(route, service);
    if (totals === undefined) return;
    totals.notComparable[reason] = (totals.notComparable[reason] ?? 0) + 1;
    if (results !== undefined) {
      totals.unfinished.requests++;
      if (results.isPrimaryError) totals.unfinished.primaryErrors++;
      if (results.isError) totals.unfinished.errors++;
    }
    if (endpoint === undefined) return;
    this.#endpointOf(route, endpoint, service)!.addNotComparable(service, { [reason]: 1 });
  }

  /** Counts a request that a candidate did not get, because of its breaker or its health checks. */
  addUnavailable({ route, service, expected }: Unavailable): void {
    const unavailable = this.#totalsOf(route, service)?.unavailable;
    if (unavailable === undefined) return;
    unavailable.requests++;
    if (isError(expected)) unavailable.primaryErrors++;
  }

  /** Adds the counts of a snapshot. */
  merge(snapshot: StatsSnapshot): void {
    this.#dropped += snapshot.dropped;
    this.#sinceMs = Math.min(this.#sinceMs, snapshot.sinceMs);
    for (const stats of snapshot.services) {
      const { route, service, sinceMs, compared, notComparable, unavailable, unfinished, primary, responses } = stats;
      const totals = this.#totalsOf(route, service);
      if (totals === undefined) continue;
      totals.sinceMs = Math.min(totals.sinceMs, sinceMs);
      totals.compared += compared;
      for (const [reason, count] of Object.entries(notComparable) as [NotComparableReason, number][]) {
        totals.notComparable[reason] = (totals.notComparable[reason] ?? 0) + count;
      }
      totals.unavailable.requests += unavailable.requests;
      totals.unavailable.primaryErrors += unavailable.primaryErrors;
      totals.unfinished.requests += unfinished.requests;
      totals.unfinished.primaryErrors += unfinished.primaryErrors;
      totals.unfinished.errors += unfinished.errors;
      mergeResponses(totals.primary, primary);
      mergeResponses(totals.responses, responses);
    }
    for (const { route, endpoint, noise, services } of snapshot.endpoints) {
      this.#endpointOf(route, endpoint)?.addNoise(noise.compared, noise.fields);
      for (const stats of services) {
        if (this.#totals.has(`${route}\n${stats.service}`)) {
          this.#endpointOf(route, endpoint, stats.service)!.merge(stats);
        }
      }
    }
  }

  /** Returns the counts as plain data. */
  snapshot(): StatsSnapshot {
    return {
      endpoints: [...this.#endpoints.values()].map(({ route, endpoint, counts }) => counts.snapshot(route, endpoint)),
      services: [...this.#totals.values()].map((totals) => ({
        ...totals,
        notComparable: { ...totals.notComparable },
        unavailable: { ...totals.unavailable },
        unfinished: { ...totals.unfinished },
        primary: responseStats(totals.primary),
        responses: responseStats(totals.responses),
      })),
      sinceMs: this.#sinceMs,
      dropped: this.#dropped,
    };
  }

  #reserve(bytes: number): boolean {
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
    // Mostly the same as the last time. Joining the texts to a key and hashing it takes longer than counting.
    if (this.#last?.route === route && this.#last.service === service) return this.#last;
    const key = `${route}\n${service}`;
    const known = this.#totals.get(key);
    if (known !== undefined) return this.#last = known;
    // Admitted to the overflow endpoint first, so that each of its comparisons can be counted from now on.
    if (!this.#overflowEndpointOf(route)?.admit(service)) return undefined;
    if (!this.#reserve(4 * LatencyCounts.maxBytes + textBytes(key, route, service))) return undefined;
    const totals = {
      route,
      service,
      sinceMs: this.#now(),
      compared: 0,
      notComparable: {},
      unavailable: { requests: 0, primaryErrors: 0 },
      unfinished: { requests: 0, primaryErrors: 0, errors: 0 },
      primary: noResponses(),
      responses: noResponses(),
    };
    this.#totals.set(key, totals);
    return totals;
  }

  /** Returns the endpoint; the overflow endpoint if the limits allow neither the endpoint nor the service there. */
  #endpointOf(route: string, name: string, service?: string): EndpointCounts | undefined {
    const endpoint = name.toWellFormed();
    const overflow = this.#overflowEndpointOf(route);
    const counts = overflow && (this.#endpoints.get(`${route}\n${endpoint}`)?.counts ?? this.#create(route, endpoint));
    return counts === undefined || (service !== undefined && !counts.admit(service)) ? overflow : counts;
  }

  #overflowEndpointOf(route: string): EndpointCounts | undefined {
    return this.#endpoints.get(`${route}\n${OVERFLOW_ENDPOINT}`)?.counts ?? this.#create(route, OVERFLOW_ENDPOINT);
  }

  #create(route: string, endpoint: string): EndpointCounts | undefined {
    if (endpoint.length > MAX_PATH_LENGTH) return undefined;
    if (endpoint !== OVERFLOW_ENDPOINT && this.#endpoints.size >= MAX_ENDPOINTS) return undefined;
    const key = `${route}\n${endpoint}`;
    if (!this.#reserve(ENDPOINT_BYTES + textBytes(key, endpoint))) return undefined;
    const place = { route, endpoint: detachString(endpoint, MAX_PATH_LENGTH) };
    const counts = new EndpointCounts(
      this.#memory,
      this.#random,
      (service, path, hashes) => this.#previous.exchange({ ...place, service }, path, hashes),
    );
    this.#endpoints.set(detachString(key, Infinity), { ...place, counts });
    return counts;
  }
}

/** Adds up snapshots, for example those of workers. The options limit the result. */
export function mergeSnapshots(
  snapshots: readonly StatsSnapshot[],
  options: ComparisonStatsOptions = {},
): StatsSnapshot {
  const stats = new ComparisonStats(options);
  for (const snapshot of snapshots) stats.merge(snapshot);
  return stats.snapshot();
}

/** Returns the differences by the paths under which they are counted. */
function countedPaths({ differences, traits }: Comparison): Map<string, Difference> {
  const byPath = new Map<string, Difference>();
  for (const difference of differences) {
    const { path } = difference;
    const trait = traits?.get(path);
    byPath.set(hasForm(trait) ? withTrait(path, "same-form") : path, difference);
    if (trait !== undefined) byPath.set(withTrait(path, trait), difference);
  }
  return byPath;
}

interface SampleInfo {
  readonly options: CountOptions;
  /** True if the difference is counted together with other paths. */
  readonly isCollective: boolean;
}

function sampleOf(comparison: Comparison, difference: Difference, info: SampleInfo): MismatchSample {
  const { expected, actual } = difference;
  const { options, isCollective } = info;
  // The values of a collective path name the fields to which they belong.
  const prefix = isCollective ? `${difference.path}: ` : "";
  const bodies = options.samples === "bodies" ? options.bodies?.() : undefined;
  return {
    requestId: detachString(comparison.requestId, MAX_ID_LENGTH),
    method: detachString(comparison.method, MAX_ID_LENGTH),
    path: detachString(comparison.path, MAX_PATH_LENGTH),
    ...(comparison.request !== undefined && { request: comparison.request }),
    ...(expected !== undefined && { expected: detachString(prefix + expected, MAX_VALUE_LENGTH) }),
    ...(actual !== undefined && { actual: detachString(prefix + actual, MAX_VALUE_LENGTH) }),
    ...(bodies?.expected !== undefined && { expectedBody: detachString(bodies.expected, MAX_BODY_LENGTH) }),
    ...(bodies?.actual !== undefined && { actualBody: detachString(bodies.actual, MAX_BODY_LENGTH) }),
  };
}

function noResponses(): ResponseCounts {
  return { errors: 0, latency: new LatencyCounts(), total: new LatencyCounts() };
}

function isError(outcome: CapturedOutcome): boolean {
  return !outcome.ok || outcome.response.status >= 500 || outcome.response.hasErrors === true;
}

function countResponse(counts: ResponseCounts, outcome: CapturedOutcome): void {
  if (isError(outcome)) counts.errors++;
  if (outcome.ok) counts.latency.record(outcome.response.durationMs);
}

/** Counts the times to the ends of both bodies. There is none for a body that broke off, so then neither counts. */
function countTotals(
  { primary, responses }: Pick<ServiceTotals, "primary" | "responses">,
  { expected, actual }: Pick<Comparison, "expected" | "actual">,
): void {
  if (!expected.ok || !actual.ok) return;
  const [expectedMs, actualMs] = [expected.response.totalMs, actual.response.totalMs];
  if (expectedMs === undefined || actualMs === undefined) return;
  primary.total.record(expectedMs);
  responses.total.record(actualMs);
}

function mergeResponses(counts: ResponseCounts, { errors, latency, total }: ResponseStats): void {
  counts.errors += errors;
  counts.latency.merge(latency);
  counts.total.merge(total);
}

function responseStats({ errors, latency, total }: ResponseCounts): ResponseStats {
  return { errors, latency: latency.snapshot(), total: total.snapshot() };
}
