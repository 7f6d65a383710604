/** A ratio of a sequence of requests, selected at random. */

/**
 * Samples one request at a random position of each stretch: at 10 %, one of every ten requests. Random, because traffic
 * repeats itself: a page requests the same ten resources each time, and every tenth request would always be the same.
 *
 * Of any number of requests, the sample differs from the ratio by at most 2. A {@linkcode NestedSampler} differs by
 * more within a cycle, but keeps its requests when the ratio grows.
 */
export class Sampler {
  readonly #ratio: number;
  readonly #random: () => number;
  /** Position in stretches, since the beginning of the current one. */
  #position = 0;
  /** Position of the next sampled request. */
  #next: number;

  /** Starts at the beginning of a stretch. The ratio and the random numbers are between 0 and 1. */
  constructor(ratio: number, random: () => number = Math.random) {
    this.#ratio = ratio;
    this.#random = random;
    this.#next = random();
  }

  /** Moves on to the next request, and reports whether it is in the sample. */
  next(): boolean {
    this.#position += this.#ratio;
    if (this.#position <= this.#next) return false;
    // The position in the next stretch may have passed already. It is then the next request.
    this.#next = Math.floor(this.#next) + 1 + this.#random();
    const stretches = Math.floor(Math.min(this.#position, this.#next));
    this.#position -= stretches;
    this.#next -= stretches;
    return true;
  }
}
