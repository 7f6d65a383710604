/** Permits shared by many keys, so that a greedy key cannot take all of them. */

/** Result of {@linkcode FairPermits.tryAcquire}: granted, no permit is free, or the key has reached its limit. */
export type Grant = "granted" | "full" | "key-full";

/** Limits of the permits. */
export interface PermitLimits {
  /** Maximum permits of all keys together. */
  readonly max: number;
  /**
   * Maximum permits of one key.
   *
   * @default A share that falls with the number of permits that are free.
   */
  readonly maxPerKey?: number | undefined;
}

/**
 * Maximum keys without a permit that are kept. Deleting and adding keys for each request would cause garbage
 * collections.
 */
const MAX_UNUSED = 1_024;

/**
 * Counts permits by key. Unlike {@linkcode KeyedSemaphore}, all keys share the permits, and there is no queue.
 *
 * Without `maxPerKey`, the limit of a key is the number of free permits times the ratio of free permits to all. One
 * greedy key gets 38 % of all permits, and 134 greedy keys use up 5,000 permits. Switches share packet buffers with the
 * number of free permits as the limit (Choudhury and Hahne, "Dynamic queue length thresholds", 1998). With that limit,
 * each key would take half of the rest, and 13 keys would use up 5,000 permits.
 */
export class FairPermits {
  #taken = 0;
  #counts = new Map<string, number>();
  #unused = 0;

  /** Number of permits of all keys together. */
  get taken(): number {
    return this.#taken;
  }

  /** Acquires a permit. A key of `undefined` has no limit of its own. */
  tryAcquire(key: string | undefined, { max, maxPerKey }: PermitLimits): Grant {
    if (this.#taken >= max) return "full";
    if (key !== undefined) {
      const held = this.#counts.get(key);
      if ((held ?? 0) >= (maxPerKey ?? this.#fairLimit(max))) return "key-full";
      if (held === 0) this.#unused--;
      this.#counts.set(key, (held ?? 0) + 1);
    }
    this.#taken++;
    return "granted";
  }

  /** Releases a permit that was granted to the key. */
  release(key: string | undefined): void {
    this.#taken--;
    if (key === undefined) return;
    const held = this.#counts.get(key)! - 1;
    this.#counts.set(key, held);
    if (held === 0 && ++this.#unused > MAX_UNUSED) this.#forgetUnused();
  }

  #fairLimit(max: number): number {
    const free = max - this.#taken;
    return max === Infinity ? max : free * free / max;
  }

  #forgetUnused(): void {
    this.#counts = new Map([...this.#counts].filter(([, held]) => held > 0));
    this.#unused = 0;
  }
}
