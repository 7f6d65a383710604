/** What a thread has compared so far. It outlives a configuration, as long as the next one compares in the same way. */

import type { Config } from "../config/config.ts";
import { routePattern } from "../observe/route_pattern.ts";
import type { Comparison } from "./comparison.ts";
import { ComparisonTally, type TallyContext } from "./comparison_tally.ts";
import { findMismatch, MismatchFeed } from "./mismatch_feed.ts";
import type { TallySnapshot } from "./tally_snapshot.ts";

/** Counts, and the latest mismatches. */
export class Comparisons {
  /** The latest mismatches. */
  readonly feed: MismatchFeed = new MismatchFeed();
  #tally: ComparisonTally | undefined;
  #rules = "";

  /**
   * Goes on under a configuration. Where that compares in another way, counting begins anew: what was counted by other
   * rules says nothing.
   *
   * @param config The configuration.
   */
  follow(config: Pick<Config, "routes" | "compare">): void {
    const rules = rulesOf(config);
    if (rules === this.#rules) return;
    this.#rules = rules;
    this.#tally = config.compare === undefined ? undefined : new ComparisonTally({ expected: expectedOf(config) });
  }

  /**
   * Counts a comparison.
   *
   * @param comparison The comparison, redacted.
   * @param context Where it is counted, and what is kept of it.
   */
  add(comparison: Comparison, context: TallyContext): void {
    this.#tally?.add(comparison, context);
    const values = context.samples !== "none";
    const found = findMismatch(comparison, { endpoint: context.endpoint, values, timeMs: Date.now() });
    if (found !== undefined) this.feed.add(found);
  }

  /**
   * Gives what was counted as plain data.
   *
   * @returns The counts; `undefined` where nothing is compared.
   */
  snapshot(): TallySnapshot | undefined {
    return this.#tally?.snapshot();
  }
}

function expectedOf({ routes }: Pick<Config, "routes">): { readonly route: string; readonly service: string }[] {
  return routes.flatMap((route) =>
    route.members
      .filter(({ service, role }) => role !== "primary" && service.compare !== undefined && !service.control)
      .map(({ service }) => ({ route: routePattern(route), service: service.name }))
  );
}

/** Regular expressions are texts here, so that all of it is plain. */
function rulesOf({ routes, compare }: Pick<Config, "routes" | "compare">): string {
  if (compare === undefined) return "";
  return JSON.stringify(routes.map((route) => [
    routePattern(route),
    route.members.map(({ service, role }) => [service.name, service.origin, role, service.compare, service.control]),
  ]));
}
