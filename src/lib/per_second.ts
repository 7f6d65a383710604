/** Limit for events per second. */

/** Counts events within the current second of the clock. */
export class PerSecond {
  readonly #max: number;
  #second = 0;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts an event at a time in milliseconds. Returns `false`, and does not count it, above the limit. */
  tryTake(timeMs: number): boolean {
    const second = Math.floor(timeMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    return this.#taken < this.#max && ++this.#taken > 0;
  }
}
