/** Load generators: `wrk` if it is installed, otherwise `autocannon` from npm; `h2load` for constant rates. */

import { hasCommand } from "../_support/child.ts";
import { percentile } from "./figures.ts";
import type { Load } from "./loads.ts";

/** One slice of a load. */
export interface Slice {
  /** Origin of the peer. */
  readonly origin: string;
  readonly load: Load;
  /** Length in whole seconds. */
  readonly seconds: number;
  /** Stops the generator early. */
  readonly signal: AbortSignal;
}

/** Measurements of a generator. */
export interface SliceResult {
  /** Complete responses. */
  readonly requests: number;
  /** Complete responses per second. */
  readonly requestsPerSecond: number;
  /** Median latency in milliseconds. */
  readonly p50Ms: number;
  /** 99th percentile of the latency in milliseconds. */
  readonly p99Ms: number;
  /** Responses with a status other than 2xx and 3xx. */
  readonly badStatuses: number;
  /** Connections that failed, broke or timed out. */
  readonly socketErrors: number;
}

/** A program that keeps connections busy. */
export interface LoadGenerator {
  /** Name in reports. */
  readonly name: string;
  /** Loads a peer for one slice. */
  run(slice: Slice): Promise<SliceResult>;
}

/** Returns the generator of this machine. */
export async function findLoadGenerator(): Promise<LoadGenerator> {
  return await hasCommand("wrk", ["--version"]) ? wrk : autocannon;
}

/** Returns the generator of constant rates; `undefined` if it is not installed. */
export async function findRateGenerator(): Promise<LoadGenerator | undefined> {
  return await hasCommand("h2load", ["--version"]) ? h2load : undefined;
}

/** Runs a program, and resolves with its output. Rejects if it fails. */
export async function runGenerator(command: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const process = new Deno.Command(command, { args: [...args], stdin: "null", signal });
  const { success, stdout, stderr } = await process.output();
  signal.throwIfAborted();
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`Cannot generate load: "${command}" has failed: ${errors}${output}`);
  return output!;
}

/** Far above any latency. wrk's default of 2 s would report errors on a busy machine. */
const TIMEOUT_S = 20;
const IN_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

/** One thread of `wrk` keeps all connections busy and takes little of the shared CPU. */
export const wrk: LoadGenerator = {
  name: "wrk",
  async run(slice) {
    const script = await Deno.makeTempFile({ suffix: ".lua" });
    try {
      await Deno.writeTextFile(script, scriptFor(slice));
      return parseWrk(await runGenerator("wrk", [...wrkArgs(slice), "-s", script], slice.signal));
    } finally {
      await Deno.remove(script);
    }
  },
};

function wrkArgs({ origin, load, seconds }: Slice): string[] {
  const { connections, path } = load;
  return ["-t1", `-c${connections}`, `-d${seconds}s`, `--timeout=${TIMEOUT_S}s`, "--latency", origin + path];
}

/** wrk builds its request once, so that a body costs only its transmission. */
function scriptFor({ load: { bodyBytes } }: Slice): string {
  return bodyBytes === 0 ? "" : `wrk.method = "POST"\nwrk.body = string.rep("x", ${bodyBytes})\n`;
}

/** Parses the output of `wrk --latency`. */
export function parseWrk(output: string): SliceResult {
  const read = (pattern: RegExp) => {
    const match = pattern.exec(output);
    if (match === null) throw new Error(`Cannot parse the output of wrk: ${pattern} is missing in ${output}`);
    return match;
  };
  const latencyMs = (percent: number) => {
    // Units of one letter are followed by a space.
    const [, value, unit] = read(new RegExp(`^ +${percent}% +([\\d.]+)(us|ms|s|m) *$`, "m"));
    return Number(value) * IN_MS[unit!]!;
  };
  // Both lines are missing if their counts are zero.
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

/** The used part of autocannon's JSON. */
interface AutocannonReport {
  readonly requests: { readonly total: number };
  readonly duration: number;
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly non2xx: number;
  /** Includes timeouts. */
  readonly errors: number;
  readonly resets: number;
}

/** Runs `npx autocannon`. Its latencies are whole milliseconds. */
export const autocannon: LoadGenerator = {
  name: "autocannon",
  async run(slice) {
    const body = await Deno.makeTempFile();
    try {
      await Deno.writeFile(body, new Uint8Array(slice.load.bodyBytes).fill(120));
      return parseAutocannon(await runGenerator("npx", autocannonArgs(slice, body), slice.signal));
    } finally {
      await Deno.remove(body);
    }
  },
};

function autocannonArgs({ origin, load, seconds }: Slice, body: string): string[] {
  const { connections, path, bodyBytes } = load;
  const post = bodyBytes === 0 ? [] : ["-m", "POST", "-i", body];
  return ["-y", "autocannon@8", "--json", "-c", `${connections}`, "-d", `${seconds}`, ...post, origin + path];
}

/** Parses the output of `autocannon --json`. */
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

/** Runs `h2load`, at the rate of the load. */
export const h2load: LoadGenerator = {
  name: "h2load",
  async run({ origin, load: { connections, path, ratePerSecond }, seconds, signal }) {
    const log = await Deno.makeTempFile();
    try {
      const rate = ratePerSecond === undefined ? [] : [`--rps=${ratePerSecond / connections}`];
      const args = [
        "--h1",
        "-t1",
        `-c${connections}`,
        `-D${seconds}`,
        ...rate,
        `--log-file=${log}`,
        origin + path,
      ];
      return parseH2load(await runGenerator("h2load", args, signal), await Deno.readTextFile(log));
    } finally {
      await Deno.remove(log);
    }
  },
};

/** Parses the output of `h2load`, and its log: start, status and duration of each request, in microseconds. */
export function parseH2load(output: string, log: string): SliceResult {
  const [, rate] = /^finished in [\d.]+m?s, ([\d.]+) req\/s/m.exec(output) ?? [];
  const [, failed, errored, timedOut] =
    /^requests: .* succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(output) ?? [];
  const [, done, redirected] = /^status codes: (\d+) 2xx, (\d+) 3xx/m.exec(output) ?? [];
  if (rate === undefined || failed === undefined || done === undefined) {
    throw new Error(`Cannot parse the output of h2load: ${output}`);
  }
  const lines = log.trimEnd().split("\n");
  const timesMs = lines.map((line) => Number(line.split("\t")[2]) / 1_000).sort((a, b) => a - b);
  const requests = Number(done) + Number(redirected);
  const socketErrors = Number(errored) + Number(timedOut);
  return {
    requests,
    requestsPerSecond: Number(rate),
    p50Ms: percentile(timesMs, 0.5),
    p99Ms: percentile(timesMs, 0.99),
    // "failed" includes errors.
    badStatuses: Math.max(0, Number(failed) - socketErrors),
    socketErrors,
  };
}
