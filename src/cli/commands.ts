/** Declarations of all commands and exit codes. The parser, `--help` and the reference page follow from them. */

import type { FlagName } from "./flags.ts";

/** Name of a command. */
export type CommandName = "serve" | "check" | "explain" | "report" | "schema" | "demo";

/** Declaration of a command. */
export interface CommandDeclaration {
  /** Operands in help texts; empty if there are none. */
  readonly operands: string;
  /** Purpose, in one line. */
  readonly summary: string;
  /** Further sentences, one per line; may be empty. */
  readonly details: string;
  /** Flags of the command, besides those of all commands. */
  readonly flags: readonly FlagName[];
}

/** All commands. */
export const COMMANDS: Readonly<Record<CommandName, CommandDeclaration>> = {
  serve: {
    operands: "",
    summary: "Listen and forward requests (default)",
    details:
      "SIGINT and SIGTERM wait for shutdownDelay, close the listener, and wait for requests in flight for at most " +
      "shutdownTimeout.\n" +
      "A second signal exits at once.\n" +
      "SIGHUP, or a changed file with --watch, reloads the configuration.\n" +
      "An invalid configuration is logged, and the previous one stays in force.",
    flags: ["config", "port", "host", "watch", "top", "workers", "reusePort", "logFormat", "verbose", "quiet"],
  },
  check: {
    operands: "",
    summary: "Validate a configuration, and report all problems at once",
    details: "Exits with 0 if the configuration is valid, otherwise with 1.",
    flags: ["config"],
  },
  explain: {
    operands: "[METHOD] URL_OR_PATH",
    summary: "Show where a request would go, without sending it",
    details: "For each shadow, shows whether the request would be mirrored, and otherwise the reason.\n" +
      "Exits with 0 if the request matches a route, and with 1 if the response would be 400 or 404.",
    flags: ["config", "header", "bodySize", "client"],
  },
  report: {
    operands: "",
    summary: "Show whether the compared services are ready to go live",
    details: "Gets the report from the admin listener of a running conductor.\n" +
      "The exit code is the verdict: 0 ready, 1 not ready, 3 too few comparisons, 4 no report.\n" +
      "There is no report if the admin listener cannot be reached, the token is invalid, or comparison is off.",
    flags: [
      "admin",
      "tokenFile",
      "format",
      "wait",
      "since",
      "minRequests",
      "minComparable",
      "maxMismatch",
      "maxLatencyRatio",
      "maxErrors",
    ],
  },
  schema: {
    operands: "",
    summary: "Print the JSON Schema of the configuration, for editors",
    details: "",
    flags: [],
  },
  demo: {
    operands: "",
    summary: "Show conductor at work with three small backends",
    details: "Needs no configuration. The backends and conductor run inside this process, on ports of loopback.",
    flags: ["port", "once"],
  },
};

/** Names of all commands. */
export const COMMAND_NAMES: readonly CommandName[] = Object.keys(COMMANDS) as CommandName[];

/** Exit codes, with their meanings. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "Success; for report: ready"],
  [1, "Invalid configuration, unreadable file, address in use or missing permission; for report: not ready"],
  [2, "Invalid command line"],
  [3, "For report: too few comparisons"],
  [4, "For report: no report is available"],
  [130, "SIGINT twice: the shutdown was cut short"],
  [143, "SIGTERM twice: the shutdown was cut short"],
];

/** Thrown for a mistake on the command line. The process exits with 2. */
export class UsageError extends Error {
  /** Name of the error. */
  override readonly name = "UsageError";
}

/** Thrown if a command fails for a reason that its user can fix. The process exits with 1. */
export class CommandError extends Error {
  /** Name of the error. */
  override readonly name = "CommandError";
}
