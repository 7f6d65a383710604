/** A feed of the latest mismatches. */

import { detachString } from "../lib/memory_budget.ts";
import type { Comparison } from "./comparison.ts";
import type { Difference } from "./difference.ts";
import type { RequestSample } from "./report.ts";

/** A comparison with differences. */
export interface MismatchEntry {
  /** Increases from entry to entry. Clients continue after the last id that they have received. */
  readonly id: number;
  /** Time of the comparison, in milliseconds since 1970. */
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
  /** The request, redacted as configured. Absent with `samples: none`. */
  readonly request?: RequestSample;
  /** At most ten differences, noise included. */
  readonly differences: readonly Difference[];
  /** Number of further differences. Absent if there are none. */
  readonly more?: number;
}

/** A mismatch without an id. Ids are assigned when the mismatches of all workers are joined. */
export type UnnumberedMismatch = Omit<MismatchEntry, "id">;

/** Properties of an entry that its comparison does not have. */
export interface MismatchContext {
  /** Name of the endpoint. */
  readonly endpoint: string;
  /** False if samples of values are off. */
  readonly hasValues: boolean;
  /** Time of the comparison, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** Options of {@linkcode MismatchFeed}. */
export interface MismatchFeedOptions {
  /**
   * Maximum entries. Further ones replace the oldest.
   *
   * @default 200
   */
  readonly maxEntries?: number;
}

const DEFAULT_MAX_ENTRIES = 200;
/** Maximum differences of an entry. */
const MAX_DIFFERENCES = 10;
/** Maximum length of each text of an entry, in characters. */
const MAX_TEXT_LENGTH = 256;

/** Keeps the latest mismatches: at most 200 entries of at most 40 KiB. */
export class MismatchFeed {
  readonly #maxEntries: number;
  readonly #entries: MismatchEntry[] = [];
  #lastId = 0;

  /** Creates an empty feed. */
  constructor(options: MismatchFeedOptions = {}) {
    this.#maxEntries = options.maxEntries ?? DEFAULT_MAX_ENTRIES;
  }

  /** Adds a mismatch with the next id. */
  add(mismatch: UnnumberedMismatch): void {
    // `shift()` is fast, because the array is short.
    if (this.#entries.push({ id: ++this.#lastId, ...mismatch }) > this.#maxEntries) this.#entries.shift();
  }

  /**
   * Returns the entries with higher ids, oldest first; 0 returns all. An id above the last one, as a client has after a
   * restart, returns all as well.
   */
  after(id: number): readonly MismatchEntry[] {
    return id > this.#lastId ? [...this.#entries] : this.#entries.filter((entry) => entry.id > id);
  }
}

/**
 * Returns the feed entry of a comparison; `undefined` if the responses match, or if the comparison measures noise. Path
 * and values of the comparison must be redacted already.
 */
export function mismatchEntryOf(comparison: Comparison, context: MismatchContext): UnnumberedMismatch | undefined {
  const { differences, isNoise } = comparison;
  if (isNoise || differences.length === 0) return undefined;
  const { requestId, route, service, method, path } = comparison;
  const more = differences.length - MAX_DIFFERENCES;
  return {
    timeMs: context.timeMs,
    requestId: detach(requestId),
    route,
    endpoint: detach(context.endpoint),
    service,
    method: detach(method),
    path: detach(path),
    ...(context.hasValues && comparison.request !== undefined && { request: comparison.request }),
    differences: differences.slice(0, MAX_DIFFERENCES).map((each) => detachDifference(each, context.hasValues)),
    ...(more > 0 && { more }),
  };
}

function detachDifference({ path, kind, expected, actual }: Difference, hasValues: boolean): Difference {
  return {
    path: detach(path),
    kind,
    ...(hasValues && expected !== undefined && { expected: detach(expected) }),
    ...(hasValues && actual !== undefined && { actual: detach(actual) }),
  };
}

function detach(text: string): string {
  return detachString(text, MAX_TEXT_LENGTH);
}
