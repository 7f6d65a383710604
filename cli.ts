/**
 * The command line: `conductor serve`, `check`, `explain`, `report`, `schema` and `demo`.
 *
 * ```sh
 * deno run --allow-net --allow-read jsr:@zeek/conductor/cli --config config.yaml
 * ```
 *
 * @module
 */

import { runCommandLine } from "./src/cli/main.ts";

/**
 * Runs a command line, on the process's own outputs and signals.
 *
 * @param args The arguments, without the program's name.
 * @returns The exit code: 0 for success, 1 where the configuration, a file, a port or a permission is at fault, 2 where
 * the command line is, 130 and 143 where a second signal cut a shutdown short. For `report`: 0 ready, 1 not ready, 3 not
 * enough traffic, 4 no report.
 */
export async function main(args: readonly string[]): Promise<number> {
  return await runCommandLine(args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
