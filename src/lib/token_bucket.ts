/** A token bucket that refills with time, with credits, or with both. */

/** Limits of a {@linkcode TokenBucket}. */
export interface BucketLimits {
  /** Maximum number of tokens; `Infinity` for no limit at all. */
  readonly capacity: number;
  /** Tokens added per second. Default: 0, which leaves only credits. */
  readonly ratePerSecond?: number;
}

/** Rounding errors: ten credits of a tenth add up to a little less than 1. */
const ONE = 1 - 1e-9;

/** Returns the limits for a rate: the tokens of one second, at least one, may be taken at once. */
export function limitsForRate(ratePerSecond: number): BucketLimits {
  return { capacity: ratePerSecond === 0 ? 0 : Math.max(1, ratePerSecond), ratePerSecond };
}

/** Tokens that are taken one by one, or in any amount after the work. A new bucket is full. */
export class TokenBucket {
  #capacity: number;
  #ratePerSecond: number;
  #tokens = Infinity;
  #refilledMs = 0;

  constructor({ capacity, ratePerSecond = 0 }: BucketLimits) {
    this.#capacity = capacity;
    this.#ratePerSecond = ratePerSecond;
  }

  /** Replaces the limits. The tokens stay, as far as they fit. */
  reconfigure({ capacity, ratePerSecond = 0 }: BucketLimits): void {
    this.#capacity = capacity;
    this.#ratePerSecond = ratePerSecond;
  }

  /** Takes one token, and reports whether there was one. The time is needed only with a rate. */
  tryTake(nowMs = 0): boolean {
    if (this.#capacity === Infinity) return true;
    if (this.level(nowMs) < ONE) return false;
    this.#tokens--;
    return true;
  }

  /**
   * Takes an amount after the work, when its cost is known. The bucket may become negative, and must then refill first.
   */
  take(amount: number, nowMs = 0): void {
    this.#tokens = this.level(nowMs) - amount;
  }

  /** Adds tokens, up to the capacity. */
  credit(amount: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + amount);
  }

  /** Refills the bucket, and returns the number of tokens. */
  level(nowMs = 0): number {
    const added = Math.max(0, nowMs - this.#refilledMs) / 1_000 * this.#ratePerSecond;
    this.#refilledMs = nowMs;
    return this.#tokens = Math.min(this.#capacity, this.#tokens + added);
  }
}
