/** Errors of a configuration: all problems at once, each with its path and line. */

import { printablePath } from "../schema/describe.ts";

/** One problem of a configuration. */
export interface ConfigProblem {
  /**
   * Path of the value, such as `services[1].pathPrefix`; empty for the whole file. `[…]` replaces a key that may be a
   * secret.
   */
  readonly path: string;
  /** The requirement and the value found, without secrets. */
  readonly message: string;
  /** Line in the file, from 1; absent if it is unknown. */
  readonly line?: number;
}

/** Maximum problems in the message. Further ones are counted. */
const MAX_LISTED = 100;

/** Reasons by the name of the error, so that readers of any runtime work. */
const UNREADABLE_REASONS: Readonly<Record<string, string>> = {
  NotFound: "no such file",
  NotADirectory: "no such file",
  FilesystemLoop: "too many levels of symbolic links",
  IsADirectory: "it is a directory",
  NotAFile: "it is not a regular file",
  PermissionDenied: "permission denied",
  NotCapable: "Deno needs the flag --allow-read for it",
  FileTooLarge: "it is too large",
  TimeoutError: "reading it timed out",
  InvalidText: "it is not UTF-8 text",
};

/**
 * Thrown for an invalid configuration. The message lists the problems, one per line.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { conductor, ConfigError } from "@zeek/conductor";
 *
 * try {
 *   conductor({ services: [{ name: "api", url: "http://localhost:8081", pathPrefix: "api" }] });
 * } catch (error) {
 *   if (!(error instanceof ConfigError)) throw error;
 *   assertEquals(error.problems, [
 *     { path: "services[0].pathPrefix", message: 'must be a path that begins with "/": found "api"' },
 *   ]);
 * }
 * ```
 */
export class ConfigError extends Error {
  /** All problems by line, or, if lines are unknown, those of single fields before those across fields. */
  readonly problems: readonly ConfigProblem[];

  /**
   * Creates an error from at least one problem.
   *
   * @param problems The problems.
   * @param options The cause, if any.
   */
  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const shown = problems.map((problem) => ({ ...problem, path: printablePath(problem.path) }));
    super(listProblems(shown), options);
    this.name = "ConfigError";
    this.problems = shown;
  }
}

/** Returns the reason of a failed read, from the name of the error. */
export function whyUnreadable(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  return Object.hasOwn(UNREADABLE_REASONS, name) ? UNREADABLE_REASONS[name]! : "it cannot be read";
}

function listProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, MAX_LISTED).map(formatProblem);
  if (problems.length > MAX_LISTED) lines.push(`and ${problems.length - MAX_LISTED} more`);
  return lines.join("\n");
}

function formatProblem({ path, message, line }: ConfigProblem): string {
  return `${path === "" ? "" : `${path}: `}${message}${line === undefined ? "" : ` (line ${line})`}`;
}
