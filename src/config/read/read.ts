/** From the text of a configuration file to plain values, with placeholders resolved. */

import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { parentPath } from "../schema/describe.ts";
import { MAX_TEXT_LENGTH } from "../limits.ts";
import { parseJson } from "./parse_json.ts";
import { parseYaml } from "./parse_yaml.ts";
import { type PlaceholderReaders, resolvePlaceholders } from "./placeholders.ts";
import type { ConfigSource } from "./source.ts";

/** How the files and environment variables are read that a configuration refers to. */
export type ReadOptions = PlaceholderReaders;

/** What was read. */
export interface ReadConfig {
  /** Plain mappings, lists and scalars, for `validateConfig`. */
  readonly value: unknown;
  /** What is known of the text, for `validateConfig` too: it holds the problems of placeholders. */
  readonly source: ConfigSource;
}

/**
 * Reads a configuration file's text: YAML, or JSON.
 *
 * @example Usage
 * ```ts ignore
 * const { value, source } = await readConfig(text, { readFile: Deno.readTextFile, readEnv: Deno.env.get });
 * const { config } = validateConfig(value, source);
 * ```
 *
 * @param text The text of the file.
 * @param options How to read what the text refers to.
 * @returns The values, and what is known of where they came from.
 * @throws {ConfigError} If the text is malformed or too large. What single values have wrong is left to `validateConfig`,
 * so that all problems are reported at once.
 */
export async function readConfig(text: string, options: ReadOptions): Promise<ReadConfig> {
  if (text.length > MAX_TEXT_LENGTH) {
    throw new ConfigError([{ path: "", message: `the file must not be longer than ${MAX_TEXT_LENGTH} characters` }]);
  }
  const content = text.replace(/^\ufeff/, "");
  const { value, templates, problems, lineOf } = parseJson(content) ?? parseYaml(content);
  if (value === null) {
    throw new ConfigError([{ path: "", message: 'the file must hold at least "services": found nothing' }]);
  }
  const { templates: templatesByPath, texts, unknown, problems: unresolved } = await resolvePlaceholders(
    templates,
    options,
  );
  return {
    value,
    source: {
      lineOf,
      ...(templatesByPath.size === 0
        ? {}
        : { templateOf: (path: string) => templatesByPath.get(path), secrets: [...texts] }),
      ...(unknown.size === 0 ? {} : { isUnknown: (path: string) => unknown.has(path) }),
      problems: [...problems, ...unresolved].map((problem) => withLine(problem, lineOf)),
    },
  };
}

/** What stands in flow style or came with an alias has no line of its own: that of the value around it helps. */
function withLine(problem: ConfigProblem, lineOf: (path: string) => number | undefined): ConfigProblem {
  let line = problem.line;
  for (let path = problem.path; line === undefined && path !== ""; path = parentPath(path)) line = lineOf(path);
  return line === undefined ? problem : { ...problem, line };
}
