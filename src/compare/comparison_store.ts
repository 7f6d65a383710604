/** What a thread has compared so far. It outlives a configuration, as long as the next one compares in the same way. */

import type { Config } from "../config/config.ts";
import { BodyDigest } from "./body_digest.ts";
import { limitsForRate, TokenBucket } from "../lib/token_bucket.ts";
import { routePattern } from "../observe/events.ts";
import type { Comparison, NotComparable } from "./comparison.ts";
import { ComparisonStats, type TallyContext } from "./comparison_stats.ts";
import { findMismatch, type MismatchEntry, MismatchFeed } from "./mismatch_feed.ts";
import type { TallySnapshot } from "./tally_snapshot.ts";

/** What has been compared, as plain data: it goes from worker to main thread. */
export interface ComparisonsReading {
  /** What says by which rules: counts by others are not to be added. */
  readonly rules: string;
  /** The counts; `undefined` where nothing is compared. */
  readonly tally: TallySnapshot | undefined;
  /** The latest mismatches with a higher id than was asked for, oldest first. */
  readonly mismatches: readonly MismatchEntry[];
}

/** Counts comparisons. */
export interface ComparisonCounter {
  /** Counts a comparison. Samples are redacted as the context says. */
  made(comparison: Comparison, context: TallyContext): void;
  /** Counts responses that are not comparable. */
  notComparable(skipped: NotComparable): void;
}

/** How many mismatches of one second are listed: copying their texts costs more than to find and to count them. */
const LISTED_PER_SECOND = 50;

/** Counts, and the latest mismatches: of those that come faster than 50 in a second, the first ones. */
export class ComparisonStore {
  readonly #listed = new TokenBucket(limitsForRate(LISTED_PER_SECOND));
  readonly #feed = new MismatchFeed();
  #tally: ComparisonStats | undefined;
  #rules = "";

  /**
   * Applies a configuration. If its comparison settings differ, counting starts again: counts under other rules mean
   * nothing.
   *
   * @param config The configuration.
   * @returns The counter for comparisons under this configuration. It stops counting when other settings apply, because
   * requests finish on the configuration on which they began.
   */
  reconfigure(config: Pick<Config, "routes" | "compare">): ComparisonCounter {
    const rules = rulesHash(config);
    if (rules !== this.#rules) {
      this.#rules = rules;
      this.#tally = config.compare === undefined ? undefined : new ComparisonStats({ expected: expectedOf(config) });
    }
    return {
      made: (comparison, context) => {
        if (rules === this.#rules) this.#add(comparison, context);
      },
      notComparable: (skipped) => {
        if (rules === this.#rules) this.#tally?.addNotComparable(skipped);
      },
    };
  }

  /**
   * Gives what has been compared.
   *
   * @param after The highest id of a mismatch that is known already; with Infinity none is listed.
   * @returns It as plain data.
   */
  read(after: number): ComparisonsReading {
    const mismatches = after === Infinity ? [] : this.#feed.after(after);
    return { rules: this.#rules, tally: this.#tally?.snapshot(), mismatches };
  }

  #add(comparison: Comparison, context: TallyContext): void {
    this.#tally?.add(comparison, context);
    const timeMs = Date.now();
    if (comparison.isNoise || comparison.differences.length === 0 || !this.#listed.tryTake(timeMs)) return;
    const found = findMismatch(comparison, { endpoint: context.endpoint, values: context.samples !== "none", timeMs });
    if (found !== undefined) this.#feed.add(found);
  }
}

function expectedOf({ routes }: Pick<Config, "routes">): { readonly route: string; readonly service: string }[] {
  return routes.flatMap((route) =>
    route.members
      .filter(({ service, role }) => role !== "primary" && service.compare !== undefined && !service.control)
      .map(({ service }) => ({ route: routePattern(route), service: service.name }))
  );
}

/**
 * Says in short how a configuration compares.
 *
 * @param config The configuration.
 * @returns A text that is another one where it compares in another way; empty where it compares nothing.
 */
export function rulesHash({ routes, compare }: Pick<Config, "routes" | "compare">): string {
  if (compare === undefined) return "";
  const digest = new BodyDigest();
  // Regular expressions are texts there, so that all of it is plain.
  const rules = routes.map((route) => [
    routePattern(route),
    route.members.map(({ service, role }) => [service.name, service.origin, role, service.compare, service.control]),
  ]);
  digest.update(new TextEncoder().encode(JSON.stringify(rules)));
  return digest.toString();
}
