/** What can be typed: commands and flags as tables, the source of the parser and of `--help`. */

/** The commands. */
export type CommandName = "serve" | "check" | "explain" | "report" | "schema" | "demo";

/** The flags that take a value. */
export type ValueFlag =
  | "config"
  | "host"
  | "port"
  | "log-format"
  | "workers"
  | "header"
  | "body-size"
  | "client"
  | "admin"
  | "token-file"
  | "format"
  | "min-requests"
  | "max-mismatch"
  | "max-latency-ratio"
  | "max-errors";

/** The flags that are there or not. */
export type SwitchFlag = "watch" | "top" | "verbose" | "quiet" | "once" | "help" | "version";

/** A flag as `--help` shows it. */
export interface FlagHelp {
  /** The one-letter form. */
  readonly alias?: string;
  /** What the value stands for; absent where there is none. */
  readonly value?: string;
  /** What the flag does. */
  readonly summary: string;
}

/** A command as `--help` shows it. */
export interface CommandHelp {
  /** What follows the command's name, flags aside. */
  readonly operands: string;
  /** What the command does, in one line. */
  readonly summary: string;
  /** More about it. */
  readonly details: string;
  /** The flags that it takes, beside `--help` and `--version`. */
  readonly flags: readonly (ValueFlag | SwitchFlag)[];
}

/** Every flag. */
export const FLAGS: Readonly<Record<ValueFlag | SwitchFlag, FlagHelp>> = {
  config: { alias: "c", value: "FILE", summary: 'The configuration, YAML or JSON (default "config.yaml")' },
  port: { value: "PORT", summary: "Listen on this port instead of the configured one; 0 for any free port" },
  host: { value: "ADDRESS", summary: "Listen on this address instead of the configured one" },
  workers: {
    value: "N",
    summary:
      "Serve with N threads on one port, auto for one per core (default: 1; Linux, with --unstable-net); each has" +
      " its share of maxInFlight and maxConnectionsPerService",
  },
  "log-format": { value: "FORMAT", summary: "json or pretty (default: pretty on a terminal, else json)" },
  header: { alias: "H", value: "'NAME: VALUE'", summary: "A header field of the request; may be given several times" },
  "body-size": {
    value: "SIZE",
    summary: "The length of the request's body: bytes, or like 64KiB (default: not known)",
  },
  client: { value: "ADDRESS", summary: "The address that the request comes from (default: not known)" },
  admin: { value: "URL", summary: "The admin listener of a running conductor, for example http://127.0.0.1:9090" },
  "token-file": { value: "FILE", summary: "The file that holds the admin listener's token" },
  format: { value: "FORMAT", summary: "text, json, or markdown for a pull request (default: text)" },
  "min-requests": { value: "N", summary: "Comparisons that each service needs (default: 1000)" },
  "max-mismatch": { value: "SHARE", summary: "How many of the answers may differ (default: 0.1%)" },
  "max-latency-ratio": {
    value: "N",
    summary: "How much longer than the primary's p50 and p99 a service's may be (default: 1.2 times)",
  },
  "max-errors": { value: "SHARE", summary: "How many more errors than the primary a service may have (default: 0.1%)" },
  watch: { summary: "Read the configuration again whenever one of its files changes" },
  top: { summary: "On a terminal, show what goes on as a table in place of a line for each request" },
  verbose: { summary: "Log every attempt too (level debug)" },
  quiet: { summary: "Log failures only (level warn)" },
  once: { summary: "End after the tour instead of staying up" },
  help: { alias: "h", summary: "Show help; with a command, that command's" },
  version: { summary: "Show the version" },
};

/** Every command. */
export const COMMANDS: Readonly<Record<CommandName, CommandHelp>> = {
  serve: {
    operands: "",
    summary: "Listen, and multiplex requests (the default)",
    details:
      "SIGINT and SIGTERM stop accepting and let what is in flight finish, no longer than shutdownTimeout; a second\n" +
      "signal ends the process at once. SIGHUP, or a change with --watch, reads the configuration again: a file with\n" +
      "problems changes nothing.",
    flags: ["config", "port", "host", "watch", "top", "workers", "log-format", "verbose", "quiet"],
  },
  check: {
    operands: "",
    summary: "Report every problem of a configuration at once",
    details: "Exits with 0 where the file can be served, else with 1.",
    flags: ["config"],
  },
  explain: {
    operands: "[METHOD] URL_OR_PATH",
    summary: "Show where a request would go, without sending it",
    details:
      "Says of each shadow whether it would get a copy, and why not: its methods, its sample and its maxBodySize decide.\n" +
      "Exits with 0 where the request has a route, with 1 where it would be refused (404, 400).",
    flags: ["config", "header", "body-size", "client"],
  },
  report: {
    operands: "",
    summary: "Say whether the services that are compared with the primary may go live",
    details:
      "Asks the admin listener of a running conductor. Exits with 0 where all of them are ready, with 1 where one is not,\n" +
      "with 3 where too little was compared to tell, and with 4 where there is no report: the listener can not be reached,\n" +
      "does not accept the token, or nothing is compared.",
    flags: [
      "admin",
      "token-file",
      "format",
      "min-requests",
      "max-mismatch",
      "max-latency-ratio",
      "max-errors",
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
    summary: "Watch conductor work in front of three small backends",
    details: "Needs no configuration: everything runs inside this process, on ports of this machine.",
    flags: ["port", "once"],
  },
};
