/** Threads that serve one port together: changed together, stopped together, and replaced when they crash. */

import { delay } from "@std/async/delay";
import type { ComparisonsReading } from "../compare/comparison_store.ts";
import type { Config } from "../config/config.ts";
import type { Inspection, MetricsReading } from "../observe/metrics_snapshot.ts";
import { processStats } from "./process_stats.ts";
import { findFreePort } from "./shared_port.ts";
import { WorkerComparisons } from "./worker_comparisons.ts";
import { WorkerInspections } from "./worker_inspections.ts";
import type { StreamName } from "./worker_messages.ts";
import { divideLimits } from "./worker_share.ts";
import { WorkerCrash, WorkerThread } from "./worker_thread.ts";

/** What is known of a worker that was lost. */
export interface WorkerExit {
  /** Which of them, from 1. */
  readonly worker: number;
  /** What it did not survive, or why its replacement could not start. */
  readonly error: string;
  /** How many have been lost since the start, this one included. */
  readonly crashes: number;
  /** Time until the next one is started, in milliseconds; `undefined` where none is, as the server is stopping. */
  readonly restartMs: number | undefined;
}

/** How workers are run. */
export interface WorkerPoolOptions<Settings> {
  /** How many. */
  readonly count: number;
  /** The module that each runs. */
  readonly module: string | URL;
  /** What each is given beside the configuration; it must survive `structuredClone`. */
  readonly settings: Settings;
  /** Writes log lines of a worker, whole ones; the worker sends no further ones before that is done. */
  readonly write: (stream: StreamName, text: string) => Promise<void>;
  /** Told of every worker that was lost. */
  readonly onLost: (lost: WorkerExit) => void;
}

/** Workers that are up. */
export interface WorkerPool {
  /** The configuration that new requests meet. */
  readonly config: Config;
  /** The address that all listen on. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** The attempts that have started and not settled, of all workers. */
  readonly attemptsInFlight: number;
  /** How many workers have been lost since the start. */
  readonly crashes: number;
  /**
   * Replaces the configuration everywhere. All that may fail is done by every worker before the first follows it.
   *
   * @param config The configuration to follow from now on.
   * @returns A promise that is fulfilled when all follow it.
   * @throws {ListenError} Where its address can not be listened on; nothing has changed anywhere then.
   */
  apply(config: Config): Promise<void>;
  /**
   * Asks all workers what they have counted and recorded.
   *
   * @param after The highest id of an exchange that is known already.
   * @returns What they say together. One that does not answer in time stays with what it said last, and what lost workers
   * had counted stays in the sums.
   */
  inspect(after: number): Promise<Inspection>;
  /**
   * Asks all workers what they have compared.
   *
   * @param after The highest id of a mismatch that is known already; with Infinity none is listed.
   * @returns What they have compared together, as for `inspect`.
   */
  comparisons(after: number): Promise<ComparisonsReading>;
  /**
   * Stops accepting at once, and replaces no worker any more.
   *
   * @returns A promise that is fulfilled when every response in flight has been sent and every attempt has settled.
   */
  shutdown(): Promise<void>;
  /** Waits until all log lines of the workers have been written. */
  flush(): Promise<void>;
  /** Ends all threads, whatever they are doing. */
  end(): void;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** A worker that held out this long did not crash for the same reason as the one before. */
const STABLE_MS = 10_000;

/**
 * Starts workers on one port.
 *
 * @param first The configuration to begin with.
 * @param options How they are run.
 * @returns The workers, when all listen.
 * @throws {ListenError} Where the address can not be listened on.
 * @throws {WorkerCrash} Where a worker does not even start.
 */
export async function startWorkers<Settings>(first: Config, options: WorkerPoolOptions<Settings>): Promise<WorkerPool> {
  const { count, module, settings, write, onLost } = options;
  const stopping = new AbortController();
  /** Those that are up. */
  const threads = new Set<WorkerThread<Settings>>();
  const inspections = new WorkerInspections();
  const comparisons = new WorkerComparisons();
  let isEnded = false;
  let config = first;
  let port = findFreePort(first);
  let crashes = 0;
  /** Changes of what runs follow one another: a worker that starts during a reload must not miss it. */
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = turn.then(change);
    turn = changed.catch(() => {});
    return changed;
  }

  async function readMetrics(): Promise<MetricsReading> {
    const { metrics } = await inspections.inspect(threads, Infinity);
    return { metrics, process: processStats(), workers: { count, crashes } };
  }

  async function open(worker: number): Promise<WorkerThread<Settings>> {
    const thread = new WorkerThread<Settings>({ module, write, readMetrics, name: `conductor worker ${worker}` });
    try {
      const setup = { config: { ...divideLimits(config, count), port }, attempts: thread.attempts, settings };
      await thread.ask({ type: "start", setup });
      if (isEnded) throw new WorkerCrash("ended before it had started");
    } catch (error) {
      thread.end();
      throw error;
    }
    threads.add(thread);
    return thread;
  }

  async function keep(worker: number, opened: WorkerThread<Settings>): Promise<void> {
    let retryMs = 0;
    for (let thread: WorkerThread<Settings> | undefined = opened; thread !== undefined;) {
      const openedMs = performance.now();
      const { message } = await thread.crashed;
      threads.delete(thread);
      inspections.lose(thread);
      comparisons.lose(thread);
      if (performance.now() - openedMs > STABLE_MS) retryMs = 0;
      [thread, retryMs] = await replace(worker, message, retryMs);
    }
  }

  /** The first replacement comes at once, further ones after a while: what crashes at its start would else take a core. */
  async function replace(
    worker: number,
    error: string,
    firstWaitMs: number,
  ): Promise<[replacement: WorkerThread<Settings> | undefined, retryMs: number]> {
    for (let waitMs = firstWaitMs;; waitMs = longer(waitMs)) {
      const isLast = stopping.signal.aborted;
      onLost({ worker, error, crashes: ++crashes, restartMs: isLast ? undefined : waitMs });
      if (isLast) return [undefined, waitMs];
      try {
        await delay(waitMs, { signal: stopping.signal });
        return [await inTurn(() => open(worker)), longer(waitMs)];
      } catch (reason) {
        if (stopping.signal.aborted) return [undefined, waitMs];
        error = reason instanceof Error ? reason.message : String(reason);
      }
    }
  }

  async function change(next: Config): Promise<void> {
    const nextPort = next.port === config.port ? port : findFreePort(next);
    const asked = [...threads];
    const prepared = await Promise.allSettled(
      asked.map((thread) => thread.ask({ type: "prepare", config: { ...divideLimits(next, count), port: nextPort } })),
    );
    for (const result of prepared) {
      // A worker that has crashed says nothing about the configuration, and its replacement will follow the new one.
      if (result.status === "fulfilled" || result.reason instanceof WorkerCrash) continue;
      await Promise.allSettled(asked.map((thread) => thread.ask({ type: "abandon" })));
      throw result.reason;
    }
    config = next;
    port = nextPort;
    await Promise.allSettled(asked.map((thread) => thread.ask({ type: "commit" })));
  }

  async function askAll(type: "stop" | "flush"): Promise<void> {
    await Promise.allSettled([...threads].map((thread) => thread.ask({ type })));
  }

  function end(): void {
    isEnded = true;
    stopping.abort();
    for (const thread of threads) thread.end();
  }

  const opened = await Promise.allSettled(Array.from({ length: count }, (_, index) => open(index + 1)));
  for (const result of opened) {
    if (result.status === "fulfilled") continue;
    end();
    throw result.reason;
  }
  for (const [index, result] of opened.entries()) if (result.status === "fulfilled") keep(index + 1, result.value);
  return {
    get config() {
      return config;
    },
    get address() {
      return { hostname: config.hostname, port };
    },
    get attemptsInFlight() {
      return [...threads].reduce((sum, thread) => sum + thread.attemptsInFlight, 0);
    },
    get crashes() {
      return crashes;
    },
    apply: (next) => inTurn(() => change(next)),
    inspect: (after) => inspections.inspect(threads, after),
    comparisons: (after) => comparisons.read(threads, after),
    shutdown: () => {
      stopping.abort();
      return inTurn(() => askAll("stop"));
    },
    flush: () => askAll("flush"),
    end,
  };
}

function longer(waitMs: number): number {
  return waitMs === 0 ? FIRST_RETRY_MS : Math.min(2 * waitMs, MAX_RETRY_MS);
}
