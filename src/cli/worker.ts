/** A worker of `--workers`: a server that executes the commands of the main thread. */

import { delay } from "@std/async/delay";
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
import type { ParsedArgs } from "./command_line.ts";
import { serveThread, type ServingThread } from "./serve_thread.ts";
import { logErrorTo, showsTop, startLog } from "./start_log.ts";

/** Maximum wait for other workers at a shutdown, in milliseconds. They may have uploads in flight, or have crashed. */
const MAX_WAIT_MS = 300;

/** Settings that all workers of a process share. */
export interface WorkerSettings {
  /** Name in the Via header. All workers share it, so that a loop through another worker is detected. */
  readonly pseudonym: string;
  /** The command line. */
  readonly args: ParsedArgs;
  /** True for streams that are terminals. */
  readonly terminals: Readonly<Record<StreamName, boolean>>;
  /** True if stdout is a terminal that can move its cursor. */
  readonly hasCursor: boolean;
}

/** URL of this module, which serves if it is started as a worker. The import makes it a part of compiled binaries. */
export const WORKER_MODULE: string = import.meta.url;

/** Global scope of a worker, which is not part of the types of a main thread. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker<WorkerSettings>>) => void) | null;
  postMessage(message: FromWorker): void;
}

/** A server whose configuration can be replaced in two steps. */
interface Worker {
  readonly server: ServingThread;
  readonly outputs: Readonly<Record<StreamName, Output>>;
  prepare(command: Command & { type: "prepare" }): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Starts to execute the commands of the main thread. */
export function runWorker(): void {
  const scope = globalThis as unknown as WorkerScope;
  const written = new Map<StreamName, () => void>();
  let pendingReading: PromiseWithResolvers<MetricsReading> | undefined;
  let worker: Worker | undefined;

  /** Lines go through the main thread: if two threads write to one pipe, their lines mix. */
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

  /** Requests the metrics of all workers from the main thread. Concurrent calls share one reading. */
  function readMetrics(): Promise<MetricsReading> {
    if (pendingReading === undefined) {
      pendingReading = Promise.withResolvers();
      scope.postMessage({ type: "metrics-request" });
    }
    return pendingReading.promise;
  }

  async function execute(command: Command<WorkerSettings>): Promise<CommandResult> {
    if (command.type === "start") worker = await startWorker(command.setup, outputTo, readMetrics);
    if (worker === undefined) return {};
    if (command.type === "prepare") await worker.prepare(command);
    if (command.type === "commit") await worker.commit();
    if (command.type === "rollback") await worker.rollback();
    if (command.type === "stop") await worker.server.shutdown();
    if (command.type === "flush") await Promise.all([worker.outputs.stdout.flush(), worker.outputs.stderr.flush()]);
    if (command.type === "inspect") return { inspection: await worker.server.inspect(command.after) };
    if (command.type === "recent") return { recent: await worker.server.recent(command.after) };
    if (command.type === "compared") {
      return { comparisons: await worker.server.comparisons(command.after, command.sinceMs) };
    }
    if (command.type === "reset-comparisons") await worker.server.resetComparisons();
    return {};
  }

  scope.onmessage = ({ data }) => {
    if (data.type === "written") return written.get(data.stream)?.();
    if (data.type === "metrics") {
      pendingReading?.resolve(data.reading);
      pendingReading = undefined;
      return;
    }
    const { id, command } = data;
    execute(command).then(
      (result) => scope.postMessage({ type: "result", id, result }),
      (error) => scope.postMessage({ type: "result", id, failure: failureOf(error) }),
    );
  };
}

async function startWorker(
  { config: first, attempts, open, settings }: WorkerSetup<WorkerSettings>,
  outputTo: (stream: StreamName, isTerminal: boolean) => Output,
  metricsSource: MetricsSource,
): Promise<Worker> {
  const { pseudonym, args, terminals, hasCursor } = settings;
  const outputs = { stdout: outputTo("stdout", terminals.stdout), stderr: outputTo("stderr", terminals.stderr) };
  const io = { ...outputs, hasCursor };
  const attemptsInFlight = new Int32Array(attempts);
  let { logger } = startLog(first, args, io);
  let prepared: PreparedConfig | undefined;
  let next = first;
  const onError = logErrorTo(() => logger);
  silenceLegacyAbortNotice();
  captureUncaughtErrors(onError);
  const server = await serveThread(first, {
    logger: () => logger,
    onError,
    pseudonym,
    reusePort: true,
    metricsSource,
    onAttempts: (inFlight) => Atomics.store(attemptsInFlight, 0, inFlight),
    onClosed: () => waitForOthers(new Int32Array(open)),
    alwaysCount: showsTop(args, io),
    hasTable: showsTop(args, io),
    recordedPerSecond: Math.ceil(RECORDED_PER_SECOND / args.flags.workers),
  });
  return {
    server,
    outputs,
    prepare: async ({ config }) => {
      prepared = await server.prepare(config);
      next = config;
    },
    commit: () => {
      const committed = prepared?.commit();
      prepared = undefined;
      ({ logger } = startLog(next, args, io));
      return committed ?? Promise.resolve();
    },
    rollback: async () => {
      await prepared?.rollback();
      prepared = undefined;
    },
  };
}

/**
 * Waits until all workers have closed their listeners. A client that gets its response earlier connects to another
 * worker, which may be about to close.
 */
async function waitForOthers(open: Int32Array): Promise<void> {
  Atomics.sub(open, 0, 1);
  const untilMs = performance.now() + MAX_WAIT_MS;
  while (Atomics.load(open, 0) > 0 && performance.now() < untilMs) await delay(5);
}

function failureOf(error: unknown): CommandFailure {
  if (!(error instanceof ListenError)) return { name: "Error", message: String(error) };
  const { address, cause } = error;
  return cause instanceof Error
    ? { address, name: cause.name, message: cause.message }
    : { address, name: "Error", message: String(cause) };
}

if (import.meta.main) runWorker();
