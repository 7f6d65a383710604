/** Token buckets by key, for a bounded number of keys. */

import { TokenBucket } from "./token_bucket.ts";

/** Options of {@linkcode KeyedBudget}. */
export interface KeyedBudgetOptions {
  /** Capacity of each bucket. New keys start with a full bucket. */
  readonly capacity: number;
  /** Refill of each bucket per second. */
  readonly perSecond: number;
  /** Maximum number of keys. Default: 4,096. */
  readonly maxKeys?: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

const DEFAULT_MAX_KEYS = 4_096;

/** Token buckets by key. A new key replaces the least recently used, which starts with a full bucket if it returns. */
export class KeyedBudget {
  readonly #options: KeyedBudgetOptions;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: KeyedBudgetOptions) {
    this.#options = options;
  }

  /** Returns the time in milliseconds until a key may spend again; 0 for now. */
  waitMs(key: string): number {
    const { capacity, perSecond, now } = this.#options;
    const level = this.#buckets.get(key)?.level(now()) ?? capacity;
    return level > 0 ? 0 : Math.ceil((1 - level) / perSecond * 1_000);
  }

  /**
   * Spends an amount after the work, when its cost is known. A bucket may become negative, and must then refill first.
   */
  spend(key: string, amount: number): void {
    const { capacity, perSecond, now, maxKeys = DEFAULT_MAX_KEYS } = this.#options;
    const bucket = this.#buckets.get(key) ?? new TokenBucket({ capacity, ratePerSecond: perSecond });
    bucket.take(amount, now());
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > maxKeys) this.#buckets.delete(this.#buckets.keys().next().value!);
  }
}
