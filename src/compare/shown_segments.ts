/** Segments of JSON paths as they are shown: without secrets. */

import type { Segment } from "../config/body_path.ts";
import { detachString } from "../lib/memory_budget.ts";
import { redactText } from "../lib/secret_text.ts";

/**
 * Characters of a key that are searched for secrets. Paths show fewer, because a secret that is cut off might not be
 * recognised.
 */
const MAX_KEY_LENGTH = 400;
/** Maximum cached keys, and their maximum length: at most 128 KiB. Most paths have few keys, which are short. */
const [MAX_CACHED_KEYS, MAX_CACHED_LENGTH] = [1_000, 64];

/** Redacts the keys in paths, with a cache, because searching a key for secrets costs more than comparing its value. */
export class ShownSegments {
  readonly #cached = new Map<string, string>();

  /** Returns a segment without secrets. All secrets get the same mark, because differences are counted by path. */
  get(segment: Segment): Segment {
    if (typeof segment !== "string") return segment;
    const known = this.#cached.get(segment);
    if (known !== undefined) return known;
    const shown = redactText(segment.slice(0, MAX_KEY_LENGTH));
    if (segment.length <= MAX_CACHED_LENGTH && this.#cached.size < MAX_CACHED_KEYS) {
      const key = detachString(segment, MAX_CACHED_LENGTH);
      this.#cached.set(key, shown === segment ? key : shown);
    }
    return shown;
  }
}
