/** `conductor serve --workers N`: threads that serve, and the main one that looks after them. */

import type { Config } from "../config/config.ts";
import { createPseudonym } from "../policy/shared_state.ts";
import type { Logger } from "../observe/log.ts";
import { portSharing } from "../server/shared_port.ts";
import type { StreamName } from "../server/worker_messages.ts";
import { startWorkers, type WorkerPool } from "../server/worker_pool.ts";
import { WorkerCrash } from "../server/worker_thread.ts";
import type { ParsedArgs } from "./flags.ts";
import type { Io } from "./io.ts";
import { CommandError } from "./usage_error.ts";
import { WORKER_MODULE, type WorkerSettings } from "./worker.ts";

/** What workers need beside the configuration. */
export interface ServeWorkersOptions {
  /** The command line. */
  readonly invocation: ParsedArgs;
  /** The outputs. */
  readonly io: Pick<Io, "stdout" | "stderr">;
  /** Gives the log of the running configuration. */
  readonly logger: () => Logger;
  /**
   * The module that each worker runs.
   *
   * @default WORKER_MODULE
   */
  readonly module?: string | URL;
}

/**
 * Serves a configuration with as many workers as the command line asks for.
 *
 * @param first The configuration to begin with.
 * @param options The command line, and where lines go.
 * @returns The running workers.
 * @throws {CommandError} Where threads can not share a port here, or do not start.
 * @throws {ListenError} Where the address can not be listened on.
 */
export async function serveWorkers(first: Config, options: ServeWorkersOptions): Promise<WorkerPool> {
  const { invocation, io, logger, module = WORKER_MODULE } = options;
  requireSharedPort(invocation.workers);
  const lastWrite: Record<StreamName, Promise<void>> = { stdout: Promise.resolve(), stderr: Promise.resolve() };

  /** One batch after the other: an output drops what is too much for it, and a worker would not learn of that. */
  async function write(stream: StreamName, text: string): Promise<void> {
    await io[stream].flush();
    io[stream].write(text);
    await io[stream].flush();
  }

  const settings: WorkerSettings = {
    pseudonym: createPseudonym(),
    invocation,
    terminals: { stdout: io.stdout.isTerminal, stderr: io.stderr.isTerminal },
  };
  try {
    return await startWorkers(first, {
      count: invocation.workers,
      module,
      settings,
      write: (stream, text) => lastWrite[stream] = lastWrite[stream].then(() => write(stream, text)),
      onExit: (lost) => logger().log("error", "worker crashed", { ...lost }),
    });
  } catch (error) {
    if (!(error instanceof WorkerCrash)) throw error;
    throw new CommandError(`Cannot serve with ${invocation.workers} workers as each must start: ${error.message}`);
  }
}

function requireSharedPort(workers: number): void {
  const sharing = portSharing();
  if (sharing === "possible") return;
  throw new CommandError(
    `Cannot serve with ${workers} workers as they must share one port: ` +
      (sharing === "no-flag" ? "run again with --unstable-net" : "only Linux spreads connections over them"),
  );
}
