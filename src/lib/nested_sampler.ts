/** An exact ratio of a sequence of requests, where a larger ratio includes the requests of a smaller one. */

import { stableHash } from "./stable_hash.ts";

/** Requests in a cycle. The ratio is exact for any 1,000 consecutive requests. */
const CYCLE = 1_000;
/** Weight of one request of a cycle, in billionths of the requests. Integers compare without rounding errors. */
const PARTS = 1_000_000;
/** A ratio between two multiples of 1/1,000 gets one more request in some cycles. The golden ratio spreads them. */
const PARTS_PER_CYCLE = 618_033;
const BASE = 10;

/**
 * Samples requests by their rank in a fixed order, which depends only on the name. Unlike {@linkcode Sampler}, the
 * ratio may change with every request, as it does during a ramp.
 */
export class NestedSampler {
  readonly #name: string;
  /** Position in the cycle. */
  #cursor = 0;
  /** Position of the cycle among the cycles that get one more request, in millionths. */
  #phase = 0;
  #order: Uint16Array | undefined;

  /** Samplers with different names select different requests. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Moves on to the next request, and reports whether it is in the sample. */
  next(ratio: number): boolean {
    const order = this.#order ??= stratifiedOrder(this.#name);
    const isSampled = order[this.#cursor]! * PARTS + this.#phase < Math.round(ratio * CYCLE * PARTS);
    if (++this.#cursor === CYCLE) {
      this.#cursor = 0;
      this.#phase = (this.#phase + PARTS_PER_CYCLE) % PARTS;
    }
    return isSampled;
  }
}

/**
 * Returns a rank from 0 to 999 for each of 1,000 consecutive requests. A ratio of a tenth takes the first hundred
 * ranks.
 *
 * If the traffic repeats itself, taking every tenth request would take the same one forever. So the first digit of the
 * rank is a Latin cube over the digits of the request's position: it differs between requests whose positions differ in
 * one digit. Each part of a pattern whose length divides 100 then gets the same ratio. The second digit also differs
 * between the hundreds, and between the tenths.
 */
function stratifiedOrder(name: string): Uint16Array {
  let draws = 0;
  const shuffled = () => shuffledDigits((limit) => Math.floor(stableHash(name, `${draws++}`) * limit));
  const [tens, hundreds] = [shuffled(), shuffled()];
  const [first, second, third] = [shuffled(), shuffled(), shuffled()];
  return Uint16Array.from({ length: CYCLE }, (_, index) => {
    const ten = tens[Math.floor(index / BASE) % BASE]!;
    const hundred = hundreds[Math.floor(index / BASE ** 2)]!;
    // The factors of `hundred` differ by 3, which is coprime to 10: where the first sum is equal, the second differs.
    const [one, two] = [(index + ten + hundred) % BASE, (ten + 4 * hundred) % BASE];
    return first[one]! * BASE ** 2 + second[two]! * BASE + third[hundred]!;
  });
}

/** Returns the digits in random order. Durstenfeld's shuffle: every order is equally likely. */
function shuffledDigits(draw: (limit: number) => number): number[] {
  const digits = Array.from({ length: BASE }, (_, digit) => digit);
  for (let last = BASE - 1; last > 0; last--) {
    const other = draw(last + 1);
    [digits[last], digits[other]] = [digits[other]!, digits[last]!];
  }
  return digits;
}
