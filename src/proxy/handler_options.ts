/** What a handler can be given, by those who embed it and by conductor's own server. */

import type { ComparisonStore } from "../compare/comparison_store.ts";
import type { SharedState } from "../policy/shared_state.ts";
import type { DetailedObserver } from "../observe/observers.ts";
import type { Observer } from "../observe/events.ts";
import type { MetricsSource } from "../observe/metrics_snapshot.ts";
import type { Telemetry } from "../observe/telemetry.ts";
import type { Transport } from "../upstream/transport.ts";

/** What a handler can be given in place of the real thing. */
export interface ConductorOptions {
  /**
   * How backends are reached. Absent: with `http1Transport` in Deno, and with `fetchTransport` elsewhere and for services
   * with `http2`.
   */
  readonly transport?: Transport;
  /**
   * The clock for durations and time-outs, in milliseconds; it must not go backwards.
   *
   * @default performance.now
   */
  readonly now?: () => number;
  /** Told of everything that happens to a request. Absent: nobody is told. */
  readonly observe?: Observer;
}

/** What conductor's own server adds. */
export interface HandlerOptions extends ConductorOptions {
  /** As for everybody, but also told what an event is about. */
  readonly observe?: DetailedObserver;
  /**
   * What is kept from one configuration to the next.
   *
   * @default A new one.
   */
  readonly instance?: SharedState;
  /**
   * Whether bodies come from native code, and go nowhere but there, so that the memory of their pieces can be given back
   * as soon as they have been sent.
   *
   * @default {false}
   */
  readonly detachBuffers?: boolean;
  /**
   * Who records spans.
   *
   * @default Who has registered with the OpenTelemetry API: Deno, with `OTEL_DENO=true`.
   */
  readonly telemetry?: Telemetry | undefined;
  /**
   * What `metrics.endpoint` shows, where `metrics.enabled` says so; `observe` does the counting then.
   *
   * @default The handler counts its own requests.
   */
  readonly metricsSource?: MetricsSource;
  /**
   * Where answers that were compared are counted.
   *
   * @default Nowhere: observers are told all the same.
   */
  readonly comparisons?: ComparisonStore;
}
