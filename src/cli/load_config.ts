/** The configuration file, from disk to a checked configuration. */

import { abortable } from "@std/async/abortable";
import { ConfigError } from "../config/read/config_error.ts";
import { quote } from "../config/schema/describe.ts";
import { MAX_TEXT_LENGTH } from "../config/read/bounds.ts";
import { readConfig } from "../config/read/read.ts";
import { whyUnreadable } from "../config/read/config_error.ts";
import { validateConfig, type ValidatedConfig } from "../config/validate.ts";
import { fingerprint } from "../server/file_watch.ts";
import { readTextFile } from "./read_text_file.ts";

/** The file that is read where none is named. */
export const DEFAULT_CONFIG_PATH = "config.yaml";

/** A secret is a line, and a system's list of authorities has 220 KB; more is a mistake. */
const MAX_PLACEHOLDER_BYTES = 524_288;

/** Maximum duration of reading all files that placeholders name, in milliseconds. */
const PLACEHOLDERS_TIMEOUT_MS = 10_000;

/**
 * Loads a configuration file.
 *
 * @param path The path of a YAML or JSON file.
 * @param stamps Filled with the stamp of each file, even if reading it fails.
 * @returns The configuration and the warnings.
 * @throws {ConfigError} If the file cannot be read, or anything is wrong in it.
 */
export async function loadConfig(path: string, stamps = new Map<string, string>()): Promise<ValidatedConfig> {
  stamps.set(path, await fingerprint(path));
  const text = await readConfigText(path);
  const folder = path.replace(Deno.build.os === "windows" ? /[^/\\]*$/ : /[^/]*$/, "");
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException("Timed out", "TimeoutError")), PLACEHOLDERS_TIMEOUT_MS);
  const readPlaceholder = async (name: string) => {
    const file = isAbsolute(name) ? name : folder + name;
    stamps.set(file, await fingerprint(file));
    return await readTextFile(file, MAX_PLACEHOLDER_BYTES);
  };
  try {
    const { value, source } = await readConfig(text, {
      readFile: async (name) => {
        // A file that is not opened blocks no thread on a hanging mount.
        late.signal.throwIfAborted();
        return await abortable(readPlaceholder(name), late.signal);
      },
      readEnv: (name) => Deno.env.get(name),
    });
    return validateConfig(value, source);
  } finally {
    clearTimeout(timer);
  }
}

async function readConfigText(path: string): Promise<string> {
  try {
    return await readTextFile(path, MAX_TEXT_LENGTH);
  } catch (error) {
    const hint = error instanceof Deno.errors.NotFound
      ? `; name one with --config (default: ${DEFAULT_CONFIG_PATH})`
      : "";
    const message = `the configuration file ${quote(path)} cannot be read: ${whyUnreadable(error)}${hint}`;
    throw new ConfigError([{ path: "", message }], { cause: error });
  }
}

function isAbsolute(path: string): boolean {
  return Deno.build.os === "windows" ? /^(?:[A-Za-z]:)?[/\\]/.test(path) : path.startsWith("/");
}
