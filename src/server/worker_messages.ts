/** Messages between the main thread and its workers. */

import type { ComparisonsSnapshot } from "../compare/comparison_store.ts";
import type { Config } from "../config/config.ts";
import type { RecentExchanges } from "../observe/exchange_record.ts";
import type { Inspection, MetricsReading } from "../observe/metrics_snapshot.ts";

/** Start parameters of a worker. */
export interface WorkerSetup<Settings> {
  /** Configuration with the worker's part of the limits and the shared port. */
  readonly config: Config;
  /** Number of the worker's attempts in flight, as one 32-bit integer. */
  readonly attempts: SharedArrayBuffer;
  /** Number of workers whose listener a shutdown has not closed yet, as one 32-bit integer. All workers share it. */
  readonly open: SharedArrayBuffer;
  /** Settings of all workers, independent of the configuration. */
  readonly settings: Settings;
}

/** Command to a worker. */
export type Command<Settings = unknown> =
  /** Starts to serve. */
  | { readonly type: "start"; readonly setup: WorkerSetup<Settings> }
  /** Runs the part of a configuration change that may fail. */
  | { readonly type: "prepare"; readonly config: Config }
  /** Makes the prepared configuration take effect. */
  | { readonly type: "commit" }
  /** Discards the prepared configuration. */
  | { readonly type: "rollback" }
  /** Stops accepting connections, and completes the requests in flight. */
  | { readonly type: "stop" }
  /** Sends all queued log lines. */
  | { readonly type: "flush" }
  /** Returns the counters, and the exchanges with an id above `after`. */
  | { readonly type: "inspect"; readonly after: number }
  /** Returns the exchanges with an id above `after`. */
  | { readonly type: "recent"; readonly after: number }
  /** Returns the comparisons since `sinceMs`, by default all, and the mismatches with an id above `after`. */
  | { readonly type: "compared"; readonly after: number; readonly sinceMs?: number }
  /** Starts counting comparisons again. */
  | { readonly type: "reset-comparisons" };

/** Result of a command. Empty for most of them. */
export interface CommandResult {
  /** Result of `inspect`. */
  readonly inspection?: Inspection;
  /** Result of `recent`. */
  readonly recent?: RecentExchanges;
  /** Result of `compared`. */
  readonly comparisons?: ComparisonsSnapshot;
}

/** A stream of the process. */
export type StreamName = "stdout" | "stderr";

/** Message to a worker: a command with its id, the confirmation of written log lines, or the metrics of all workers. */
export type ToWorker<Settings = unknown> =
  | { readonly type: "command"; readonly id: number; readonly command: Command<Settings> }
  | { readonly type: "written"; readonly stream: StreamName }
  | { readonly type: "metrics"; readonly reading: MetricsReading };

/** Failure of a command. Errors lose their class between threads, so its name is sent. */
export interface CommandFailure {
  /** Address that could not be listened on. Absent: another failure. */
  readonly address?: { readonly hostname: string; readonly port: number };
  /** Name of the error's class, for example `AddrInUse`. */
  readonly name: string;
  /** Message of the error. */
  readonly message: string;
}

/** Message from a worker: the result of a command, whole log lines, or a request for the metrics of all workers. */
export type FromWorker =
  | { readonly type: "result"; readonly id: number; readonly failure?: CommandFailure; readonly result?: CommandResult }
  | { readonly type: "lines"; readonly stream: StreamName; readonly bytes: Uint8Array }
  | { readonly type: "metrics-request" };
