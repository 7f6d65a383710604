/** Runs conductor as a process, attacks it, and measures what its other clients notice. */

import { AssertionError } from "@std/assert";
import { startWatched, type WatchedConductor } from "./cli_process.ts";

/** True in `deno task hostile`, which runs each attack in full. `deno task test` runs the short form. */
export const IS_FULL = Deno.env.get("HOSTILE") === "full";

/** Duration of one attack in milliseconds. */
export const ATTACK_MS = IS_FULL ? 10_000 : 1_500;

/** True if `/proc` can be read, the only source for the memory of another process. */
export const HAS_PROC: boolean = await Deno.stat("/proc/self/status").then(() => true, () => false);

const PROBE_INTERVAL_MS = 10;
const CALM_PROBES = 50;
/** Minimum probes during the attack. The first ones may come before the attack has any effect. */
const MIN_ATTACKED_PROBES = 6;

/** Measurements of a well-behaved client and of the operating system. */
export interface AttackReport {
  /** Latencies of a well-behaved client before the attack, in milliseconds. */
  readonly calm: Latencies;
  /** Latencies of the same client during the attack, in milliseconds. */
  readonly attacked: Latencies;
  /** Responses of the well-behaved client during the attack that were not 200. */
  readonly failures: number;
  /** Growth of the process's peak memory during the attack, in MiB. */
  readonly growthMiB: number;
}

/** Latencies in milliseconds. */
export interface Latencies {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Sends hostile traffic until the signal aborts, or until nothing is left to send. */
export type Attack = (target: WatchedConductor, signal: AbortSignal) => Promise<void>;

/** Options of {@linkcode underAttack}. */
export interface AttackOptions {
  /** Services of the configuration. */
  readonly services: readonly object[];
  /** Other fields of the configuration. */
  readonly config?: object;
  /** Path that the well-behaved client requests. Default: `/calm`. */
  readonly probePath?: string;
  /** Requests that the well-behaved client sends in turn. Default: a GET. */
  readonly probes?: readonly RequestInit[];
  /** Address that the well-behaved client connects from, for example `127.0.0.2`. Default: any. */
  readonly localAddress?: string;
  /** Duration of the attack in milliseconds. Default: {@linkcode ATTACK_MS}. */
  readonly durationMs?: number;
  /** Called after the attack, while the server still runs. */
  afterwards?(target: WatchedConductor): Promise<void>;
}

/**
 * Maximum runs of one attack. Other tests share the machine, so a bound may be missed by chance, but not every time.
 */
const MAX_RUNS = 3;

/**
 * Registers the test of an attack: it passes when one of three runs stays within its bounds. A fault exceeds them in
 * each.
 */
export function attackTest({ name, fn }: { readonly name: string; fn(): Promise<void> }): void {
  Deno.test({
    name,
    ignore: !HAS_PROC,
    async fn() {
      for (let runs = 1;; runs++) {
        try {
          return await fn();
        } catch (error) {
          if (runs === MAX_RUNS || !(error instanceof AssertionError)) throw error;
        }
      }
    },
  });
}

/** Attacks a new server for a bounded time, next to a client that sends one request every 10 ms. */
export async function underAttack(attack: Attack, options: AttackOptions): Promise<AttackReport> {
  const { services, config = {}, probePath = "/calm", durationMs = ATTACK_MS, probes = [{}], localAddress } = options;
  await using target = await startWatched(services, config);
  using client = Deno.createHttpClient(localAddress === undefined ? {} : { localAddress });
  const request = { url: new URL(probePath, target.url), inits: probes.map((init) => ({ ...init, client })) };
  const calm = await probe(request, (count) => count >= CALM_PROBES);
  const { pid } = target.process;
  const beforeMiB = residentMiB(pid);
  resetPeak(pid);
  const controller = new AbortController();
  const attacking = attack(target, controller.signal);
  attacking.catch(() => {});
  const startMs = performance.now();
  const isOver = (count: number) => performance.now() - startMs >= durationMs && count >= MIN_ATTACKED_PROBES;
  const attacked = await probe(request, isOver);
  const growthMiB = peakMiB(pid) - beforeMiB;
  controller.abort();
  await attacking;
  await options.afterwards?.(target);
  return {
    calm: latenciesOf(calm.times),
    attacked: latenciesOf(attacked.times),
    failures: attacked.failures,
    growthMiB,
  };
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  return statusMiB(pid, "VmRSS");
}

/** Peak of a process's resident memory in MiB, since its start or since {@linkcode resetPeak}. */
export function peakMiB(pid: number): number {
  return statusMiB(pid, "VmHWM");
}

/** Resets {@linkcode peakMiB} to the current value (proc(5), `clear_refs`). */
export function resetPeak(pid: number): void {
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}

function statusMiB(pid: number, field: "VmHWM" | "VmRSS"): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) / 1024;
}

interface ProbeRequest {
  readonly url: URL;
  readonly inits: readonly (RequestInit & { readonly client: Deno.HttpClient })[];
}

async function probe(
  { url, inits }: ProbeRequest,
  isDone: (count: number) => boolean,
): Promise<{ times: number[]; failures: number }> {
  const times: number[] = [];
  let failures = 0;
  do {
    const startMs = performance.now();
    const response = await fetch(url, inits[times.length % inits.length]);
    await response.text();
    times.push(performance.now() - startMs);
    if (response.status !== 200) failures++;
    await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS));
  } while (!isDone(times.length));
  return { times, failures };
}

function latenciesOf(times: readonly number[]): Latencies {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (ratio: number) => sorted[Math.min(sorted.length - 1, Math.floor(ratio * sorted.length))]!;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1)! };
}
