/** What is wrong with a configuration: every problem, each with its place. */

import { printablePath } from "../schema/describe.ts";

/** One thing that is wrong. */
export interface ConfigProblem {
  /**
   * Path of the value, such as `services[1].pathPrefix`; empty for the whole file. `[…]` replaces a key that may be a
   * secret.
   */
  readonly path: string;
  /** What is needed, and what was found; never a secret. */
  readonly message: string;
  /** The line in the file, counted from 1; absent where it cannot be told. */
  readonly line?: number;
}

/** Problems past this many are counted, not listed. */
const MAX_LISTED = 100;

/**
 * Thrown for a configuration that cannot be used. The message lists the problems, one per line.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { conductor, ConfigError } from "@zeek/conductor";
 *
 * try {
 *   conductor({ port: -1, services: [{ name: "api", url: "http://localhost:8081" }] });
 * } catch (error) {
 *   if (!(error instanceof ConfigError)) throw error;
 *   assertEquals(error.problems, [{ path: "port", message: "must be a whole number from 0 to 65535: found -1" }]);
 * }
 * ```
 */
export class ConfigError extends Error {
  /** Everything that is wrong, by line where lines are known; else single fields first, then what shows between them. */
  readonly problems: readonly ConfigProblem[];

  /**
   * Collects the problems in one error.
   *
   * @param problems At least one.
   * @param options The cause, where there is one.
   */
  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const shown = problems.map((problem) => ({ ...problem, path: printablePath(problem.path) }));
    super(listProblems(shown), options);
    this.name = "ConfigError";
    this.problems = shown;
  }
}

function listProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, MAX_LISTED).map(formatProblem);
  if (problems.length > MAX_LISTED) lines.push(`and ${problems.length - MAX_LISTED} more`);
  return lines.join("\n");
}

function formatProblem({ path, message, line }: ConfigProblem): string {
  return `${path === "" ? "" : `${path}: `}${message}${line === undefined ? "" : ` (line ${line})`}`;
}
