/** The server of one thread: the main one's, or a worker's. */

import { type ComparisonsSnapshot, ComparisonStore } from "../compare/comparison_store.ts";
import { createHandler } from "../proxy/fetch_handler.ts";
import type { Config } from "../config/config.ts";
import { createSharedState } from "../policy/shared_state.ts";
import type { DetailedObserver } from "../observe/observers.ts";
import { ExchangeRecorder } from "../observe/exchange_recorder.ts";
import type { Inspection, MetricsSource } from "../observe/metrics_snapshot.ts";
import type { Logger } from "../observe/log.ts";
import { Metrics } from "../observe/metrics.ts";
import { createRedaction, type Redaction } from "../observe/redaction.ts";
import { HealthChecks } from "../server/health_checks.ts";
import { AttemptsInFlight } from "../server/in_flight.ts";
import { type PreparedConfig, serveConfig } from "../server/live_server.ts";
import { processStats } from "../server/process_stats.ts";
import { runtimeTransport } from "../upstream/runtime_transport.ts";

/** What serves: this thread alone, or all workers together. */
export interface Serving {
  /** The configuration that new requests meet. */
  readonly config: Config;
  /** The address that is listened on. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** The attempts that have started and not settled, copies included. */
  readonly attemptsInFlight: number;
  /** Puts a configuration into force; where it throws, nothing has changed. */
  apply(config: Config): Promise<void>;
  /**
   * Tells what has been counted and recorded; nothing is, before there is an admin listener.
   *
   * @param after The highest id of an exchange that is known already.
   */
  inspect(after: number): Promise<Inspection>;
  /**
   * Tells what has been compared.
   *
   * @param after The highest id of a mismatch that is known already; with Infinity none is listed.
   */
  comparisons(after: number): Promise<ComparisonsSnapshot>;
  /** Stops accepting, and waits for every response and every attempt that is in flight. */
  shutdown(): Promise<void>;
}

/** What the server of a thread needs. */
export interface ServeThreadOptions {
  /** Gives the log of the running configuration. */
  readonly logger: () => Logger;
  /** Told of what nobody expected. */
  readonly onError: (message: string, error: unknown) => void;
  /**
   * The name in Via.
   *
   * @default One of its own.
   */
  readonly pseudonym?: string;
  /**
   * Whether other threads listen on the same port.
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /**
   * Told of the number of attempts in flight whenever it changes.
   *
   * @default Nobody is told.
   */
  readonly onAttempts?: (inFlight: number) => void;
  /**
   * Whether requests are counted for whoever asks `inspect`, whatever the configuration says.
   *
   * @default {false}
   */
  readonly counts?: boolean;
  /**
   * How many exchanges are recorded in a second.
   *
   * @default RECORDED_PER_SECOND
   */
  readonly recordedPerSecond?: number;
  /**
   * What the data port shows as metrics.
   *
   * @default What this thread has counted, and what the process takes.
   */
  readonly metricsSource?: MetricsSource;
}

/** The server of one thread. */
export interface ServingThread extends Serving {
  /** Does all of `apply` that may fail. */
  prepare(config: Config): PreparedConfig;
}

/**
 * Serves a configuration in this thread.
 *
 * @param first The configuration to begin with.
 * @param options The log, and what is shared with other threads.
 * @returns The running server.
 * @throws {ListenError} Where its address can not be listened on.
 */
export function serveThread(first: Config, options: ServeThreadOptions): ServingThread {
  const { logger, onError, pseudonym, reusePort, onAttempts = () => {}, recordedPerSecond, counts = false } = options;
  const inFlight = new AttemptsInFlight();
  let metrics: Metrics | undefined;
  let recorder: ExchangeRecorder | undefined;
  let redaction: Redaction;
  const observe: DetailedObserver = (event) => {
    inFlight.observe(event);
    if (event.type === "attempted" || event.type === "settled") onAttempts(inFlight.count);
    logger().observe(event);
  };

  /** An exchange is counted from its first event to its last, or not at all. */
  function observerFor(config: Config): DetailedObserver {
    if (!counts && config.admin === undefined && !config.metrics.enabled) return observe;
    const counted = metrics ??= new Metrics();
    counted.reconfigure(config);
    const recorded = config.admin === undefined ? undefined : recorderFor(config);
    return (event, detail) => {
      counted.observe(event);
      recorded?.observe(event, detail);
      observe(event);
    };
  }

  function recorderFor(config: Config): ExchangeRecorder {
    redaction = createRedaction(config);
    return recorder ??= new ExchangeRecorder({
      redaction: () => redaction,
      ...(recordedPerSecond !== undefined && { maxPerSecond: recordedPerSecond }),
    });
  }

  const readMetrics = () => (metrics ?? new Metrics()).snapshot();
  const kept = {
    instance: createSharedState(pseudonym),
    transport: runtimeTransport({ detachBuffers: true }),
    detachBuffers: true,
    comparisons: new ComparisonStore(),
    metricsSource: options.metricsSource ?? (() => ({ metrics: readMetrics(), process: processStats() })),
  };
  const checks = new HealthChecks({
    transport: kept.transport,
    health: kept.instance.health,
    observe: (event) => {
      metrics?.observe(event);
      observe(event);
    },
  });
  const server = serveConfig(first, {
    handlerFor: (config) => createHandler(config, { ...kept, observe: observerFor(config) }),
    reusePort,
    onError,
    onReopen: () => logger().log("info", "listening again"),
  });
  checks.reconfigure(first.services);
  return {
    get config() {
      return server.config;
    },
    get address() {
      return server.address;
    },
    get attemptsInFlight() {
      return inFlight.count;
    },
    apply: async (config) => {
      await server.apply(config);
      checks.reconfigure(config.services);
    },
    prepare: (config) => {
      const prepared = server.prepare(config);
      return {
        commit: () => {
          prepared.commit();
          checks.reconfigure(config.services);
        },
        rollback: () => prepared.rollback(),
      };
    },
    inspect: (after) => {
      return Promise.resolve({
        metrics: readMetrics(),
        recent: recorder?.after(after) ?? { last: 0, exchanges: [] },
      });
    },
    comparisons: (after) => Promise.resolve(kept.comparisons.read(after)),
    shutdown: async () => {
      await Promise.all([checks.stop(), server.shutdown()]);
      // Copies are waited for too: a shadow's request that has been sent is worth finishing.
      await inFlight.idle();
    },
  };
}
