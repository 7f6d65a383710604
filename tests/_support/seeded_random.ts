/** Reproducible random numbers, and the budget of fuzz tests. */

/** Creates a generator of numbers from 0 to below 1 (mulberry32, by Tommy Ettinger). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws a binomial number, by drawing the distances between successes. */
export function binomial(n: number, rate: number, random: () => number): number {
  if (rate === 0 || rate === 1) return n * rate;
  let count = -1;
  for (let at = 0; at <= n; count++) at += 1 + Math.floor(Math.log(1 - random()) / Math.log(1 - rate));
  return count;
}

const seconds = Number(Deno.env.get("FUZZ_SECONDS") ?? (Deno.env.has("FUZZ") ? 20 : 0));
const isLong = seconds > 0;
const seed = Number(Deno.env.get("FUZZ_SEED") ?? (isLong ? crypto.getRandomValues(new Int32Array(1))[0] : 9112));

if (isLong) console.log(`FUZZ_SEED=${seed} FUZZ_SECONDS=${seconds}`);

/** Parameters of `fc.assert`. For a failed case, it prints the seed, the path to the case, and the shrunk case. */
export interface FuzzBudget {
  readonly seed: number;
  readonly numRuns: number;
  readonly interruptAfterTimeLimit?: number;
}

/**
 * Returns the budget of a test: `numRuns` constant cases in CI; new cases for `FUZZ_SECONDS` under `deno task fuzz`.
 */
export function fuzzBudget(numRuns: number): FuzzBudget {
  return isLong ? { seed, numRuns: 1e9, interruptAfterTimeLimit: seconds * 1_000 } : { seed, numRuns };
}
