/** The server of one thread: the main thread, or a worker. */

import { ComparisonStore } from "../compare/comparison_store.ts";
import type { Config } from "../config/config.ts";
import { TUNNEL_GRACE_RATIO } from "../policy/open_tunnels.ts";
import { createSharedState } from "../policy/shared_state.ts";
import type { Observer } from "../observe/events.ts";
import type { DetailedObserver } from "../observe/observers.ts";
import { ExchangeRecorder } from "../observe/exchange_recorder.ts";
import type { MetricsSource, ReloadStats } from "../observe/metrics_snapshot.ts";
import type { Logger } from "../observe/log.ts";
import { Metrics } from "../observe/metrics.ts";
import { observeDurations } from "../observe/otel_metrics.ts";
import { findMeters } from "../observe/telemetry.ts";
import { createAccessLog } from "../observe/access_log.ts";
import { createRedaction } from "../observe/redaction.ts";
import { createProxyHandler } from "../proxy/handler.ts";
import type { ShownServer } from "../server/admin_listener.ts";
import { HealthChecks } from "../server/health_checks.ts";
import { AttemptsInFlight } from "../server/drain.ts";
import { type PreparedConfig, serveConfig } from "../server/live_server.ts";
import { processStats } from "../server/process_stats.ts";
import { runtimeTransport } from "../upstream/runtime_transport.ts";

/** A running server: this thread alone, or all workers together. */
export interface Serving extends ShownServer {
  /** Address of the listener. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** Number of attempts that have started and not settled, shadow requests included. */
  readonly attemptsInFlight: number;
  /** Puts a configuration into force. If it throws, nothing has changed. */
  apply(config: Config): Promise<void>;
  /**
   * Makes clients close their connections, waits for request bodies, closes the listener, and waits for every response
   * and every attempt in flight.
   */
  shutdown(): Promise<void>;
}

/** Options of {@linkcode serveThread}. */
export interface ServeThreadOptions {
  /** Returns the log of the running configuration. */
  readonly logger: () => Logger;
  /** Called for unexpected errors. */
  readonly onError: (message: string, error: unknown) => void;
  /**
   * Name in the Via header.
   *
   * @default A random name.
   */
  readonly pseudonym?: string;
  /**
   * True if other threads listen on the same port.
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /**
   * Called with the number of attempts in flight when it changes.
   *
   * @default A function that does nothing.
   */
  readonly onAttempts?: (inFlight: number) => void;
  /**
   * True to count requests for `inspect` even if the configuration has neither `admin` nor `metrics`. OpenTelemetry
   * metrics count them in any case.
   *
   * @default {false}
   */
  readonly alwaysCount?: boolean;
  /**
   * True if a live table is shown, which the lines of an access log would scroll out of sight.
   *
   * @default {false}
   */
  readonly hasTable?: boolean;
  /**
   * Maximum exchanges to record per second.
   *
   * @default RECORDED_PER_SECOND
   */
  readonly recordedPerSecond?: number;
  /**
   * Source of the metrics on the data port.
   *
   * @default The metrics of this thread, and the statistics of the process.
   */
  readonly metricsSource?: MetricsSource;
  /**
   * Makes a shutdown close the listener at once when it is aborted.
   *
   * @default No signal.
   */
  readonly urgent?: AbortSignal;
  /**
   * Called when a shutdown has closed the listener. Responses that are ready wait for its end.
   *
   * @default No call.
   */
  readonly onClosed?: () => Promise<void>;
  /**
   * Returns the reloads so far, for the metrics on the data port.
   *
   * @default A function that returns `undefined`.
   */
  readonly reloads?: () => ReloadStats | undefined;
}

/** The server of one thread. */
export interface ServingThread extends Serving {
  /** Does the part of `apply` that may fail. */
  prepare(config: Config): Promise<PreparedConfig>;
}

/** Serves a configuration in this thread. Throws a `ListenError` if its address cannot be listened on. */
export async function serveThread(first: Config, options: ServeThreadOptions): Promise<ServingThread> {
  const { logger, onError, pseudonym, reusePort, onAttempts = () => {}, recordedPerSecond } = options;
  const alwaysCount = options.alwaysCount === true || findMeters() !== undefined;
  const inFlight = new AttemptsInFlight();
  let metrics: Metrics | undefined;
  let recorder: ExchangeRecorder | undefined;
  let redaction = createRedaction(first);
  const recordDuration = observeDurations();
  const observe: DetailedObserver = (event) => {
    inFlight.observe(event);
    recordDuration?.(event);
    if (event.type === "attempted" || event.type === "settled") onAttempts(inFlight.count);
    logger().observe(event);
  };

  /** Adds the access log of a configuration to an observer. */
  function withAccessLog(config: Config, observe: DetailedObserver): DetailedObserver {
    if (options.hasTable) return observe;
    const access = createAccessLog(config, { write: (line) => logger().write(line) });
    if (access === undefined) return observe;
    return (event, context) => {
      access(event, context);
      observe(event, context);
    };
  }

  function observerFor(config: Config): DetailedObserver {
    redaction = createRedaction(config);
    return withAccessLog(config, countingObserverFor(config));
  }

  /** Returns the observer that counts. That of an exchange does not change: all its events are counted, or none. */
  function countingObserverFor(config: Config): DetailedObserver {
    if (!alwaysCount && config.admin === undefined && !config.metrics.enabled) return observe;
    const counters = metrics ??= new Metrics();
    counters.reconfigure(config);
    const recording = config.admin === undefined ? undefined : recorderFor();
    return (event, detail) => {
      counters.observe(event);
      recording?.observe(event, detail);
      observe(event);
    };
  }

  function recorderFor(): ExchangeRecorder {
    return recorder ??= new ExchangeRecorder({
      redaction: () => redaction,
      ...(recordedPerSecond !== undefined && { maxPerSecond: recordedPerSecond }),
    });
  }

  const readMetrics = () => (metrics ?? new Metrics()).snapshot();
  const recentExchanges = (after: number) => recorder?.after(after) ?? { last: 0, exchanges: [] };
  const readAll = () => {
    const reloads = options.reloads?.();
    return { metrics: readMetrics(), process: processStats(), ...(reloads !== undefined && { reloads }) };
  };
  const stopping = new AbortController();
  const shared = {
    stopping: stopping.signal,
    instance: createSharedState(pseudonym),
    transport: runtimeTransport({ detachBuffers: true }),
    detachBuffers: true,
    comparisons: new ComparisonStore(),
    metricsSource: options.metricsSource ?? readAll,
  };
  const observeAlways: Observer = (event) => {
    metrics?.observe(event);
    observe(event);
  };
  const checks = new HealthChecks({
    transport: shared.transport,
    health: shared.instance.health,
    redaction: () => redaction,
    observe: observeAlways,
  });
  const server = await serveConfig(first, {
    handlerFor: (config) => createProxyHandler(config, { ...shared, observe: observerFor(config) }),
    reusePort,
    uploadsInFlight: () => shared.instance.admission.uploadsInFlight,
    urgent: options.urgent,
    onError,
    onRefused: (reason, client) => observeAlways({ type: "refused", reason, client }),
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
    prepare: async (config) => {
      const prepared = await server.prepare(config);
      return {
        commit: () => {
          const committed = prepared.commit();
          checks.reconfigure(config.services);
          return committed;
        },
        rollback: () => prepared.rollback(),
      };
    },
    inspect: (after) => Promise.resolve({ metrics: readMetrics(), recent: recentExchanges(after) }),
    recent: (after) => Promise.resolve(recentExchanges(after)),
    comparisons: (after, sinceMs) => Promise.resolve(shared.comparisons.read(after, sinceMs)),
    resetComparisons: () => Promise.resolve(shared.comparisons.reset()),
    shutdown: async () => {
      stopping.abort();
      const { tunnels } = shared.instance;
      // Some time is left to log their ends, before the process exits.
      const untilMs = performance.now() + TUNNEL_GRACE_RATIO * server.config.shutdownTimeoutMs;
      let drained = Promise.resolve();
      // Not before: clients of closed tunnels would connect again to the same process.
      const onClosed = async () => {
        await options.onClosed?.();
        drained = tunnels.drain(Math.max(0, untilMs - performance.now()));
      };
      await Promise.all([checks.stop(), server.shutdown({ onClosed })]);
      await drained;
      // Shadow requests are waited for too: comparisons and metrics need their responses.
      await inFlight.idle();
    },
  };
}
