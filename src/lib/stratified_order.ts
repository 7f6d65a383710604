/** In which order a growing share takes the requests of a cycle, so that it has a part of each where they repeat themselves. */

import { stableHash } from "./stable_hash.ts";

const BASE = 10;

/**
 * Gives each of 1,000 requests in a row a rank of its own; a share of a tenth takes those with the first hundred ranks.
 *
 * Every tenth request would be the same one for ever in traffic that repeats itself. So the first digit of the rank is a Latin
 * cube over the digits of the request's number: it is another one for each of ten in a row, and for each of those whose numbers
 * differ in one digit only, as every tenth, and every hundredth, do. Whatever repeats itself after as many requests as 100 can be
 * divided by has the same share in all its parts. The second digit is another one for each hundred, and for each tenth, too.
 *
 * @param name What the order is drawn from: always the same one for the same name.
 * @returns The ranks, 0 to 999, in the order of the requests.
 */
export function stratifiedOrder(name: string): Uint16Array {
  let draws = 0;
  const shuffled = () => shuffledDigits((below) => Math.floor(stableHash(name, `${draws++}`) * below));
  const [tens, hundreds] = [shuffled(), shuffled()];
  const [first, second, third] = [shuffled(), shuffled(), shuffled()];
  return Uint16Array.from({ length: BASE ** 3 }, (_, index) => {
    const ten = tens[Math.floor(index / BASE) % BASE]!;
    const hundred = hundreds[Math.floor(index / BASE ** 2)]!;
    // 4 and 4 - 1 apart: among those of one tenth, ten + hundred is the same, and this still another one for each.
    const [one, two] = [(index + ten + hundred) % BASE, (ten + 4 * hundred) % BASE];
    return first[one]! * BASE ** 2 + second[two]! * BASE + third[hundred]!;
  });
}

/** Durstenfeld's shuffle: every order is as likely as any other. */
function shuffledDigits(draw: (below: number) => number): number[] {
  const digits = Array.from({ length: BASE }, (_, digit) => digit);
  for (let last = BASE - 1; last > 0; last--) {
    const other = draw(last + 1);
    [digits[last], digits[other]] = [digits[other]!, digits[last]!];
  }
  return digits;
}
