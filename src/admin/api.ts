/** The JSON that the admin listener speaks: `/api/state`, `/api/exchanges`, `/api/events`. */

import type { Role } from "../config/config.ts";
import type { RecentExchanges } from "../observe/exchange_record.ts";
import type { MetricsSnapshot, ReloadStats } from "../observe/metrics_snapshot.ts";

/** A service as the dashboard draws it. */
export interface ServiceView {
  /** The configured name. */
  readonly name: string;
  /** Scheme, host and port; the whole `url` as written if it contains placeholders. */
  readonly origin: string;
}

/** A route as the dashboard draws it. */
export interface RouteView {
  /** The pattern, for example `pathPrefix /api`; the label of all metrics. */
  readonly route: string;
  /** The services with their roles, in the order of the configuration. */
  readonly members: readonly { readonly service: string; readonly role: Role }[];
}

/** `GET /api/state`: what is configured, and what has been counted so far. */
export interface StateView {
  /** conductor's version. */
  readonly version: string;
  /** When this was read, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Whether the server takes no new requests as it is about to end. */
  readonly draining: boolean;
  /** Threads that serve, and how many have been lost since the start. */
  readonly workers: { readonly count: number; readonly crashes: number };
  /** Reloads; absent if the configuration does not come from a file. */
  readonly reloads?: ReloadStats;
  /** Memory of the process in bytes and its open descriptors; absent where the permissions do not allow to look. */
  readonly process: { readonly residentBytes?: number; readonly heapBytes?: number; readonly descriptors?: number };
  /** Where clients reach the server, for example `http://127.0.0.1:8080`; absent where that is not known. */
  readonly url?: string;
  /** The upper bounds of the histograms' buckets, in milliseconds; what took longer than all is in one bucket more. */
  readonly histogramBoundsMs: readonly number[];
  /** The services in the order of the configuration. */
  readonly services: readonly ServiceView[];
  /** The routes in the order of the configuration. */
  readonly routes: readonly RouteView[];
  /** Whether any service's answers are compared with the primary's. */
  readonly comparing: boolean;
  /** All counters, of all workers together. */
  readonly metrics: MetricsSnapshot;
}

/** `GET /api/exchanges?after=ID`: the recent exchanges with a higher id, oldest first. */
export type ExchangesView = RecentExchanges;

/**
 * `GET /api/events`: server-sent events. Each second one `state` event with a {@linkcode StateView}, and up to four times
 * a second one `exchanges` event with an {@linkcode ExchangesView} where there are new ones; its `id` is `last`, so that a
 * page that reconnects goes on where it was.
 */
export type AdminEventName = "state" | "exchanges";
