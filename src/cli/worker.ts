/** What each thread of `--workers` runs: a server that does what the main thread asks for. */

import { RECORDED_PER_SECOND } from "../observe/exchange_recorder.ts";
import type { MetricsReading, MetricsSource } from "../observe/metrics_snapshot.ts";
import type { PreparedConfig } from "../server/live_server.ts";
import { captureUncaughtErrors, silenceLegacyAbortNotice } from "../server/process_hooks.ts";
import { ListenError } from "../server/listen_error.ts";
import { createOutput, type Output } from "../server/output.ts";
import type {
  Command,
  CommandFailure,
  CommandResult,
  FromWorker,
  StreamName,
  ToWorker,
  WorkerSetup,
} from "../server/worker_messages.ts";
import type { ParsedArgs } from "./flags.ts";
import { logErrorTo } from "./log_error.ts";
import { serveThread, type ServingThread } from "./serve_thread.ts";
import { startLog } from "./start_log.ts";
import { showsTop } from "./top/shows_top.ts";

/** What all workers of a process have in common. */
export interface WorkerSettings {
  /** The name of all of them in Via: a loop through another worker is a loop. */
  readonly pseudonym: string;
  /** The command line. */
  readonly invocation: ParsedArgs;
  /** Which streams a person is looking at. */
  readonly terminals: Readonly<Record<StreamName, boolean>>;
}

/** Where this module is; started as a worker, it serves. That it is imported for this makes it part of what is compiled. */
export const WORKER_MODULE: string = import.meta.url;

/** A worker's global scope, which the types of a main thread do not know. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker<WorkerSettings>>) => void) | null;
  postMessage(message: FromWorker): void;
}

/** A server, and what it needs to follow another configuration. */
interface Worker {
  readonly server: ServingThread;
  readonly outputs: Readonly<Record<StreamName, Output>>;
  prepare(order: Command & { type: "prepare" }): void;
  commit(): void;
  rollback(): Promise<void>;
}

/**
 * Serves as the main thread says, from now on.
 */
export function serveOrders(): void {
  const scope = globalThis as unknown as WorkerScope;
  const written = new Map<StreamName, () => void>();
  let wanted: PromiseWithResolvers<MetricsReading> | undefined;
  let worker: Worker | undefined;

  /** Lines go through the main thread: what two threads write to one pipe is mixed within lines. */
  function outputTo(stream: StreamName, isTerminal: boolean): Output {
    return createOutput({
      isTerminal: () => isTerminal,
      write: (bytes) => {
        const isWritten = Promise.withResolvers<number>();
        written.set(stream, () => isWritten.resolve(bytes.length));
        scope.postMessage({ type: "lines", stream, bytes });
        return isWritten.promise;
      },
    });
  }

  /** One worker knows but its own part; whoever asks while the others are asked gets the same answer. */
  function readMetrics(): Promise<MetricsReading> {
    if (wanted === undefined) {
      wanted = Promise.withResolvers();
      scope.postMessage({ type: "metrics-request" });
    }
    return wanted.promise;
  }

  async function execute(command: Command<WorkerSettings>): Promise<CommandResult> {
    if (command.type === "start") worker = startWorker(command.setup, outputTo, readMetrics);
    if (worker === undefined) return {};
    if (command.type === "prepare") worker.prepare(command);
    if (command.type === "commit") worker.commit();
    if (command.type === "rollback") await worker.rollback();
    if (command.type === "stop") await worker.server.shutdown();
    if (command.type === "flush") await Promise.all([worker.outputs.stdout.flush(), worker.outputs.stderr.flush()]);
    if (command.type === "inspect") return { inspection: await worker.server.inspect(command.after) };
    if (command.type === "compared") return { comparisons: await worker.server.comparisons(command.after) };
    return {};
  }

  scope.onmessage = ({ data }) => {
    if (data.type === "written") return written.get(data.stream)?.();
    if (data.type === "metrics") {
      wanted?.resolve(data.reading);
      wanted = undefined;
      return;
    }
    const { id, command } = data;
    execute(command).then(
      (result) => scope.postMessage({ type: "result", id, result }),
      (error) => scope.postMessage({ type: "result", id, failure: failureOf(error) }),
    );
  };
}

function startWorker(
  { config: first, attempts, settings }: WorkerSetup<WorkerSettings>,
  outputTo: (stream: StreamName, isTerminal: boolean) => Output,
  metricsSource: MetricsSource,
): Worker {
  const { pseudonym, invocation, terminals } = settings;
  const outputs = { stdout: outputTo("stdout", terminals.stdout), stderr: outputTo("stderr", terminals.stderr) };
  const count = new Int32Array(attempts);
  let { logger } = startLog(first, invocation, outputs);
  let prepared: PreparedConfig | undefined;
  let next = first;
  const onError = logErrorTo(() => logger);
  silenceLegacyAbortNotice();
  captureUncaughtErrors(onError);
  const server = serveThread(first, {
    logger: () => logger,
    onError,
    pseudonym,
    reusePort: true,
    metricsSource,
    onAttempts: (inFlight) => Atomics.store(count, 0, inFlight),
    counts: showsTop(invocation, outputs),
    recordedPerSecond: Math.ceil(RECORDED_PER_SECOND / invocation.workers),
  });
  return {
    server,
    outputs,
    prepare: ({ config }) => {
      prepared = server.prepare(config);
      next = config;
    },
    commit: () => {
      prepared?.commit();
      prepared = undefined;
      ({ logger } = startLog(next, invocation, outputs));
    },
    rollback: async () => {
      await prepared?.rollback();
      prepared = undefined;
    },
  };
}

function failureOf(error: unknown): CommandFailure {
  if (!(error instanceof ListenError)) return { name: "Error", message: String(error) };
  const { address, cause } = error;
  return cause instanceof Error
    ? { address, name: cause.name, message: cause.message }
    : { address, name: "Error", message: String(cause) };
}

if (import.meta.main) serveOrders();
