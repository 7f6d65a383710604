/** Declarations of all flags. The parser, `--help` and the reference page of the command line follow from them. */

import {
  DEFAULT_THRESHOLDS,
  isRatio,
  readDuration,
  readSince,
  readThreshold,
  SINCE_NEED,
  THRESHOLD_NEEDS,
  type ThresholdName,
} from "../compare/report_thresholds.ts";
import type { HeaderLine } from "../config/config.ts";
import { InputPath } from "../config/read/input_path.ts";
import { suggest } from "../config/schema/describe.ts";
import { size } from "../config/schema/quantity.ts";
import { networkOf } from "../http/client_address.ts";
import { isSocketPath, socketOrigin, socketPath } from "../lib/unix_socket.ts";
import { coresForWorkers } from "../server/shared_port.ts";

/** Declaration of a flag. */
export interface Flag<T> {
  /** One-letter form. */
  readonly alias?: string;
  /** Placeholder of the value in help texts; absent for a switch. */
  readonly value?: string;
  /** Meaning, in one line. */
  readonly help: string;
  /** Default in help texts; absent if the flag has none. */
  readonly defaultText?: string;
  /** Words that the value can be, for completions. */
  readonly choices?: readonly string[];
  /** Flag that cannot be combined with this one. */
  readonly excludes?: string;
  /** Converts the texts of the flag, in the order of the command line; without texts, returns the default. */
  readonly read: (texts: readonly string[]) => T;
}

/** A flag as help texts and completions describe it. */
export type FlagHelp = Omit<Flag<unknown>, "read">;

/** Need and conversion of a value. `parse` returns `undefined` for an invalid one. */
interface ValueType<T> {
  readonly need: string;
  readonly parse: (text: string) => T | undefined;
  readonly known?: readonly string[];
}

/** Thrown by `read` for an invalid value. The message completes a sentence that starts with the name of the flag. */
export class FlagValueError extends Error {
  /** Name of the error. */
  override readonly name = "FlagValueError";
}

/** More workers are most likely a mistake: each worker is a thread with a heap of its own. */
const MAX_WORKERS = 256;
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*?)[ \t]*$/;

/** All flags, by the names of their values. `logFormat` is `--log-format` on the command line. */
export const FLAGS = {
  config: single(text(), {
    alias: "c",
    value: "FILE",
    default: "config.yaml",
    help: "Configuration file, YAML or JSON",
  }),
  port: single(integer(0, 65_535), {
    alias: "p",
    value: "PORT",
    help: "Port to listen on, instead of the configured one; 0 selects a free port",
  }),
  host: single({ ...text(), parse: (host) => host.replace(/^\[(.*)\]$/, "$1") }, {
    value: "ADDRESS",
    help: "Address to listen on, instead of the configured one; unix:/run/conductor.sock is a Unix socket",
  }),
  watch: toggle({ help: "Reload the configuration when one of its files changes" }),
  top: toggle({ help: "On a terminal, show a live table instead of a line for each request" }),
  workers: single(workerCount(), {
    value: "N",
    default: 1,
    help: "Number of threads that share one port, or auto for one per core; needs Linux and --unstable-net;" +
      " maxInFlight and maxConnectionsPerService are divided among them",
  }),
  reusePort: toggle({
    help:
      "Share the ports with a running conductor that also has this flag, to replace it without refusing connections;" +
      " needs Linux and --unstable-net",
  }),
  logFormat: single(oneOf(["json", "pretty"]), {
    value: "FORMAT",
    defaultText: "pretty on a terminal, otherwise json",
    help: "Log format, json or pretty",
  }),
  verbose: toggle({ help: "Also log each attempt (level debug)", excludes: "quiet" }),
  quiet: toggle({ help: "Log warnings and errors only (level warn)" }),
  header: repeated(headerLine(), {
    alias: "H",
    value: "'NAME: VALUE'",
    help: "Header of the request; can be repeated",
  }),
  bodySize: single(byteSize(), {
    value: "SIZE",
    defaultText: "unknown",
    help: "Size of the request body in bytes, or with a unit such as 64KiB",
  }),
  client: single(ipAddress(), {
    value: "ADDRESS",
    defaultText: "unknown",
    help: "IP address of the client",
  }),
  admin: single(adminUrl(), {
    value: "URL",
    help: "Admin listener of a running conductor, for example http://127.0.0.1:9090 or unix:/run/admin.sock",
  }),
  tokenFile: single(text(), { value: "FILE", help: "File with the token of the admin listener" }),
  format: single(oneOf(["text", "json", "markdown"]), {
    value: "FORMAT",
    default: "text" as const,
    help: "Format of the report: text, json or markdown",
  }),
  wait: single(duration(), {
    value: "TIME",
    help: "Ask again until the verdict is ready or not ready, or this time has passed, such as 10m",
  }),
  since: single(sinceText(), {
    value: "TIME",
    help: "Count only comparisons since then: a time such as 10m, or an instant such as 2026-11-30T14:02:00Z",
  }),
  minRequests: threshold("minRequests", { value: "N", help: "Minimum comparisons of each service" }),
  minComparable: threshold("minComparable", {
    value: "RATIO",
    help: "Minimum ratio of the responses that are comparable",
  }),
  maxMismatch: threshold("maxMismatch", { value: "RATIO", help: "Maximum ratio of mismatches to comparisons" }),
  maxLatencyRatio: threshold("maxLatencyRatio", {
    value: "N",
    help: "Maximum p50 and p99 of a service, as a multiple of the primary's",
  }),
  maxErrors: threshold("maxErrors", {
    value: "RATIO",
    help: "Maximum error ratio of a service above that of the primary",
  }),
  once: toggle({ help: "Exit after the tour" }),
  help: toggle({ alias: "h", help: "Show help for conductor, or for one command" }),
  version: toggle({ alias: "V", help: "Show the version" }),
};

/** Name of a flag in {@linkcode FLAGS}. */
export type FlagName = keyof typeof FLAGS;

/** Values of all flags, with the defaults of absent ones. */
export type FlagValues = { readonly [Name in FlagName]: ReturnType<(typeof FLAGS)[Name]["read"]> };

/** Flags that every command accepts. */
export const COMMON_FLAGS: readonly FlagName[] = ["help", "version"];

/** Names of all flags. */
export const FLAG_NAMES: readonly FlagName[] = Object.keys(FLAGS) as FlagName[];

/** Returns a flag as it is typed, without dashes: `log-format` for `logFormat`. */
export function flagWord(name: FlagName): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Reports whether a flag has a value. */
export function hasValue(name: FlagName): boolean {
  return (FLAGS[name] as FlagHelp).value !== undefined;
}

/** Returns the forms of a flag, such as `-c FILE` and `--config FILE`, and its meaning with the default. */
export function describeFlag(name: FlagName): { readonly forms: readonly string[]; readonly meaning: string } {
  const { alias, value, help, defaultText }: FlagHelp = FLAGS[name];
  const forms = [...alias === undefined ? [] : [`-${alias}`], `--${flagWord(name)}`];
  return {
    forms: forms.map((form) => value === undefined ? form : `${form} ${value}`),
    meaning: defaultText === undefined ? help : `${help} (default: ${defaultText})`,
  };
}

function toggle(help: Omit<FlagHelp, "value" | "defaultText">): Flag<boolean> {
  return { ...help, read: (texts) => texts.length > 0 };
}

/** Returns a flag with one value. The last of several values counts. */
function single<T, Default extends T | undefined = undefined>(
  type: ValueType<T>,
  help: FlagHelp & { readonly value: string; readonly default?: Default },
): Flag<T | Default> {
  const { default: absent } = help;
  return {
    ...(absent !== undefined && { defaultText: String(absent) }),
    ...(type.known !== undefined && { choices: type.known }),
    ...help,
    read: (texts) => {
      const last = texts.at(-1);
      return last === undefined ? absent as Default : parseWith(type, last);
    },
  };
}

function repeated<T>(type: ValueType<T>, help: FlagHelp & { readonly value: string }): Flag<readonly T[]> {
  return { ...help, read: (texts) => texts.map((text) => parseWith(type, text)) };
}

/** Returns a flag of a threshold. Its value is the text, because the admin listener applies the threshold. */
function threshold(name: ThresholdName, help: FlagHelp & { readonly value: string }): Flag<string | undefined> {
  const parse = (text: string) => readThreshold(name, text) === undefined ? undefined : text;
  const value = DEFAULT_THRESHOLDS[name];
  const defaultText = isRatio(name) ? `${value * 100}%` : String(value);
  return single({ need: THRESHOLD_NEEDS[name], parse }, { defaultText, ...help });
}

function parseWith<T>({ need, parse, known }: ValueType<T>, text: string): T {
  const value = parse(text);
  if (value !== undefined) return value;
  throw new FlagValueError(`must be ${need}: found "${text}"${known === undefined ? "" : suggest(text, known)}`);
}

function text(): ValueType<string> {
  return { need: "a text", parse: (text) => text };
}

function integer(min: number, max: number): ValueType<number> {
  return {
    need: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

function workerCount(): ValueType<number> {
  const { need, parse } = integer(1, MAX_WORKERS);
  return { need: `${need}, or auto`, parse: (text) => text === "auto" ? coresForWorkers() : parse(text) };
}

function oneOf<const T extends string>(words: readonly T[]): ValueType<T> {
  const list = new Intl.ListFormat("en-GB", { type: "disjunction" }).format(words.map((word) => `"${word}"`));
  return { need: list, parse: (text) => words.find((word) => word === text), known: words };
}

function headerLine(): ValueType<HeaderLine> {
  return {
    need: 'like "X-User: ada"',
    parse: (text) => {
      const [, name, value = ""] = HEADER.exec(text) ?? [];
      return name === undefined ? undefined : [name, value];
    },
  };
}

function byteSize(): ValueType<number> {
  return {
    need: "a size in bytes, or like 64KiB or 10MiB",
    parse: (text) => size({ min: "0B" }).parse(text, new InputPath({ source: undefined, problems: [], warnings: [] })),
  };
}

function duration(): ValueType<number> {
  return { need: "a time such as 30s, 10m or 1h", parse: readDuration };
}

/** Returns the type of `--since`. Values are the text, because the admin listener knows its own time. */
function sinceText(): ValueType<string> {
  return { need: SINCE_NEED, parse: (text) => readSince(text, 0) === undefined ? undefined : text };
}

function ipAddress(): ValueType<string> {
  return { need: "an IP address", parse: (text) => networkOf(text) === undefined ? undefined : text };
}

function adminUrl(): ValueType<URL> {
  return {
    need:
      "an http or https URL without credentials, such as http://127.0.0.1:9090, or a Unix socket like unix:/run/admin.sock",
    parse: (text) => {
      const path = socketPath(text.replace(/\/$/, ""));
      if (path !== undefined) return isSocketPath(path) ? new URL(socketOrigin(path)) : undefined;
      const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
      const isValid = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
      return isValid ? url : undefined;
    },
  };
}
