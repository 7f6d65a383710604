/** Reading of configuration files: from text to plain values, with placeholders resolved. */

import { parentPath } from "../schema/describe.ts";
import { MAX_TEXT_LENGTH } from "./bounds.ts";
import { ConfigError, type ConfigProblem } from "./config_error.ts";
import type { ConfigSource } from "./input_path.ts";
import { parseJson } from "./parse_json.ts";
import { parseYaml } from "./parse_yaml.ts";
import { type PlaceholderReaders, resolvePlaceholders } from "./placeholders.ts";

/** The values of a configuration file. */
export interface ReadConfig {
  /** Plain mappings, lists and scalars, for `validateConfig`. */
  readonly value: unknown;
  /** Facts about the text, including the problems of placeholders, for `validateConfig`. */
  readonly source: ConfigSource;
}

/**
 * Reads the text of a configuration file, YAML or JSON. Throws a {@linkcode ConfigError} if the text is malformed or
 * too large. Problems of single values are left to `validateConfig`, so that all of them are reported at once.
 *
 * @example Usage
 * ```ts ignore
 * const { value, source } = await readConfig(text, { readFile: Deno.readTextFile, readEnv: Deno.env.get });
 * const { config } = validateConfig(value, source);
 * ```
 */
export async function readConfig(text: string, readers: PlaceholderReaders): Promise<ReadConfig> {
  if (text.length > MAX_TEXT_LENGTH) {
    throw new ConfigError([{ path: "", message: `the file must not be longer than ${MAX_TEXT_LENGTH} characters` }]);
  }
  const content = text.replace(/^\ufeff/, "");
  const { value, templates, problems, lineOf } = parseJson(content) ?? parseYaml(content);
  if (value === null) {
    throw new ConfigError([{ path: "", message: 'the file must hold at least "services": found nothing' }]);
  }
  const { templates: templatesByPath, texts, unreadable, problems: unresolved } = await resolvePlaceholders(
    templates,
    readers,
  );
  return {
    value,
    source: {
      lineOf,
      ...(templatesByPath.size === 0
        ? {}
        : { templateOf: (path: string) => templatesByPath.get(path), secrets: [...texts] }),
      ...(unreadable.size === 0 ? {} : { isUnreadable: (path: string) => unreadable.has(path) }),
      problems: [...problems, ...unresolved].map((problem) => withLine(problem, lineOf)),
    },
  };
}

/** Adds the line of the closest value around: values in flow style or from an alias have no line of their own. */
function withLine(problem: ConfigProblem, lineOf: (path: string) => number | undefined): ConfigProblem {
  let line = problem.line;
  for (let path = problem.path; line === undefined && path !== ""; path = parentPath(path)) line = lineOf(path);
  return line === undefined ? problem : { ...problem, line };
}
