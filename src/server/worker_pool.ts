/** A pool of worker threads that share one port: reconfigured together, stopped together, replaced after a crash. */

import { delay } from "@std/async/delay";
import type { ComparisonsSnapshot } from "../compare/comparison_store.ts";
import type { Config, Service } from "../config/config.ts";
import type { RecentExchanges } from "../observe/exchange_record.ts";
import type { Inspection, MetricsReading, ReloadStats } from "../observe/metrics_snapshot.ts";
import { processStats } from "./process_stats.ts";
import { findFreePort } from "./shared_port.ts";
import { WorkerComparisons } from "./worker_comparisons.ts";
import { WorkerInspections } from "./worker_inspections.ts";
import type { StreamName } from "./worker_messages.ts";
import { WorkerCrash, WorkerThread } from "./worker_thread.ts";

/** Exit of a worker that was not asked to stop. */
export interface WorkerExit {
  /** Number of the worker, from 1. */
  readonly worker: number;
  /** Error that ended the worker, or that kept its replacement from starting. */
  readonly error: string;
  /** Exits since the start, including this one. */
  readonly crashes: number;
  /** Delay until the replacement starts, in milliseconds. `undefined`: no replacement, the server is stopping. */
  readonly restartMs: number | undefined;
}

/** Options of {@linkcode startWorkers}. */
export interface WorkerPoolOptions<Settings> {
  /** Number of workers. */
  readonly count: number;
  /**
   * True if another process may listen on the port.
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /** Module that each worker runs. */
  readonly module: string | URL;
  /** Settings that are independent of the configuration. They must survive `structuredClone`. */
  readonly settings: Settings;
  /** Writes whole log lines of a worker. The worker sends more when the promise has resolved. */
  readonly write: (stream: StreamName, text: string) => Promise<void>;
  /** Called when a worker has exited unexpectedly. */
  readonly onExit: (lost: WorkerExit) => void;
  /**
   * Returns the reloads so far, for the metrics.
   *
   * @default A function that returns `undefined`.
   */
  readonly reloads?: () => ReloadStats | undefined;
}

/** A running pool. */
export interface WorkerPool {
  /** Configuration for new requests. */
  readonly config: Config;
  /** Address and port that all workers listen on. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** Attempts of all workers that have started and not settled. */
  readonly attemptsInFlight: number;
  /** Worker exits since the start. */
  readonly crashes: number;
  /**
   * Replaces the configuration of all workers. Every worker prepares the change before the first commits it.
   *
   * @throws {ListenError} If the address cannot be listened on. The old configuration then stays in effect everywhere.
   */
  apply(config: Config): Promise<void>;
  /**
   * Returns the merged counters of all workers, and the exchanges with an id above `after`. A worker that does not
   * respond in time contributes its last reading. The counters of exited workers stay in the sums.
   */
  inspect(after: number): Promise<Inspection>;
  /** Returns only the exchanges: they are read more often than the counters, which are larger. */
  recent(after: number): Promise<RecentExchanges>;
  /**
   * Returns the merged comparisons of all workers since `sinceMs`, by default all, and the mismatches with an id above
   * `after`: none for Infinity.
   */
  comparisons(after: number, sinceMs?: number): Promise<ComparisonsSnapshot>;
  /** Makes all workers start counting comparisons again. */
  resetComparisons(): Promise<void>;
  /**
   * Stops accepting connections, and starts no replacements. Resolves when every response in flight has been sent and
   * every attempt has settled.
   */
  shutdown(): Promise<void>;
  /** Waits until all log lines of the workers have been written. */
  flush(): Promise<void>;
  /** Terminates all threads at once. */
  end(): void;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;
/** A worker that ran for this long crashed for a new reason, so the retry delay starts again. */
const STABLE_MS = 10_000;

/**
 * Starts workers on one port. Resolves when all of them listen.
 *
 * @throws {ListenError} If the address cannot be listened on.
 * @throws {WorkerCrash} If a worker does not start.
 */
export async function startWorkers<Settings>(first: Config, options: WorkerPoolOptions<Settings>): Promise<WorkerPool> {
  const { count, module, settings, write, onExit, reusePort = false } = options;
  const stopping = new AbortController();
  /** Running workers. */
  const threads = new Set<WorkerThread<Settings>>();
  const inspections = new WorkerInspections();
  const comparisons = new WorkerComparisons();
  const open = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  let isEnded = false;
  let config = first;
  let port = findFreePort(first, { reusePort });
  let crashes = 0;
  /** Changes run one after the other: a worker that starts during a reload must not miss it. */
  let queue: Promise<unknown> = Promise.resolve();

  function serialize<T>(change: () => Promise<T>): Promise<T> {
    const changed = queue.then(change);
    queue = changed.catch(() => {});
    return changed;
  }

  async function readMetrics(): Promise<MetricsReading> {
    const { metrics } = await inspections.read(threads, Infinity);
    const reloads = options.reloads?.();
    return {
      metrics,
      process: processStats(),
      workers: { count, crashes },
      ...(reloads !== undefined && { reloads }),
    };
  }

  async function startThread(worker: number): Promise<WorkerThread<Settings>> {
    const thread = new WorkerThread<Settings>({ module, write, readMetrics, name: `conductor worker ${worker}` });
    try {
      const setup = { config: { ...divideLimits(config, count), port }, attempts: thread.attempts, open, settings };
      await thread.request({ type: "start", setup });
      if (isEnded) throw new WorkerCrash("ended before it had started");
    } catch (error) {
      thread.end();
      throw error;
    }
    threads.add(thread);
    return thread;
  }

  async function supervise(worker: number, opened: WorkerThread<Settings>): Promise<void> {
    let retryMs = 0;
    for (let thread: WorkerThread<Settings> | undefined = opened; thread !== undefined;) {
      const openedMs = performance.now();
      const { message } = await thread.crashed;
      threads.delete(thread);
      inspections.forget(thread);
      comparisons.forget(thread);
      if (performance.now() - openedMs > STABLE_MS) retryMs = 0;
      [thread, retryMs] = await replace(worker, message, retryMs);
    }
  }

  /**
   * Replaces a worker at once the first time, later after a delay: a worker that crashes at its start would take a
   * core.
   */
  async function replace(
    worker: number,
    error: string,
    firstWaitMs: number,
  ): Promise<[replacement: WorkerThread<Settings> | undefined, retryMs: number]> {
    for (let waitMs = firstWaitMs;; waitMs = nextRetryMs(waitMs)) {
      const isLast = stopping.signal.aborted;
      onExit({ worker, error, crashes: ++crashes, restartMs: isLast ? undefined : waitMs });
      if (isLast) return [undefined, waitMs];
      try {
        await delay(waitMs, { signal: stopping.signal });
        return [await serialize(() => startThread(worker)), nextRetryMs(waitMs)];
      } catch (reason) {
        if (stopping.signal.aborted) return [undefined, waitMs];
        error = reason instanceof Error ? reason.message : String(reason);
      }
    }
  }

  /** Resolves when the commits have been sent. A commit waits for the uploads on a replaced listener. */
  async function change(next: Config): Promise<{ readonly committed: Promise<unknown> }> {
    const nextPort = next.port === config.port ? port : findFreePort(next, { reusePort });
    const asked = [...threads];
    const prepared = await Promise.allSettled(
      asked.map((thread) =>
        thread.request({ type: "prepare", config: { ...divideLimits(next, count), port: nextPort } })
      ),
    );
    for (const result of prepared) {
      // A crash says nothing about the configuration. The replacement starts with the new one.
      if (result.status === "fulfilled" || result.reason instanceof WorkerCrash) continue;
      await Promise.allSettled(asked.map((thread) => thread.request({ type: "rollback" })));
      throw result.reason;
    }
    config = next;
    port = nextPort;
    return { committed: Promise.allSettled(asked.map((thread) => thread.request({ type: "commit" }))) };
  }

  async function askAll(type: "stop" | "flush" | "reset-comparisons"): Promise<void> {
    await Promise.allSettled([...threads].map((thread) => thread.request({ type })));
  }

  function end(): void {
    isEnded = true;
    stopping.abort();
    for (const thread of threads) thread.end();
  }

  const opened = await Promise.allSettled(Array.from({ length: count }, (_, index) => startThread(index + 1)));
  for (const result of opened) {
    if (result.status === "fulfilled") continue;
    end();
    throw result.reason;
  }
  for (const [index, result] of opened.entries()) if (result.status === "fulfilled") supervise(index + 1, result.value);
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
    apply: async (next) => {
      const { committed } = await serialize(() => change(next));
      await committed;
    },
    inspect: (after) => inspections.read(threads, after),
    recent: (after) => inspections.recent(threads, after),
    comparisons: (after, sinceMs) => comparisons.read(threads, after, sinceMs),
    resetComparisons: async () => {
      await askAll("reset-comparisons");
      comparisons.reset();
    },
    shutdown: () => {
      stopping.abort();
      return serialize(() => {
        Atomics.store(new Int32Array(open), 0, threads.size);
        return askAll("stop");
      });
    },
    flush: () => askAll("flush"),
    end,
  };
}

function nextRetryMs(waitMs: number): number {
  return waitMs === 0 ? FIRST_RETRY_MS : Math.min(2 * waitMs, MAX_RETRY_MS);
}

/**
 * Divides the limits that protect the process and the services among workers, rounded up. The limit per client is not
 * divided: all requests of a client with one connection reach one worker. Sample ratios are the same in every worker.
 */
export function divideLimits(config: Config, count: number): Config {
  const { maxInFlight, maxUploads, maxTunnels, maxConnections } = config.limits;
  const { maxConnectionsPerService, maxQueuedPerService } = config.limits;
  const services = new Map(config.services.map((service) => [service, divideShadowLimits(service, count)]));
  return {
    ...config,
    services: [...services.values()],
    routes: config.routes.map(({ members, ...route }) => ({
      ...route,
      members: members.map(({ service, role }) => ({ service: services.get(service)!, role })),
    })),
    limits: {
      ...config.limits,
      maxInFlight: Math.ceil(maxInFlight / count),
      maxUploads: Math.ceil(maxUploads / count),
      maxTunnels: Math.ceil(maxTunnels / count),
      maxConnections: Math.ceil(maxConnections / count),
      maxConnectionsPerService: Math.ceil(maxConnectionsPerService / count),
      maxQueuedPerService: Math.ceil(maxQueuedPerService / count),
    },
  };
}

function divideShadowLimits(service: Service, count: number): Service {
  const { shadow } = service;
  if (shadow === undefined) return service;
  const maxInFlight = Math.ceil(shadow.maxInFlight / count);
  return { ...service, shadow: { ...shadow, maxInFlight, maxPerSecond: shadow.maxPerSecond / count } };
}
