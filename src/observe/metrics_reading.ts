/** What is shown as metrics: the counters, and what is known of the process beside them. */

import type { MetricsSnapshot } from "./metrics_snapshot.ts";

/** What a process takes; each is absent where the permissions do not allow to look. */
export interface ProcessStats {
  /** Memory that is not swapped out, in bytes. */
  readonly residentBytes?: number;
  /** Of that what objects of this thread take, in bytes. */
  readonly heapBytes?: number;
  /** Open file descriptors. */
  readonly descriptors?: number;
}

/** Threads that serve. */
export interface WorkerStats {
  /** How many there are. */
  readonly count: number;
  /** How many have been lost since the start. */
  readonly crashes: number;
}

/** One reading of everything. */
export interface MetricsReading {
  /** The counters, of all threads together where that can be had. */
  readonly metrics: MetricsSnapshot;
  /** What the process takes. Absent: not known. */
  readonly process?: ProcessStats;
  /** The threads. Absent: the server of this process does not look after any. */
  readonly workers?: WorkerStats;
}

/** Where readings come from. */
export type MetricsSource = () => MetricsReading | Promise<MetricsReading>;
