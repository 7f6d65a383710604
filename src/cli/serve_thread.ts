/** The server of one thread: the main one's, or a worker's. */

import { createHandler } from "../conductor.ts";
import type { Config } from "../config/config.ts";
import { createInstance } from "../exchange/instance.ts";
import type { Observer } from "../observe/events.ts";
import { Metrics } from "../observe/metrics.ts";
import type { MetricsSource } from "../observe/metrics_reading.ts";
import type { MetricsSnapshot } from "../observe/metrics_snapshot.ts";
import type { Logger } from "../observe/log.ts";
import { HealthChecks } from "../server/health_checks.ts";
import { InFlight } from "../server/in_flight.ts";
import { type PreparedConfig, serveConfig } from "../server/live_server.ts";
import { processFacts } from "../server/process_facts.ts";
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
   * Whether requests are counted even where the data port does not show it.
   *
   * @default {false}
   */
  readonly counts?: boolean;
  /**
   * What the data port shows as metrics, given what this thread has counted.
   *
   * @default That, and what the process takes.
   */
  readonly metricsSource?: (own: MetricsSnapshot) => ReturnType<MetricsSource>;
}

/** The server of one thread. */
export interface ServingThread extends Serving {
  /** What this thread has counted. */
  readonly metrics: Metrics;
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
  const { logger, onError, pseudonym, reusePort, onAttempts = () => {}, counts = false } = options;
  const { metricsSource = (metrics) => ({ metrics, process: processFacts() }) } = options;
  const inFlight = new InFlight();
  const metrics = new Metrics();
  let isCounting = counts;
  const observe: Observer = (event) => {
    inFlight.observe(event);
    // What state a service is in must be known when counting begins with a reload.
    if (isCounting || event.type === "breaker" || event.type === "health") metrics.observe(event);
    if (event.type === "attempted" || event.type === "settled") onAttempts(inFlight.count);
    logger().observe(event);
  };
  const kept = {
    instance: createInstance(pseudonym),
    transport: runtimeTransport({ reclaims: true }),
    reclaims: true,
    metricsSource: () => metricsSource(metrics.snapshot()),
  };
  const checks = new HealthChecks({ transport: kept.transport, health: kept.instance.health, observe });
  const server = serveConfig(first, {
    handlerFor: (config) => createHandler(config, { ...kept, observe }),
    reusePort,
    onError,
    onReopen: () => logger().log("info", "listening again"),
  });
  const follow = (config: Config) => {
    isCounting = counts || config.metrics.enabled;
    metrics.follow(config);
    checks.follow(config.services);
  };
  follow(first);
  return {
    metrics,
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
      follow(config);
    },
    prepare: (config) => {
      const prepared = server.prepare(config);
      return {
        commit: () => {
          prepared.commit();
          follow(config);
        },
        abandon: () => prepared.abandon(),
      };
    },
    shutdown: async () => {
      await Promise.all([checks.stop(), server.shutdown()]);
      // Copies are waited for too: a shadow's request that has been sent is worth finishing.
      await inFlight.idle();
    },
  };
}
