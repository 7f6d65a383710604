/** The load generator `autocannon` from npm, where wrk is not installed. It tells latencies in whole milliseconds. */

import type { LoadGenerator, Slice, SliceResult } from "./load_generator.ts";
import { runGenerator } from "./run_generator.ts";

/** What is read of autocannon's JSON. */
interface AutocannonReport {
  readonly requests: { readonly total: number };
  readonly duration: number;
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly non2xx: number;
  /** Time-outs included. */
  readonly errors: number;
  readonly resets: number;
}

/** Loads with `npx autocannon`. */
export const autocannon: LoadGenerator = {
  name: "autocannon",
  async run(slice) {
    const body = await Deno.makeTempFile();
    try {
      await Deno.writeFile(body, new Uint8Array(slice.load.bodyBytes).fill(120));
      return parseAutocannon(await runGenerator("npx", argsFor(slice, body), slice.signal));
    } finally {
      await Deno.remove(body);
    }
  },
};

function argsFor({ origin, load, seconds }: Slice, body: string): string[] {
  const { connections, path, bodyBytes } = load;
  const post = bodyBytes === 0 ? [] : ["-m", "POST", "-i", body];
  return ["-y", "autocannon@8", "--json", "-c", `${connections}`, "-d", `${seconds}`, ...post, origin + path];
}

/**
 * Reads what `autocannon --json` has written.
 *
 * @param output Its output.
 * @returns The figures.
 */
export function parseAutocannon(output: string): SliceResult {
  const { requests, duration, latency, non2xx, errors, resets }: AutocannonReport = JSON.parse(output);
  return {
    requests: requests.total,
    requestsPerSecond: requests.total / duration,
    p50Ms: latency.p50,
    p99Ms: latency.p99,
    badStatuses: non2xx,
    socketErrors: errors + resets,
  };
}
