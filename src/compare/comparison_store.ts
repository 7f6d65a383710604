/** The comparison results of one thread. They outlive a configuration if the next one has the same rules. */

import type { Config } from "../config/config.ts";
import { Digest } from "../lib/digest.ts";
import { detachString } from "../lib/memory_budget.ts";
import { limitsForRate, TokenBucket } from "../lib/token_bucket.ts";
import { routePattern } from "../observe/events.ts";
import type { Comparison, NotComparable, Unavailable } from "./comparison.ts";
import { ComparisonStats, type CountOptions, mergeSnapshots } from "./comparison_stats.ts";
import { type MismatchEntry, mismatchEntryOf, MismatchFeed } from "./mismatch_feed.ts";
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
const PERIOD_MS = 600_000;
/** Maximum periods. Above it, the two oldest are merged. */
const MAX_PERIODS = 7;
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
  /** Counts of earlier periods, oldest first. */
  #earlier: StatsSnapshot[] = [];
  #expected: ReturnType<typeof expectedOf> = [];
  /** Start of each known build, by {@linkcode tallyKey}, in the order of their appearance. */
  readonly #builds = new Map<string, number>();
  #rulesHash = "";

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
   * periods that began at `sinceMs` or later count. Default: all.
   */
  read(after: number, sinceMs = 0): ComparisonsSnapshot {
    const mismatches = after === Infinity ? [] : this.#feed.after(after);
    return { rulesHash: this.#rulesHash, stats: this.#read(sinceMs), mismatches };
  }

  #read(sinceMs: number): StatsSnapshot | undefined {
    const current = this.#stats?.snapshot();
    if (current === undefined || this.#earlier.length === 0) return current;
    // The current period always counts, so that there is a report with its own start.
    return mergeSnapshots([...this.#earlier.filter((period) => period.sinceMs >= sinceMs), current]);
  }

  #restart(): void {
    this.#earlier = [];
    this.#builds.clear();
    this.#begin();
  }

  #begin(): void {
    this.#startedMs = this.#now();
    this.#stats = new ComparisonStats({ expected: this.#expected, now: this.#now });
  }

  /** Counts of the current period, after a new one has begun if it is time. */
  get #current(): ComparisonStats | undefined {
    if (this.#stats !== undefined && this.#now() - this.#startedMs >= PERIOD_MS) {
      this.#earlier.push(this.#stats.snapshot());
      if (this.#earlier.length >= MAX_PERIODS) {
        const [first, second, ...later] = this.#earlier;
        this.#earlier = [mergeSnapshots([first!, second!]), ...later];
      }
      this.#begin();
    }
    return this.#stats;
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
    this.#earlier = this.#earlier.map((period) => withoutService(period, key));
    const kept = withoutService(this.#stats!.snapshot(), key);
    this.#stats = new ComparisonStats({ expected: this.#expected, now: this.#now });
    this.#stats.merge(kept);
  }
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
