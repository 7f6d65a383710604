/** No more than a number in any one second: for what is shown to people, who read no more. */

/** Counts what happens within the current second. */
export class PerSecond {
  readonly #max: number;
  #second = 0;
  #taken = 0;

  /**
   * Starts with nothing.
   *
   * @param max How many there may be in one second.
   */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Asks for one more.
   *
   * @param timeMs The time, in milliseconds.
   * @returns Whether it is within the bound; then it counts.
   */
  tryTake(timeMs: number): boolean {
    const second = Math.floor(timeMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    return this.#taken < this.#max && ++this.#taken > 0;
  }
}
