/** `conductor serve --workers N`: starts the workers, and forwards their output and crashes. */

import type { Config } from "../config/config.ts";
import { createPseudonym } from "../policy/shared_state.ts";
import type { Logger } from "../observe/log.ts";
import type { ReloadStats } from "../observe/metrics_snapshot.ts";
import { portSharing } from "../server/shared_port.ts";
import type { StreamName } from "../server/worker_messages.ts";
import { startWorkers, type WorkerPool } from "../server/worker_pool.ts";
import { WorkerCrash } from "../server/worker_thread.ts";
import type { ParsedArgs } from "./command_line.ts";
import { CommandError } from "./commands.ts";
import type { Io } from "./io.ts";
import { WORKER_MODULE, type WorkerSettings } from "./worker.ts";

/** Options of {@linkcode serveWorkers}. */
export interface ServeWorkersOptions {
  /** The command line. */
  readonly args: ParsedArgs;
  /** Outputs of the process. */
  readonly io: Pick<Io, "stdout" | "stderr" | "hasCursor">;
  /** Returns the log of the running configuration. */
  readonly logger: () => Logger;
  /**
   * Returns the reloads so far, for the metrics on the data port.
   *
   * @default A function that returns `undefined`.
   */
  readonly reloads?: () => ReloadStats | undefined;
  /**
   * Module that each worker runs.
   *
   * @default WORKER_MODULE
   */
  readonly module?: string | URL;
}

/**
 * Serves a configuration with the workers of the command line. Throws a {@linkcode CommandError} if threads cannot
 * share a port or a worker does not start, and a `ListenError` if the address cannot be listened on.
 */
export async function serveWorkers(first: Config, options: ServeWorkersOptions): Promise<WorkerPool> {
  const { args, io, logger, reloads, module = WORKER_MODULE } = options;
  const { workers } = args.flags;
  requireSharedPort(`start ${workers} workers`);
  const lastWrite: Record<StreamName, Promise<void>> = { stdout: Promise.resolve(), stderr: Promise.resolve() };

  /** Waits for each write. Otherwise a full output would drop lines, and the worker would not be slowed down. */
  async function write(stream: StreamName, text: string): Promise<void> {
    await io[stream].flush();
    io[stream].write(text);
    await io[stream].flush();
  }

  const settings: WorkerSettings = {
    pseudonym: createPseudonym(),
    args,
    terminals: { stdout: io.stdout.isTerminal, stderr: io.stderr.isTerminal },
    hasCursor: io.hasCursor,
  };
  try {
    return await startWorkers(first, {
      count: workers,
      module,
      reusePort: args.flags.reusePort,
      settings,
      write: (stream, text) => lastWrite[stream] = lastWrite[stream].then(() => write(stream, text)),
      ...(reloads !== undefined && { reloads }),
      onExit: (exit) => logger().log("error", "worker crashed", { ...exit }),
    });
  } catch (error) {
    if (!(error instanceof WorkerCrash)) throw error;
    throw new CommandError(`Cannot start ${workers} workers: ${error.message}`);
  }
}

/** Throws a {@linkcode CommandError} if several listeners cannot share a port. */
export function requireSharedPort(action: string): void {
  const sharing = portSharing();
  if (sharing === "possible") return;
  const reason = sharing === "no-flag"
    ? "sharing a port needs --unstable-net; run again with that flag"
    : "only Linux distributes the connections of a shared port";
  throw new CommandError(`Cannot ${action}: ${reason}`);
}
