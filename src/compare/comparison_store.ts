/** The comparison results of one thread. They outlive a configuration if the next one has the same rules. */

import type { Config } from "../config/config.ts";
import { Digest } from "../lib/digest.ts";
import { limitsForRate, TokenBucket } from "../lib/token_bucket.ts";
import { routePattern } from "../observe/events.ts";
import type { Comparison, NotComparable, Unavailable } from "./comparison.ts";
import { ComparisonStats, type CountOptions } from "./comparison_stats.ts";
import { type MismatchEntry, mismatchEntryOf, MismatchFeed } from "./mismatch_feed.ts";
import type { StatsSnapshot } from "./stats_snapshot.ts";

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

/** Counts of all comparisons, and the latest mismatches: the first 50 of each second. */
export class ComparisonStore {
  readonly #listed = new TokenBucket(limitsForRate(MAX_LISTED_PER_SECOND));
  readonly #feed = new MismatchFeed();
  #stats: ComparisonStats | undefined;
  #rulesHash = "";

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
      this.#stats = config.compare === undefined ? undefined : new ComparisonStats({ expected: expectedOf(config) });
    }
    return {
      add: (comparison, options) => {
        if (hash === this.#rulesHash) this.#add(comparison, options);
      },
      addNotComparable: (skipped) => {
        if (hash === this.#rulesHash) this.#stats?.addNotComparable(skipped);
      },
      addUnavailable: (skipped) => {
        if (hash === this.#rulesHash) this.#stats?.addUnavailable(skipped);
      },
    };
  }

  /** Returns the results as plain data, with the mismatches above the id `after`. With `Infinity`, there are none. */
  read(after: number): ComparisonsSnapshot {
    const mismatches = after === Infinity ? [] : this.#feed.after(after);
    return { rulesHash: this.#rulesHash, stats: this.#stats?.snapshot(), mismatches };
  }

  #add(comparison: Comparison, options: CountOptions): void {
    this.#stats?.add(comparison, options);
    const timeMs = Date.now();
    if (comparison.isNoise || comparison.differences.length === 0 || !this.#listed.tryTake(timeMs)) return;
    const { endpoint, samples } = options;
    const entry = mismatchEntryOf(comparison, { endpoint, hasValues: samples !== "none", timeMs });
    if (entry !== undefined) this.#feed.add(entry);
  }
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
