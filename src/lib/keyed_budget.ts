/** Token buckets by key, for a bounded number of keys. */

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

interface Bucket {
  level: number;
  refilledMs: number;
}

const DEFAULT_MAX_KEYS = 4_096;

/** Token buckets by key. A new key replaces the least recently used, which starts with a full bucket if it returns. */
export class KeyedBudget {
  readonly #options: KeyedBudgetOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: KeyedBudgetOptions) {
    this.#options = options;
  }

  /** Returns the time in milliseconds until a key may spend again; 0 for now. */
  waitMs(key: string): number {
    const level = this.#refill(key)?.level ?? this.#options.capacity;
    return level > 0 ? 0 : Math.ceil((1 - level) / this.#options.perSecond * 1_000);
  }

  /** Spends an amount after the work, when its cost is known. A bucket may become negative, and must then refill first. */
  spend(key: string, amount: number): void {
    const { capacity, now, maxKeys = DEFAULT_MAX_KEYS } = this.#options;
    const bucket = this.#refill(key) ?? { level: capacity, refilledMs: now() };
    bucket.level -= amount;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > maxKeys) this.#buckets.delete(this.#buckets.keys().next().value!);
  }

  #refill(key: string): Bucket | undefined {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return undefined;
    const { capacity, perSecond, now } = this.#options;
    const nowMs = now();
    bucket.level = Math.min(capacity, bucket.level + (nowMs - bucket.refilledMs) / 1_000 * perSecond);
    bucket.refilledMs = nowMs;
    return bucket;
  }
}
