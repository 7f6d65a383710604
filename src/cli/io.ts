/** Outputs and signals of a command. */

import { createPaint } from "../lib/paint.ts";
import { createOutput, type Output } from "../server/output.ts";
import { listenForReload, listenForStop, type Signals, type StopSignal } from "../server/signals.ts";

/** Outputs and signals of a command. Tests replace those of the process. */
export interface Io {
  /** Output of results. */
  readonly stdout: Output;
  /** Output of errors and warnings. */
  readonly stderr: Output;
  /** True if stdout is a terminal that can move its cursor. Dumb terminals, such as a shell of an editor, cannot. */
  readonly hasCursor: boolean;
  /** Listens for the signals that stop the process. */
  readonly listenForStop: () => Signals<StopSignal>;
  /** Listens for the signal that reloads the configuration. */
  readonly listenForReload: () => Signals<"SIGHUP">;
}

/** Returns the outputs and signals of the process. */
export function processIo(): Io {
  const stdout = createOutput(Deno.stdout);
  const hasCursor = stdout.isTerminal && !isDumb();
  return { stdout, stderr: createOutput(Deno.stderr), hasCursor, listenForStop, listenForReload };
}

/** Reports whether `TERM` is `dumb`. Without the permission to read it, the terminal counts as capable. */
function isDumb(): boolean {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" && Deno.env.get("TERM") === "dumb";
}

/** Writes an error message, which must be printable. */
export function writeError({ stderr }: Pick<Io, "stderr">, message: string): void {
  stderr.write(`${createPaint(stderr.isTerminal).bad("error:")} ${message}\n`);
}

/** Writes a warning. */
export function writeWarning({ stderr }: Pick<Io, "stderr">, message: string): void {
  stderr.write(`${createPaint(stderr.isTerminal).warn("warning:")} ${message}\n`);
}
