/** Loading of the configuration file, from disk to a validated configuration. */

import type { Config } from "../config/config.ts";
import { ConfigError, whyUnreadable } from "../config/read/config_error.ts";
import { validateConfig, type ValidatedConfig } from "../config/validate.ts";
import { withoutTrailingSlashes } from "../lib/trailing_slashes.ts";
import { type Fingerprint, fingerprint, type Fingerprints } from "../server/file_watch.ts";
import { checkCertificates, isAbsolute, readConfigFile } from "../server/load_config.ts";
import type { ParsedArgs } from "./command_line.ts";
import { CommandError } from "./commands.ts";

/** A validated configuration and its origin. */
export interface ConfigFile {
  /** Path from the command line. */
  readonly path: string;
  /** Absolute path by the names that the user sees, if possible. It is read again for a reload. */
  readonly location: string;
  /** Validated configuration. */
  readonly config: Config;
  /** Fields without effect, or with an unexpected one: one sentence each. */
  readonly warnings: readonly string[];
  /** Fingerprints of all files that the configuration was read from. */
  readonly fingerprints: Fingerprints;
}

/** Loads the configuration of a command line. Throws a {@linkcode CommandError} if it cannot be read or has problems. */
export async function openConfig({ flags }: ParsedArgs): Promise<ConfigFile> {
  const path = flags.config;
  const location = await locate(path);
  const fingerprints = new Map<string, Fingerprint>();
  try {
    const { config, warnings } = await loadValidConfig(location, fingerprints);
    return { path, location, config, warnings, fingerprints };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandError(explain(path, error), { cause: error });
  }
}

/**
 * Returns the absolute path of a configuration, by the name that the shell has for the working folder (`PWD`) if that
 * can be read. The system would resolve a relative path in the folder in which the process was started, even after that
 * folder was replaced by another one, or the link to it was switched.
 */
async function locate(path: string): Promise<string> {
  if (isAbsolute(path)) return path;
  const named = isGranted({ name: "env", variable: "PWD" }) ? Deno.env.get("PWD") ?? "" : "";
  if (isAbsolute(named) && isReadable(named, path) && await isSameFolder(named, ".")) return join(named, path);
  const folder = isGranted({ name: "read", path: "." }) ? Deno.cwd() : "";
  return isAbsolute(folder) && isReadable(folder, path) ? join(folder, path) : path;
}

function join(folder: string, path: string): string {
  return `${withoutTrailingSlashes(folder)}/${path}`;
}

function isReadable(folder: string, path: string): boolean {
  return [".", folder, join(folder, path)].every((path) => isGranted({ name: "read", path }));
}

async function isSameFolder(a: string, b: string): Promise<boolean> {
  try {
    const [first, second] = await Promise.all([Deno.stat(a), Deno.stat(b)]);
    return first.dev === second.dev && first.ino !== null && first.ino === second.ino;
  } catch {
    return false;
  }
}

/** Reports whether the runtime grants a permission without a prompt. */
function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

function explain(path: string, { problems, message, cause }: ConfigError): string {
  if (cause !== undefined) {
    const hint = cause instanceof Deno.errors.NotFound ? '; select a file with --config, or try "conductor demo"' : "";
    return `Cannot read the configuration "${path}": ${whyUnreadable(cause)}${hint}`;
  }
  if (problems.length === 1) return `Cannot use the configuration "${path}": ${message}`;
  return [`Cannot use the configuration "${path}": ${problems.length} problems`, ...message.split("\n")].join("\n  ");
}

/**
 * Loads a configuration file, YAML or JSON. Throws a {@linkcode ConfigError} if it cannot be read or has problems. Adds
 * the fingerprint of each file to `fingerprints`, even if reading it fails.
 */
export async function loadValidConfig(
  path: string,
  fingerprints = new Map<string, Fingerprint>(),
): Promise<ValidatedConfig> {
  const { value, source } = await readConfigFile(path, async (file) => {
    fingerprints.set(file, await fingerprint(file));
  });
  const valid = validateConfig(value, source);
  checkCertificates(valid.config, source);
  return valid;
}
