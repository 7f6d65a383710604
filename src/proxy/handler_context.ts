/** Options of a handler, and the dependencies that all its exchanges share. */

import type { ComparisonEngine } from "../compare/comparison_engine.ts";
import type { ComparisonStore } from "../compare/comparison_store.ts";
import type { Config } from "../config/config.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import type { KeyedSemaphore, SemaphoreLimits } from "../lib/keyed_semaphore.ts";
import type { LoopTurns } from "../lib/loop_turns.ts";
import type { SecretNames } from "../lib/secret_names.ts";
import type { StartPacer } from "../lib/start_pacer.ts";
import type { TimeoutQueues } from "../lib/timeout_queues.ts";
import type { DetailedObserver } from "../observe/observers.ts";
import type { Observer } from "../observe/events.ts";
import type { ExchangeTracer } from "../observe/exchange_spans.ts";
import type { Redaction } from "../observe/redaction.ts";
import { Metrics } from "../observe/metrics.ts";
import type { MetricsSource } from "../observe/metrics_snapshot.ts";
import type { Telemetry } from "../observe/telemetry.ts";
import type { Admission } from "../policy/admission.ts";
import type { Availability } from "../policy/availability.ts";
import type { HedgePolicies } from "../policy/hedge_policies.ts";
import type { OpenTunnels } from "../policy/open_tunnels.ts";
import type { SharedState } from "../policy/shared_state.ts";
import type { DrainHistory } from "../upstream/response_body.ts";
import type { Transport } from "../upstream/transport.ts";
import type { UploadBounds } from "../body/upload_watch.ts";
import type { RouteTable } from "./match.ts";

/** Dependencies of a handler that a program can replace. */
export interface ConductorOptions {
  /**
   * Sends requests to services. Default: `http1Transport` in Deno; `fetchTransport` in other runtimes and for services
   * with `http2`.
   */
  readonly transport?: Transport;
  /**
   * Monotonic clock for durations and timeouts, in milliseconds.
   *
   * @default performance.now
   */
  readonly now?: () => number;
  /** Called with each event. Default: no observer. */
  readonly observe?: Observer;
}

/** Options that only conductor's own server sets. */
export interface HandlerOptions extends ConductorOptions {
  /** Called with each event and its context. Default: no observer. */
  readonly observe?: DetailedObserver;
  /** State that outlives a configuration. Default: new state. */
  readonly instance?: SharedState;
  /**
   * Free the buffers of bodies as soon as they have been sent. Safe only if bodies come from native code and are not
   * read by other code.
   *
   * @default {false}
   */
  readonly detachBuffers?: boolean;
  /** API that records spans. Default: the registered OpenTelemetry API, which Deno provides with `OTEL_DENO=true`. */
  readonly telemetry?: Telemetry | undefined;
  /**
   * Source of `metrics.endpoint` if `metrics.enabled`; `observe` must count the events. Default: the handler counts its
   * own requests.
   */
  readonly metricsSource?: MetricsSource;
  /** Counts comparisons. Default: comparisons are only passed to the observer. */
  readonly comparisons?: ComparisonStore;
  /** Aborted when the shutdown begins: no further requests are replayed. Default: it never begins. */
  readonly stopping?: AbortSignal;
}

/** Dependencies and settings that all exchanges of one configuration share. */
export interface HandlerContext {
  readonly config: Config;
  /** Removes the secrets of the configuration from messages. */
  readonly redaction: Redaction;
  readonly routes: RouteTable;
  readonly transport: Transport;
  /** Monotonic clock in milliseconds. */
  readonly now: () => number;
  readonly deadlines: TimeoutQueues;
  /** Limits the time for reading bodies in one turn of the event loop. */
  readonly turns: LoopTurns;
  readonly uploadBounds: UploadBounds;
  /** True if the buffers of bodies are freed as soon as they have been sent. */
  readonly detachBuffers: boolean;
  /** Reports whether the forwarding fields of a peer are trusted. */
  readonly isTrusted: AddressMatcher;
  /** Name of this instance in Via. */
  readonly pseudonym: string;
  readonly admission: Admission;
  /** Upgraded connections, also of former configurations. */
  readonly tunnels: OpenTunnels;
  readonly availability: Availability;
  readonly hedges: HedgePolicies;
  /** Attempts in flight by the name of their service. */
  readonly inFlight: KeyedSemaphore;
  /** Delays attempts that would start together. */
  readonly starts: StartPacer;
  /** Limits of `inFlight`, the same for each service. */
  readonly upstreamLimits: SemaphoreLimits;
  readonly secretNames: SecretNames;
  /** Services whose unselected responses are too long to drain. */
  readonly drains: DrainHistory;
  /** Called with each event; never throws. `undefined`: no observer. */
  readonly observe: DetailedObserver | undefined;
  /** Source of `metrics.endpoint`; `undefined` if there is no such endpoint. */
  readonly metricsSource: MetricsSource | undefined;
  /** Creates spans; `undefined` if none are recorded. */
  readonly tracer: ExchangeTracer | undefined;
  /** Compares responses; `undefined` if nothing is compared. */
  readonly comparisons: ComparisonEngine | undefined;
}

/** Returns the observer and the source of `metrics.endpoint`. Counts the handler's requests if no source is given. */
export function withDefaultMetrics(
  config: Config,
  { observe, metricsSource }: HandlerOptions,
): Pick<HandlerContext, "observe" | "metricsSource"> {
  if (!config.metrics.enabled) return { observe, metricsSource: undefined };
  if (metricsSource !== undefined) return { observe, metricsSource };
  const metrics = new Metrics();
  metrics.reconfigure(config);
  return {
    observe: (event, context) => {
      metrics.observe(event);
      // Returned for its promise, if the observer is asynchronous.
      return observe?.(event, context);
    },
    metricsSource: () => ({ metrics: metrics.snapshot() }),
  };
}
