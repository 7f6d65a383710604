/** Declarations of all commands and exit codes. The parser, `--help` and the reference page follow from them. */

import type { FlagName } from "./flags.ts";

/** Name of a command. */
export type CommandName =
  | "serve"
  | "check"
  | "explain"
  | "report"
  | "top"
  | "fields"
  | "schema"
  | "demo"
  | "completions"
  | "version";

/** Shells that `completions` supports. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** Declaration of a command. */
export interface CommandDeclaration {
  /** Operands in help texts; empty if there are none. */
  readonly operands: string;
  /** Purpose, in one line. */
  readonly summary: string;
  /** Further sentences, one per line; may be empty. */
  readonly details: string;
  /** Command lines with their effects, for help texts. */
  readonly examples: readonly (readonly [line: string, effect: string])[];
  /** Values of the first operand, for completions. */
  readonly choices?: readonly string[];
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
    examples: [
      ["conductor -c config.yaml -p 8080", "serve a configuration on port 8080"],
      ["conductor -c config.yaml --watch --top", "reload on changes, and show a live table"],
      ["conductor -c config.yaml --log-format json --quiet", "log warnings and errors as JSON"],
    ],
    flags: ["config", "port", "host", "watch", "top", "workers", "reusePort", "logFormat", "verbose", "quiet"],
  },
  check: {
    operands: "",
    summary: "Validate a configuration, and report all problems at once",
    details: "Also shows warnings and advice about settings that are likely to surprise.\n" +
      "Exits with 0 if the configuration is valid, otherwise with 1.",
    examples: [["conductor check -c config.yaml", "show the routes, or all problems"]],
    flags: ["config"],
  },
  explain: {
    operands: "[METHOD] URL_OR_PATH",
    summary: "Show where a request would go, without sending it",
    details: "For each shadow, shows whether the request would be mirrored, and otherwise the reason.\n" +
      "Exits with 0 if the request matches a route, and with 1 if the response would be 400 or 404.",
    examples: [
      ["conductor explain /api/users", "a GET request, with config.yaml"],
      [
        "conductor explain POST /api/users -H 'Cookie: sid=1' --body-size 64KiB",
        "a request that shadows may not get",
      ],
    ],
    flags: ["config", "header", "bodySize", "client"],
  },
  report: {
    operands: "",
    summary: "Show whether the compared services are ready to go live",
    details: "Gets the report from the admin listener of a running conductor.\n" +
      "The exit code is the verdict: 0 ready, 1 not ready, 3 too few comparisons, 4 no report.\n" +
      "There is no report if the admin listener cannot be reached, the token is invalid, or comparison is off.",
    examples: [
      ["conductor report --admin http://127.0.0.1:9090", "the report as text"],
      ["conductor report --admin http://127.0.0.1:9090 --wait 10m", "for a pipeline: waits for a verdict"],
      [
        "conductor report --admin http://127.0.0.1:9090 --format markdown --min-requests 5000",
        "for a pull request",
      ],
    ],
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
  top: {
    operands: "",
    summary: "Show the live table of a running conductor",
    details: "Reads the state from its admin listener once per second, until a signal.\n" +
      "A pipe or a dumb terminal gets plain lines every 5 seconds.",
    examples: [
      ["conductor top --admin http://127.0.0.1:9090", "a conductor on this machine"],
      ["conductor top --admin http://10.0.0.5:9090 --token-file admin-token", "a conductor on another machine"],
    ],
    flags: ["admin", "tokenFile"],
  },
  fields: {
    operands: "[PATH]",
    summary: "List the fields of the configuration",
    details: "PATH selects the fields whose path contains it.",
    examples: [
      ["conductor fields", "all fields"],
      ["conductor fields health", "the fields of health checks"],
    ],
    flags: [],
  },
  schema: {
    operands: "",
    summary: "Print the JSON Schema of the configuration, for editors",
    details: "",
    examples: [["conductor schema > conductor.schema.json", "a file for the editor"]],
    flags: [],
  },
  demo: {
    operands: "",
    summary: "Show conductor at work with three small backends",
    details: "Needs no configuration. The backends and conductor run inside this process, on ports of loopback.",
    examples: [["conductor demo -p 8080", "serve the example on port 8080"]],
    flags: ["port", "once"],
  },
  completions: {
    operands: SHELLS.join("|"),
    summary: "Print a completion script for a shell",
    details: "The script completes commands, flags, their values, and files.",
    examples: [
      ["source <(conductor completions bash)", "in ~/.bashrc"],
      ["source <(conductor completions zsh)", "in ~/.zshrc, after compinit"],
      ["conductor completions fish > ~/.config/fish/completions/conductor.fish", "for fish"],
    ],
    choices: SHELLS,
    flags: [],
  },
  version: {
    operands: "",
    summary: "Show the version",
    details: "",
    examples: [],
    flags: [],
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
  /** Command whose help has the solution; `undefined`: the help of conductor. */
  readonly command: CommandName | undefined;

  /** Creates an error. */
  constructor(message: string, command?: CommandName) {
    super(message);
    this.command = command;
  }
}

/** Thrown if a command fails for a reason that its user can fix. The process exits with 1. */
export class CommandError extends Error {
  /** Name of the error. */
  override readonly name = "CommandError";
}
