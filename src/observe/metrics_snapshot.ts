/** Snapshots of the counters, as plain data: workers send them to the main thread, which adds them up. */

import type { Role } from "../config/config.ts";
import { ROUTE_METRICS, SERVICE_METRICS, SERVICE_STATES, type StateMetric } from "./counted_metrics.ts";
import type { FailureDetail, HealthEvent } from "./events.ts";
import type { RecentExchanges } from "./exchange_record.ts";
import { addRows, type SnapshotOf } from "./metric_cells.ts";

export type { HistogramSnapshot } from "./metric_cells.ts";

/** Counters of one route. */
export interface RouteSnapshot extends SnapshotOf<typeof ROUTE_METRICS> {
  /** Pattern of the route, for example `pathPrefix /api`. Empty for requests that matched none. */
  readonly route: string;
}

/** Counters of one service on one route. */
export interface ServiceSnapshot extends SnapshotOf<typeof SERVICE_METRICS> {
  /** Pattern of the route. */
  readonly route: string;
  /** Name of the service. */
  readonly service: string;
  /** Role of the service on the route. */
  readonly role: Role;
}

type States = {
  readonly [K in keyof typeof SERVICE_STATES]?: typeof SERVICE_STATES[K] extends StateMetric<infer S> ? S : never;
};

/** Health check that made a service unhealthy. */
export type FailedCheck = Pick<HealthEvent, "status" | "failure" | keyof FailureDetail>;

/** The newest failed attempt of a service. */
export interface LastFailure extends FailedCheck {
  /** Time at which it settled, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** States of one service. A state is absent if the service has no breaker or no health checks. */
export interface ServiceStateSnapshot extends States {
  /** Name of the service. */
  readonly service: string;
  /** Check that made the service unhealthy; absent while it is healthy. */
  readonly failedCheck?: FailedCheck;
  /** Newest attempt that failed; absent without one since the start. Aborted attempts do not count. */
  readonly lastFailure?: LastFailure;
}

/** All counters of a thread, or of several threads together. */
export interface MetricsSnapshot {
  /** Start of counting, in milliseconds since 1970. */
  readonly startedMs: number;
  /** Arrival of the last request, in milliseconds since 1970; 0 before the first request. */
  readonly lastRequestMs: number;
  /** Routes in the order of the configuration, then the row for requests that matched no route. */
  readonly routes: readonly RouteSnapshot[];
  /** Services of each route, in the order of the configuration. */
  readonly services: readonly ServiceSnapshot[];
  /** Services in the order of the configuration. */
  readonly states: readonly ServiceStateSnapshot[];
}

/** Resources of the process. Each is absent without the permission to read it. */
export interface ProcessStats {
  /** Resident memory, in bytes. */
  readonly residentBytes?: number;
  /** Virtual memory, in bytes. */
  readonly virtualBytes?: number;
  /** Used part of the heap of the main thread, in bytes. */
  readonly heapBytes?: number;
  /** Heap of the main thread, in bytes. */
  readonly heapTotalBytes?: number;
  /** Memory outside the heap that objects of the main thread own, in bytes. */
  readonly externalBytes?: number;
  /** CPU time of all threads, in milliseconds. */
  readonly cpuMs?: number;
  /** Start of the process, in milliseconds since 1970. */
  readonly startedMs?: number;
  /** Open file descriptors. */
  readonly descriptors?: number;
  /** Limit of open file descriptors. */
  readonly maxDescriptors?: number;
}

/** Worker threads of the process. */
export interface WorkerStats {
  /** Workers that serve. */
  readonly count: number;
  /** Workers lost since the start. */
  readonly crashes: number;
}

/** Reloads of a configuration that is read from files. */
export interface ReloadStats {
  /** Path of the configuration file. */
  readonly file: string;
  /** True if the last reload was applied, or if there was none. */
  readonly isSuccessful: boolean;
  /** Time at which the configuration in force was applied, in milliseconds since 1970. */
  readonly lastSuccessMs: number;
  /** Time of the last reload or of the start, in milliseconds since 1970. */
  readonly lastAttemptMs: number;
  /** Reloads that were applied. The start is not counted. */
  readonly succeeded: number;
  /** Reloads that were refused. */
  readonly refused: number;
  /** Problems of the last reload, without secrets; empty if it was applied. */
  readonly problems: readonly string[];
  /** Fields and services that the last applied reload changed, without values; empty at the start. */
  readonly changes: readonly string[];
  /** Last refused reload, kept after later successes; absent if there was none. */
  readonly lastRefusal?: {
    /** Time of the reload, in milliseconds since 1970. */
    readonly timeMs: number;
    /** Its problems, without secrets. */
    readonly problems: readonly string[];
  };
}

/** All that the metrics endpoint shows. */
export interface MetricsReading {
  /** Counters of this thread, or of all workers. */
  readonly metrics: MetricsSnapshot;
  /** Resources of the process; absent in a handler that is embedded in another program. */
  readonly process?: ProcessStats;
  /** Workers; absent if the process has none. */
  readonly workers?: WorkerStats;
  /** Reloads; absent if the configuration does not come from a file. */
  readonly reloads?: ReloadStats;
}

/** Reads the metrics for one request to the endpoint. */
export type MetricsSource = () => MetricsReading | Promise<MetricsReading>;

/** Counters and recent exchanges of a thread, as plain data: workers send it to the main thread. */
export interface Inspection {
  /** The counters. */
  readonly metrics: MetricsSnapshot;
  /** Exchanges above the requested id. */
  readonly recent: RecentExchanges;
}

/** Adds up the counters of several threads, at least one. Rows keep the order in which they first appear. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  return {
    startedMs: Math.min(...snapshots.map(({ startedMs }) => startedMs)),
    lastRequestMs: Math.max(...snapshots.map(({ lastRequestMs }) => lastRequestMs)),
    routes: mergeRows(snapshots.flatMap(({ routes }) => routes), {
      keyOf: ({ route }) => route,
      add: (a, b) => addRows(ROUTE_METRICS, a, b),
    }),
    services: mergeRows(snapshots.flatMap(({ services }) => services), {
      keyOf: ({ route, service, role }) => JSON.stringify([route, service, role]),
      add: (a, b) => addRows(SERVICE_METRICS, a, b),
    }),
    states: mergeRows(snapshots.flatMap(({ states }) => states), { keyOf: ({ service }) => service, add: worstOf }),
  };
}

interface Merging<T> {
  readonly keyOf: (row: T) => string;
  readonly add: (a: T, b: T) => T;
}

function mergeRows<T>(rows: readonly T[], { keyOf, add }: Merging<T>): T[] {
  const merged = new Map<string, T>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = merged.get(key);
    merged.set(key, known === undefined ? row : add(known, row));
  }
  return [...merged.values()];
}

function worstOf(a: ServiceStateSnapshot, b: ServiceStateSnapshot): ServiceStateSnapshot {
  const worst = { ...a };
  const keys = Object.keys(SERVICE_STATES) as (keyof typeof SERVICE_STATES)[];
  for (const key of keys) {
    const states: readonly string[] = SERVICE_STATES[key].states;
    const isWorse = b[key] !== undefined && states.indexOf(a[key] ?? "") < states.indexOf(b[key]);
    if (isWorse) Object.assign(worst, { [key]: b[key] });
  }
  const failedCheck = a.failedCheck ?? b.failedCheck;
  const lastFailure = (a.lastFailure?.timeMs ?? 0) < (b.lastFailure?.timeMs ?? 0) ? b.lastFailure : a.lastFailure;
  return {
    ...worst,
    ...(failedCheck !== undefined && { failedCheck }),
    ...(lastFailure !== undefined && { lastFailure }),
  };
}
