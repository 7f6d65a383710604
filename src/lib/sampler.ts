/** An exact share of a row of requests, which of them is left to chance. */

/**
 * Chooses requests. One after the other, as many as the share says are chosen out of each stretch: of ten in a row one, at
 * 10 %. Which one is drawn: people's traffic repeats itself (a page asks for the same ten things each time), and every tenth
 * request would be the same one for ever.
 */
export class Sampler {
  readonly #share: number;
  readonly #random: () => number;
  /** How many requests are due, in whole stretches and parts of one; counted from the beginning of a stretch. */
  #passed = 0;
  /** Where the next request is chosen, counted in the same way. */
  #next: number;

  /**
   * Starts at the beginning of a stretch.
   *
   * @param share The share, 0 to 1.
   * @param random Draws from 0 up to 1.
   */
  constructor(share: number, random: () => number = Math.random) {
    this.#share = share;
    this.#random = random;
    this.#next = random();
  }

  /**
   * Goes on to the next request.
   *
   * @returns Whether it is chosen.
   */
  next(): boolean {
    this.#passed += this.#share;
    if (this.#passed <= this.#next) return false;
    // The next one is in the next stretch. Where that has begun already, it may be due at once: then it is the next request.
    this.#next = Math.floor(this.#next) + 1 + this.#random();
    const whole = Math.floor(Math.min(this.#passed, this.#next));
    this.#passed -= whole;
    this.#next -= whole;
    return true;
  }
}
