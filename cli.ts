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
 * Runs a command line with the outputs and signals of the process.
 *
 * @param args The arguments, without the name of the program.
 * @returns The exit code, for example 0 for success, 1 for an invalid configuration, and 2 for an invalid command line.
 */
export async function main(args: readonly string[]): Promise<number> {
  return await runCommandLine(args);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
