/** Loading of configuration files, from disk to values with lines and resolved placeholders. */

import type { Config } from "../config/config.ts";
import type { ConfigInput } from "../config/input.ts";
import { MAX_TEXT_LENGTH } from "../config/read/bounds.ts";
import { ConfigError, whyUnreadable } from "../config/read/config_error.ts";
import type { ConfigSource } from "../config/read/input_path.ts";
import { withSource } from "../config/read/loaded_config.ts";
import { type ReadConfig, readConfig } from "../config/read/read.ts";
import { quote } from "../config/schema/describe.ts";
import { fileOf } from "../config/schema/secret.ts";
import { validateConfig } from "../config/validate.ts";
import { certificateProblems } from "./certificates.ts";
import { isWindows, readTextFile, readVariable, untilAborted } from "./read_text_file.ts";

/** A secret is a line, and a system's list of certificate authorities has 220 KB. A larger file is a mistake. */
const MAX_PLACEHOLDER_BYTES = 524_288;

/** Maximum duration of reading all files that placeholders name, in milliseconds. */
const PLACEHOLDERS_TIMEOUT_MS = 10_000;

/**
 * Loads a configuration file, YAML or JSON, for `conductor()`, `createConductor()` or `serve()`. Resolves `${file:…}`
 * and `${env:…}`. Later problems name the line, and contents of placeholders are not shown in messages.
 *
 * Works in Deno, Node and Bun. Deno needs `--allow-read` for the files and `--allow-env` for the variables.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createConductor, loadConfig } from "@zeek/conductor";
 *
 * await using backend = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 * const path = await Deno.makeTempFile({ suffix: ".yaml" });
 * await Deno.writeTextFile(path, `services: [{ name: api, url: "http://localhost:${backend.addr.port}" }]`);
 *
 * const config = await loadConfig(path);
 * await using conductor = createConductor({ ...config, timeout: "5s" });
 * const response = await conductor.fetch(new Request("http://localhost/"));
 *
 * assertEquals(await response.text(), "hello");
 * ```
 *
 * @param path Path of the file. Relative paths in placeholders start at its folder.
 * @returns The configuration, frozen. A copy with other fields keeps the lines of the rest: `{ ...config, port: 0 }`.
 * @throws {ConfigError} If a file cannot be read, or the configuration is invalid. The error lists every problem.
 */
export async function loadConfig(path: string): Promise<ConfigInput> {
  const { value, source } = await readConfigFile(path);
  checkCertificates(validateConfig(value, source).config, source);
  return withSource(value as ConfigInput, source);
}

/**
 * Reads a configuration file without validating it. Throws a {@linkcode ConfigError} if it cannot be read. Calls
 * `onFile` before each file is read.
 */
export async function readConfigFile(
  path: string,
  onFile: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<ReadConfig> {
  await onFile(path);
  const text = await readConfigText(path);
  const folder = path.replace(isWindows() ? /[^/\\]*$/ : /[^/]*$/, "");
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new DOMException("Timed out", "TimeoutError")),
    PLACEHOLDERS_TIMEOUT_MS,
  );
  const readPlaceholder = async (name: string) => {
    const file = isAbsolute(name) ? name : folder + name;
    await onFile(file);
    return await readTextFile(file, MAX_PLACEHOLDER_BYTES);
  };
  try {
    return await readConfig(text, {
      readFile: async (name) => {
        // A file that is not opened blocks no thread on a hanging mount.
        timeout.signal.throwIfAborted();
        return await untilAborted(readPlaceholder(name), timeout.signal);
      },
      readEnv: readVariable,
    });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Throws a {@linkcode ConfigError} for certificates and keys that cannot be used. Names the file of a text that consists
 * of one file.
 */
export function checkCertificates(config: Pick<Config, "services" | "tls">, source?: ConfigSource): void {
  const problems = certificateProblems(config).map(({ path, message }) => {
    const file = fileOf(source?.templateOf?.(path));
    const line = source?.lineOf?.(path);
    const found = file === undefined ? message : `${message}, in the file ${quote(file)}`;
    return { path, message: found, ...(line !== undefined && { line }) };
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

async function readConfigText(path: string): Promise<string> {
  try {
    return await readTextFile(path, MAX_TEXT_LENGTH);
  } catch (error) {
    const message = `the configuration file ${quote(path)} cannot be read: ${whyUnreadable(error)}`;
    throw new ConfigError([{ path: "", message }], { cause: error });
  }
}

/** Reports whether a path does not depend on the working folder. */
export function isAbsolute(path: string): boolean {
  return isWindows() ? /^(?:[A-Za-z]:)?[/\\]/.test(path) : path.startsWith("/");
}
