/** Whether a table is shown in place of lines. */

import type { ParsedArgs } from "../flags.ts";
import type { Io } from "../io.ts";

/**
 * Tells whether a command shows a table of what goes on.
 *
 * @param invocation The command line.
 * @param io The outputs.
 * @returns `true` where that was asked for, and a person is looking.
 */
export function showsTop({ switches }: Pick<ParsedArgs, "switches">, { stdout }: Pick<Io, "stdout">): boolean {
  return switches.has("top") && stdout.isTerminal;
}
