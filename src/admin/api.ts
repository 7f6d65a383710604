/** Types of the admin API: `/api/state`, `/api/exchanges`, `/api/events`; and the source of its data. */

import type { ComparisonsSnapshot } from "../compare/comparison_store.ts";
import type { NoiseMarks } from "../compare/noise_marks.ts";
import type { Config, Role } from "../config/config.ts";
import type { RecentExchanges } from "../observe/exchange_record.ts";
import type { Percentiles } from "../lib/latency_counts.ts";
import type {
  HistogramSnapshot,
  MetricsReading,
  MetricsSnapshot,
  ProcessStats,
  ReloadStats,
  RouteSnapshot,
  ServiceSnapshot,
  WorkerStats,
} from "../observe/metrics_snapshot.ts";

/** Percentiles of the last 10 to 20 seconds, exact within 1 %. All are `null` without durations in this period. */
export interface LatencyView extends Percentiles {
  /** Percentiles of all durations since the start. */
  readonly sinceStart: Percentiles;
}

/** Durations of a row: their number and sum since the start. */
export interface DurationView {
  /** Number of durations. */
  readonly count: number;
  /** Sum of the durations, in milliseconds. */
  readonly sumMs: number;
}

/** Row of counters with percentiles instead of buckets. */
export type RowView<T extends RouteSnapshot | ServiceSnapshot> =
  & { readonly [K in keyof T]: T[K] extends HistogramSnapshot ? DurationView : T[K] }
  & LatencyView;

/** Counters with percentiles instead of buckets. */
export interface MetricsView extends Omit<MetricsSnapshot, "routes" | "services"> {
  /** Routes in the order of the configuration, then the row for requests that matched no route. */
  readonly routes: readonly RowView<RouteSnapshot>[];
  /** Services of each route, in the order of the configuration. */
  readonly services: readonly RowView<ServiceSnapshot>[];
}

/** A service on the dashboard, with the percentiles of its attempts on all routes. */
export interface ServiceView extends LatencyView {
  /** Configured name. */
  readonly name: string;
  /** Scheme, host and port; the whole `url` as written if it contains placeholders. */
  readonly origin: string;
}

/** A route on the dashboard. */
export interface RouteView {
  /** Pattern, for example `pathPrefix /api`; the label of all metrics. */
  readonly route: string;
  /** Services with their roles, in the order of the configuration. */
  readonly members: readonly { readonly service: string; readonly role: Role }[];
}

/** `GET /api/state`: the configured routes and services, and all counters. */
export interface StateView {
  /** Version of conductor. */
  readonly version: string;
  /** Time of the reading, in milliseconds since 1970. */
  readonly timeMs: number;
  /** True if the server accepts no new requests because it shuts down. */
  readonly draining: boolean;
  /** Worker threads. */
  readonly workers: WorkerStats;
  /** Reloads; absent if the configuration does not come from a file. */
  readonly reloads?: ReloadStats;
  /** Resources of the process. */
  readonly process: ProcessStats;
  /** URL of the server for clients, for example `http://127.0.0.1:8080`; absent if it is not known. */
  readonly url?: string;
  /** Services in the order of the configuration. */
  readonly services: readonly ServiceView[];
  /** Routes in the order of the configuration. */
  readonly routes: readonly RouteView[];
  /** True if the responses of any service are compared with the primary's. */
  readonly comparing: boolean;
  /** Percentiles of all requests, those without a route included. */
  readonly total: LatencyView;
  /** Counters of all workers together. */
  readonly metrics: MetricsView;
}

/** `GET /api/exchanges?after=ID`: the recent exchanges with a higher id, the oldest first. */
export type ExchangesView = RecentExchanges;

/**
 * Events of `GET /api/events`. A `state` event with a {@linkcode StateView} is sent once per second. An `exchanges`
 * event with an {@linkcode ExchangesView} is sent up to four times per second, if there are new exchanges. Its `id` is
 * `last`, so that a page that reconnects continues after the last exchange it has received.
 */
export type AdminEventName = "state" | "exchanges";

/** Data of the admin listener. It may come from several threads. */
export interface AdminSource {
  /** Configuration of new requests. */
  readonly config: Config;
  /** Returns the current state. */
  state(): Promise<StateView>;
  /** Returns the current counters, for the metrics endpoint. */
  reading(): Promise<MetricsReading>;
  /** Returns the recent exchanges with an id above `after`. */
  exchanges(after: number): Promise<ExchangesView>;
  /**
   * Returns the comparison counters since `sinceMs`, by default all, and the mismatches with an id above `after`: none
   * for Infinity.
   */
  comparisons(after: number, sinceMs?: number): Promise<ComparisonsSnapshot>;
  /** Starts the comparison counters again. */
  resetComparisons(): Promise<void>;
  /** Fields that a user has marked as noise. */
  readonly marks: NoiseMarks;
}
