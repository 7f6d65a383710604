/** The load generator `wrk`: one thread keeps all connections busy, and takes little of the CPU that it shares. */

import type { LoadGenerator, Slice, SliceResult } from "./load_generator.ts";
import { runGenerator } from "./run_generator.ts";

/** Far longer than any answer takes; wrk's own 2 s would call a busy machine an error. */
const TIMEOUT_S = 20;
const IN_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

/** Loads with `wrk`. */
export const wrk: LoadGenerator = {
  name: "wrk",
  async run(slice) {
    const script = await Deno.makeTempFile({ suffix: ".lua" });
    try {
      await Deno.writeTextFile(script, scriptFor(slice));
      return parseWrk(await runGenerator("wrk", [...argsFor(slice), "-s", script], slice.signal));
    } finally {
      await Deno.remove(script);
    }
  },
};

function argsFor({ origin, load, seconds }: Slice): string[] {
  const { connections, path } = load;
  return ["-t1", `-c${connections}`, `-d${seconds}s`, `--timeout=${TIMEOUT_S}s`, "--latency", origin + path];
}

/** wrk makes the request of these once, so that a body costs it nothing but the sending. */
function scriptFor({ load: { bodyBytes } }: Slice): string {
  return bodyBytes === 0 ? "" : `wrk.method = "POST"\nwrk.body = string.rep("x", ${bodyBytes})\n`;
}

/**
 * Reads what `wrk --latency` has written.
 *
 * @param output Its output.
 * @returns The figures.
 * @throws {Error} If it is no such output.
 */
export function parseWrk(output: string): SliceResult {
  const read = (pattern: RegExp) => {
    const match = pattern.exec(output);
    if (match === null) throw new Error(`Cannot read the output of wrk as ${pattern} is missing: ${output}`);
    return match;
  };
  const latencyMs = (percent: number) => {
    const [, value, unit] = read(new RegExp(`^ +${percent}% +([\\d.]+)(us|ms|s|m)$`, "m"));
    return Number(value) * IN_MS[unit!]!;
  };
  // These two lines are there only where there is something to tell.
  const [, ...errors] = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output) ?? [];
  return {
    requests: Number(read(/^ +(\d+) requests in /m)[1]),
    requestsPerSecond: Number(read(/^Requests\/sec: +([\d.]+)$/m)[1]),
    p50Ms: latencyMs(50),
    p99Ms: latencyMs(99),
    badStatuses: Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0),
    socketErrors: errors.reduce((sum, count) => sum + Number(count), 0),
  };
}
