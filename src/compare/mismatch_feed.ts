/** The latest mismatches, one after the other. */

import type { Comparison } from "./comparison.ts";
import type { Difference } from "./difference.ts";
import { detachString } from "../lib/detach_string.ts";

/** A comparison whose answers differed. */
export interface MismatchEntry {
  /** Rises from entry to entry; the place to go on from. */
  readonly id: number;
  /** When it was found, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern. */
  readonly route: string;
  /** The endpoint: method and path with its variable segments as `{…}`. */
  readonly endpoint: string;
  /** The service that differs from the primary. */
  readonly service: string;
  /** The request method. */
  readonly method: string;
  /** The request path, without the query. */
  readonly path: string;
  /** How the answers differ, noise or not: at most ten. */
  readonly differences: readonly Difference[];
  /** How many more differences there are; absent where there are none. */
  readonly more?: number;
}

/** A mismatch without its number: it is given where all workers' mismatches come together. */
export type FoundMismatch = Omit<MismatchEntry, "id">;

/** What an entry has that its comparison does not tell. */
export interface MismatchContext {
  /** The endpoint. */
  readonly endpoint: string;
  /** Whether values are kept; not with `samples: none`. */
  readonly values: boolean;
  /** The time, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** How a feed is set up. */
export interface MismatchFeedOptions {
  /**
   * How many entries are kept; the oldest make room.
   *
   * @default 200
   */
  readonly maxEntries?: number;
}

const DEFAULT_MAX_ENTRIES = 200;
const MAX_DIFFERENCES = 10;
const MAX_TEXT_LENGTH = 256;

/** Keeps the latest mismatches in a ring: at most 200 entries of at most 16 KiB. */
export class MismatchFeed {
  readonly #maxEntries: number;
  readonly #entries: MismatchEntry[] = [];
  #last = 0;

  /**
   * Makes an empty feed.
   *
   * @param options Its bounds.
   */
  constructor(options: MismatchFeedOptions = {}) {
    this.#maxEntries = options.maxEntries ?? DEFAULT_MAX_ENTRIES;
  }

  /**
   * Keeps a mismatch.
   *
   * @param found What {@linkcode findMismatch} has found.
   */
  add(found: FoundMismatch): void {
    // One more by one shift: the ring is short.
    if (this.#entries.push({ id: ++this.#last, ...found }) > this.#maxEntries) this.#entries.shift();
  }

  /**
   * Gives the entries that came after one.
   *
   * @param id The id of the last one that is known; 0 for all. One that is higher than any, as after a restart, is 0.
   * @returns The entries that are still kept, oldest first.
   */
  after(id: number): readonly MismatchEntry[] {
    return id > this.#last ? [...this.#entries] : this.#entries.filter((entry) => entry.id > id);
  }
}

/**
 * Makes what the feed keeps of a comparison.
 *
 * @param comparison The comparison; its path and values have been redacted.
 * @param context What it does not tell.
 * @returns The mismatch; `undefined` where the answers are alike, or the comparison shows noise.
 */
export function findMismatch(comparison: Comparison, context: MismatchContext): FoundMismatch | undefined {
  const { differences, isNoise } = comparison;
  if (isNoise || differences.length === 0) return undefined;
  const { requestId, route, service, method, path } = comparison;
  const more = differences.length - MAX_DIFFERENCES;
  return {
    timeMs: context.timeMs,
    requestId: own(requestId),
    route,
    endpoint: own(context.endpoint),
    service,
    method: own(method),
    path: own(path),
    differences: differences.slice(0, MAX_DIFFERENCES).map((difference) => keep(difference, context.values)),
    ...(more > 0 && { more }),
  };
}

function keep({ path, kind, expected, actual }: Difference, values: boolean): Difference {
  return {
    path: own(path),
    kind,
    ...(values && expected !== undefined && { expected: own(expected) }),
    ...(values && actual !== undefined && { actual: own(actual) }),
  };
}

function own(text: string): string {
  return detachString(text, MAX_TEXT_LENGTH);
}
