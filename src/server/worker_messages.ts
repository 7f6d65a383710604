/** What the main thread and its workers say to each other. */

import type { ComparisonsReading } from "../compare/comparison_store.ts";
import type { Config } from "../config/config.ts";
import type { Inspection, MetricsReading } from "../observe/metrics_snapshot.ts";

/** What a worker needs to start. */
export interface WorkerSetup<Settings> {
  /** The configuration to follow, with the worker's share of the limits and the port that all share. */
  readonly config: Config;
  /** Where the worker keeps the number of its attempts in flight: one 32-bit integer. */
  readonly attempts: SharedArrayBuffer;
  /** What is the same for all workers, whatever the configuration. */
  readonly settings: Settings;
}

/** What a worker is asked to do. */
export type Command<Settings = unknown> =
  /** Serve. */
  | { readonly type: "start"; readonly setup: WorkerSetup<Settings> }
  /** Do all that may fail before another configuration is followed. */
  | { readonly type: "prepare"; readonly config: Config }
  /** Follow what was prepared. */
  | { readonly type: "commit" }
  /** Forget what was prepared. */
  | { readonly type: "abandon" }
  /** Accept nothing any more, and finish what is in flight. */
  | { readonly type: "stop" }
  /** Hand over all log lines. */
  | { readonly type: "flush" }
  /** Tell what has been counted, and the exchanges with a higher id. */
  | { readonly type: "inspect"; readonly after: number }
  /** Tell what has been compared, and the mismatches with a higher id. */
  | { readonly type: "compared"; readonly after: number };

/** What orders ask for; the others are only carried out. */
export interface OrderResult {
  /** Of `inspect`. */
  readonly inspection?: Inspection;
  /** Of `compared`. */
  readonly comparisons?: ComparisonsReading;
}

/** A stream of the process. */
export type StreamName = "stdout" | "stderr";

/** What comes to a worker: an order to be answered under its number, the news that its lines have been written, or the metrics. */
export type ToWorker<Settings = unknown> =
  | { readonly type: "order"; readonly id: number; readonly order: Command<Settings> }
  | { readonly type: "written"; readonly stream: StreamName }
  | { readonly type: "metrics"; readonly reading: MetricsReading };

/** Why an order could not be carried out; errors lose their class on the way from thread to thread. */
export interface OrderFailure {
  /** The address that could not be listened on; absent where something else went wrong. */
  readonly address?: { readonly hostname: string; readonly port: number };
  /** The name of the error's class, for example `AddrInUse`. */
  readonly name: string;
  /** The error's message. */
  readonly message: string;
}

/**
 * What comes from a worker: the answer to an order, with what it asked for, whole log lines, of which it sends more once they
 * are written, or the wish for the metrics of all workers.
 */
export type FromWorker =
  | { readonly type: "answer"; readonly id: number; readonly failure?: OrderFailure; readonly result?: OrderResult }
  | { readonly type: "lines"; readonly stream: StreamName; readonly bytes: Uint8Array }
  | { readonly type: "metrics-wanted" };
