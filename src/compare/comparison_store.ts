/** The comparison results of one thread. They outlive a configuration if the next one has the same rules. */

import type { Config } from "../config/config.ts";
import { Digest } from "../lib/digest.ts";
import { detachString } from "../lib/memory_budget.ts";
import { limitsForRate, TokenBucket } from "../lib/token_bucket.ts";
import { routePattern } from "../observe/events.ts";
import type { Comparison, NotComparable, Unavailable } from "./comparison.ts";
import { ComparisonStats, type CountOptions, mergeSnapshots } from "./comparison_stats.ts";
import { type MismatchEntry, mismatchEntryOf, MismatchFeed } from "./mismatch_feed.ts";
import { PreviousValues } from "./previous_values.ts";
import { splitTallyKey, type StatsSnapshot, tallyKey } from "./stats_snapshot.ts";

/** Comparison results as plain data, which workers send to the main thread. */
export interface ComparisonsSnapshot {
  /** Digest of the rules. Counts under different rules must not be added up. */
  readonly rulesHash: string;
  /** The counts; `undefined` if comparison is off. */
  readonly stats: StatsSnapshot | undefined;
  /** Latest mismatches above the requested id, oldest first. */
  readonly mismatches: readonly MismatchEntry[];
}

/** Counts comparisons. */
export interface ComparisonCounter {
  /** Counts a comparison. */
  add(comparison: Comparison, options: CountOptions): void;
  /** Counts responses that are not comparable. */
  addNotComparable(skipped: NotComparable): void;
  /** Counts a request that a candidate did not get, because of its breaker or its health checks. */
  addUnavailable(skipped: Unavailable): void;
}

/** Maximum mismatches listed per second. Copying the texts of a mismatch costs more than finding and counting it. */
const MAX_LISTED_PER_SECOND = 50;
/** Time after which a new period of counts begins, in milliseconds. */
const PERIOD_MS = 60_000;
/** Maximum earlier periods. Above it, two are merged, so that periods are longer the older they are. */
const MAX_PERIODS = 8;
/** Maximum memory of the earlier periods in bytes, by estimate. Above it, they become one. */
const MAX_EARLIER_BYTES = 16_777_216;
/** Maximum builds of all services. Above it, the oldest is forgotten. */
const MAX_BUILDS = 32;
/** Minimum time between two new builds of a service, in milliseconds, because a version may change in each response. */
const MIN_BUILD_MS = 1_000;
const MAX_BUILD_LENGTH = 64;

/** Options of {@linkcode ComparisonStore}. */
export interface ComparisonStoreOptions {
  /**
   * Returns the time in milliseconds since 1970.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** Counts of all comparisons by period, and the latest mismatches: the first 50 of each second. */
export class ComparisonStore {
  readonly #listed = new TokenBucket(limitsForRate(MAX_LISTED_PER_SECOND));
  readonly #feed = new MismatchFeed();
  readonly #now: () => number;
  /** Counts of the current period. */
  #stats: ComparisonStats | undefined;
  #startedMs = 0;
  /** Earlier periods, oldest first. */
  #earlier: Period[] = [];
  /** Counts of all earlier periods; `undefined` until they are read. */
  #merged: StatsSnapshot | undefined;
  #expected: ReturnType<typeof expectedOf> = [];
  /** Start of each known build, by {@linkcode tallyKey}, in the order of their appearance. */
  readonly #builds = new Map<string, number>();
  #rulesHash = "";
  /** Values of the comparisons before, of all periods. */
  #previous = new PreviousValues();

  /** Creates a store without counts. */
  constructor({ now = Date.now }: ComparisonStoreOptions = {}) {
    this.#now = now;
  }

  /**
   * Applies a configuration, and returns its counter. If the comparison rules differ, counting starts again, because
   * counts under different rules cannot be added up.
   *
   * A counter stops counting when other rules apply: requests finish on the configuration on which they started.
   */
  reconfigure(config: Pick<Config, "routes" | "compare">): ComparisonCounter {
    const hash = rulesHash(config);
    if (hash !== this.#rulesHash) {
      this.#rulesHash = hash;
      this.#expected = expectedOf(config);
      if (config.compare === undefined) this.#stats = undefined;
      else this.#restart();
    }
    const ifCurrent = <T extends unknown[]>(count: (...values: T) => void) => (...values: T) => {
      if (hash === this.#rulesHash) count(...values);
    };
    return {
      add: ifCurrent((comparison: Comparison, options: CountOptions) => this.#add(comparison, options)),
      addNotComparable: ifCurrent((skipped: NotComparable) => this.#current?.addNotComparable(this.#counted(skipped))),
      addUnavailable: ifCurrent((skipped: Unavailable) => this.#current?.addUnavailable(this.#counted(skipped))),
    };
  }

  /** Starts counting again. The mismatches stay listed. */
  reset(): void {
    if (this.#stats !== undefined) this.#restart();
  }

  /**
   * Returns the results as plain data, with the mismatches above the id `after`. With `Infinity`, there are none. Only
   * periods that began at `sinceMs` or later count: one per minute for recent times. Default: all.
   */
  read(after: number, sinceMs = 0): ComparisonsSnapshot {
    const mismatches = after === Infinity ? [] : this.#feed.after(after);
    return { rulesHash: this.#rulesHash, stats: this.#read(sinceMs), mismatches };
  }

  #read(sinceMs: number): StatsSnapshot | undefined {
    const current = this.#current?.snapshot();
    if (current === undefined) return undefined;
    if (sinceMs > current.sinceMs) return new ComparisonStats({ expected: this.#expected, now: this.#now }).snapshot();
    if (this.#earlier.length === 0) return current;
    if (sinceMs <= this.#earlier[0]!.stats.sinceMs) {
      this.#merged ??= mergeSnapshots(this.#earlier.map(({ stats }) => stats));
      return mergeSnapshots([this.#merged, current]);
    }
    const periods = this.#earlier.filter(({ stats }) => stats.sinceMs >= sinceMs);
    return mergeSnapshots([...periods.map(({ stats }) => stats), current]);
  }

  #restart(): void {
    this.#setEarlier([]);
    this.#builds.clear();
    this.#previous = new PreviousValues();
    this.#begin();
  }

  #begin(): void {
    this.#startedMs = this.#now();
    this.#stats = this.#createStats();
  }

  #createStats(): ComparisonStats {
    return new ComparisonStats({ expected: this.#expected, now: this.#now, previous: this.#previous });
  }

  /** Counts of the current period. Begins a new period if the last one is over. */
  get #current(): ComparisonStats | undefined {
    if (this.#stats !== undefined && this.#now() - this.#startedMs >= PERIOD_MS) {
      const period = { stats: this.#stats.snapshot(), endMs: this.#now(), bytes: this.#stats.usedBytes };
      this.#setEarlier(mergePeriods([...this.#earlier, period]));
      this.#begin();
    }
    return this.#stats;
  }

  #setEarlier(periods: Period[]): void {
    this.#earlier = periods;
    this.#merged = undefined;
  }

  #add(comparison: Comparison, options: CountOptions): void {
    const build = this.#buildOf(comparison);
    this.#current?.add(comparison, build === undefined ? options : { ...options, build });
    const timeMs = this.#now();
    if (comparison.isNoise || comparison.differences.length === 0 || !this.#listed.tryTake(timeMs)) return;
    const { endpoint, samples } = options;
    const entry = mismatchEntryOf(comparison, { endpoint, hasValues: samples !== "none", timeMs });
    if (entry !== undefined) this.#feed.add(entry);
  }

  #counted<T extends { readonly service: string }>(skipped: T): T {
    return this.#builds.size === 0
      ? skipped
      : { ...skipped, service: tallyKey(skipped.service, this.#latestBuild(skipped.service)) };
  }

  /** Returns the build of a comparison. A service without a response is the latest build. */
  #buildOf({ service, build, isNoise }: Comparison): string | undefined {
    if (isNoise) return undefined;
    if (build === undefined) return this.#builds.size === 0 ? undefined : this.#latestBuild(service);
    const key = tallyKey(service, detachString(build, MAX_BUILD_LENGTH));
    if (!this.#builds.has(key) && !this.#addBuild(service, key)) return this.#latestBuild(service);
    return splitTallyKey(key).build;
  }

  #addBuild(service: string, key: string): boolean {
    const latest = this.#latestBuild(service);
    const nowMs = this.#now();
    const latestMs = latest === undefined ? -Infinity : this.#builds.get(tallyKey(service, latest))!;
    if (nowMs - latestMs < MIN_BUILD_MS) return false;
    this.#builds.set(key, nowMs);
    if (this.#builds.size > MAX_BUILDS) this.#forget([...this.#builds.keys()][0]!);
    return true;
  }

  #latestBuild(service: string): string | undefined {
    const key = [...this.#builds.keys()].findLast((key) => splitTallyKey(key).service === service);
    return key === undefined ? undefined : splitTallyKey(key).build;
  }

  #forget(key: string): void {
    this.#builds.delete(key);
    this.#setEarlier(
      this.#earlier.map((period) => ({ ...period, stats: withoutService(period.stats, key) })),
    );
    const kept = withoutService(this.#stats!.snapshot(), key);
    this.#stats = this.#createStats();
    this.#stats.merge(kept);
  }
}

/** An earlier period. */
interface Period {
  readonly stats: StatsSnapshot;
  readonly endMs: number;
  /** Memory in bytes, by estimate. */
  readonly bytes: number;
}

/** Merges periods until the limits hold: the two neighbours that are the shortest together for their age. */
function mergePeriods(periods: Period[]): Period[] {
  if (periods.length <= 1) return periods;
  const nowMs = periods.at(-1)!.endMs;
  if (periods.reduce((sum, { bytes }) => sum + bytes, 0) > MAX_EARLIER_BYTES) return [joinPeriods(periods)];
  if (periods.length <= MAX_PERIODS) return periods;
  let [best, at] = [Infinity, 0];
  for (let index = 0; index + 1 < periods.length; index++) {
    const [first, second] = [periods[index]!, periods[index + 1]!];
    const ratio = (second.endMs - first.stats.sinceMs) / (nowMs - first.stats.sinceMs);
    if (ratio < best) [best, at] = [ratio, index];
  }
  return periods.toSpliced(at, 2, joinPeriods(periods.slice(at, at + 2)));
}

function joinPeriods(periods: readonly Period[]): Period {
  return {
    stats: mergeSnapshots(periods.map(({ stats }) => stats)),
    endMs: periods.at(-1)!.endMs,
    bytes: Math.max(...periods.map(({ bytes }) => bytes)),
  };
}

function withoutService(snapshot: StatsSnapshot, key: string): StatsSnapshot {
  return {
    ...snapshot,
    services: snapshot.services.filter(({ service }) => service !== key),
    endpoints: snapshot.endpoints.map((endpoint) => ({
      ...endpoint,
      services: endpoint.services.filter(({ service }) => service !== key),
    })),
  };
}

function expectedOf({ routes }: Pick<Config, "routes">): { readonly route: string; readonly service: string }[] {
  return routes.flatMap((route) =>
    route.members
      .filter(({ service, role }) => role !== "primary" && service.compare !== undefined && !service.control)
      .map(({ service }) => ({ route: routePattern(route), service: service.name }))
  );
}

/** Returns a digest of all settings that affect comparisons; an empty text if comparison is off. */
export function rulesHash({ routes, compare }: Pick<Config, "routes" | "compare">): string {
  if (compare === undefined) return "";
  const digest = new Digest();
  // Regular expressions are texts in the configuration, so all settings are plain data.
  const rules = routes.map((route) => [
    routePattern(route),
    route.members.map(({ service, role }) => [service.name, service.origin, role, service.compare, service.control]),
  ]);
  digest.update(new TextEncoder().encode(JSON.stringify(rules)));
  return digest.toString();
}
