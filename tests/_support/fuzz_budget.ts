/** How long a fuzz test runs: the same few cases in CI; new ones for `FUZZ_SECONDS` each under `deno task fuzz`. */

const seconds = Number(Deno.env.get("FUZZ_SECONDS") ?? (Deno.env.has("FUZZ") ? 20 : 0));
const isLong = seconds > 0;
const seed = Number(Deno.env.get("FUZZ_SEED") ?? (isLong ? crypto.getRandomValues(new Int32Array(1))[0] : 9112));

if (isLong) console.log(`FUZZ_SEED=${seed} FUZZ_SECONDS=${seconds}`);

/** What `fc.assert` is told; when a case fails, it prints the seed, the path to the case, and the case made small. */
export interface FuzzBudget {
  readonly seed: number;
  readonly numRuns: number;
  readonly interruptAfterTimeLimit?: number;
}

/**
 * Decides on a test's budget.
 *
 * @param numRuns How many cases it tries in CI.
 * @returns The budget.
 */
export function fuzzBudget(numRuns: number): FuzzBudget {
  return isLong ? { seed, numRuns: 1e9, interruptAfterTimeLimit: seconds * 1_000 } : { seed, numRuns };
}
