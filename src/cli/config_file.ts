/** The configuration of a command: opened, or explained why not. */

import { ConfigError } from "../config/config_error.ts";
import type { Config } from "../config/config.ts";
import { createPaint } from "../observe/paint.ts";
import { printable } from "../observe/printable.ts";
import type { Invocation } from "./flags.ts";
import type { Io } from "./io.ts";
import { loadConfig } from "./load_config.ts";
import { CommandError } from "./usage_error.ts";

/** A configuration that can be used, and where it came from. */
export interface ConfigFile {
  /** The path as it was given. */
  readonly path: string;
  /** The checked configuration. */
  readonly config: Config;
}

const DEFAULT_PATH = "config.yaml";

/**
 * Opens the configuration that a command line names, and shows its warnings.
 *
 * @param invocation The command line.
 * @param io The outputs.
 * @returns The configuration.
 * @throws {CommandError} With every problem of the configuration, or the one of reading it.
 */
export async function openConfig(invocation: Invocation, io: Io): Promise<ConfigFile> {
  const path = invocation.configPath ?? DEFAULT_PATH;
  try {
    const { config, warnings } = await loadConfig(path);
    const label = createPaint(io.stderr.isTerminal).warn("warning:");
    for (const warning of warnings) io.stderr.write(`${label} ${warning}\n`);
    return { path, config };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandError(explain(path, error), { cause: error });
  }
}

function explain(path: string, { problems, message }: ConfigError): string {
  const lines = message.split("\n").map(printable);
  if (problems.length === 1) return `Cannot use "${path}" as the configuration: ${lines.join(" ")}`;
  return [`Cannot use "${path}" as the configuration: ${problems.length} problems`, ...lines].join("\n  ");
}
