/** What a command knows of the world around its process. */

import { createOutput, type Output } from "../server/output.ts";
import { listenForReload, listenForStop, type Signals, type StopSignal } from "../server/signals.ts";

/** The process as a command sees it; tests bring their own. */
export interface Io {
  /** What the command was asked for. */
  readonly stdout: Output;
  /** What went wrong, and remarks. */
  readonly stderr: Output;
  /** Listens for the signals that ask the process to end. */
  readonly listenForStop: () => Signals<StopSignal>;
  /** Listens for the signal that asks the process to read its configuration again. */
  readonly listenForReload: () => Signals<"SIGHUP">;
}

/**
 * Gives the real process.
 *
 * @returns Its outputs and signals.
 */
export function processIo(): Io {
  return { stdout: createOutput(Deno.stdout), stderr: createOutput(Deno.stderr), listenForStop, listenForReload };
}
