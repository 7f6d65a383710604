/** The configuration of a command: opened, or explained why not. */

import { ConfigError } from "../config/read/config_error.ts";
import type { Config } from "../config/config.ts";
import { whyUnreadable } from "../config/read/config_error.ts";
import { createPaint } from "../lib/paint.ts";
import type { Fingerprints } from "../server/file_watch.ts";
import type { ParsedArgs } from "./flags.ts";
import type { Io } from "./io.ts";
import { DEFAULT_CONFIG_PATH, loadConfig } from "./load_config.ts";
import { CommandError } from "./usage_error.ts";

/** A configuration that can be used, and where it came from. */
export interface ConfigFile {
  /** The path as it was given. */
  readonly path: string;
  /** The checked configuration. */
  readonly config: Config;
  /** The files that it was read from. */
  readonly stamps: Fingerprints;
}

/**
 * Opens the configuration that a command line names, and shows its warnings.
 *
 * @param invocation The command line.
 * @param io The outputs.
 * @returns The configuration.
 * @throws {CommandError} With every problem of the configuration, or the one of reading it.
 */
export async function openConfig(invocation: ParsedArgs, io: Io): Promise<ConfigFile> {
  const path = invocation.configPath ?? DEFAULT_CONFIG_PATH;
  const stamps = new Map<string, string>();
  try {
    const { config, warnings } = await loadConfig(path, stamps);
    const label = createPaint(io.stderr.isTerminal).warn("warning:");
    for (const warning of warnings) io.stderr.write(`${label} ${warning}\n`);
    return { path, config, stamps };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandError(explain(path, error), { cause: error });
  }
}

function explain(path: string, { problems, message, cause }: ConfigError): string {
  if (cause !== undefined) {
    const hint = cause instanceof Deno.errors.NotFound ? '; name another with --config, or try "conductor demo"' : "";
    return `Cannot read "${path}" as the configuration: ${whyUnreadable(cause)}${hint}`;
  }
  if (problems.length === 1) return `Cannot use "${path}" as the configuration: ${message}`;
  return [`Cannot use "${path}" as the configuration: ${problems.length} problems`, ...message.split("\n")].join(
    "\n  ",
  );
}
