/** From what was typed to what is meant. */

import { parseArgs } from "@std/cli/parse-args";
import type { HeaderLine } from "../config/config.ts";
import { suggest } from "../config/schema/describe.ts";
import { coresForWorkers } from "../server/shared_port.ts";
import { type CommandName, COMMANDS, FLAGS, type SwitchFlag, type ValueFlag } from "./command_table.ts";
import { type ReportRequest, reportRequestFrom } from "./report_flags.ts";
import { bodyBytesFrom, clientFrom, headerFrom } from "./request_flags.ts";
import { UsageError } from "./usage_error.ts";

/** A command line that has been understood. */
export interface ParsedArgs {
  /** The command. */
  readonly command: CommandName;
  /** Whether the command was named, or is the default. */
  readonly named: boolean;
  /** What follows the command, flags aside. */
  readonly operands: readonly string[];
  /** The configuration's path, where it was given. */
  readonly configPath: string | undefined;
  /** The port to listen on, where it was given. */
  readonly port: number | undefined;
  /** The address to listen on, where it was given. */
  readonly host: string | undefined;
  /** How log lines look, where it was given. */
  readonly logFormat: "json" | "pretty" | undefined;
  /** How many threads are to serve; 1 for the main one alone. */
  readonly workers: number;
  /** Header lines of the request that is asked about. */
  readonly headers: readonly HeaderLine[];
  /** How long its body is, in bytes, where that was given. */
  readonly bodyBytes: number | undefined;
  /** Where it comes from, where that was given. */
  readonly client: string | undefined;
  /** The report that is asked for. */
  readonly report: ReportRequest;
  /** The switches that are on. */
  readonly switches: ReadonlySet<SwitchFlag>;
}

/** The flags that may be given several times. */
const REPEATED: readonly ValueFlag[] = ["header"];
type FlagName = ValueFlag | SwitchFlag;

const FLAG_NAMES = Object.keys(FLAGS) as FlagName[];
const VALUE_FLAGS = FLAG_NAMES.filter((name) => FLAGS[name].value !== undefined) as ValueFlag[];
const SWITCHES = FLAG_NAMES.filter((name) => FLAGS[name].value === undefined) as SwitchFlag[];
const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];
/** More than this is a slip of the finger: each worker is a thread with a heap of its own. */
const MAX_WORKERS = 256;
const ALWAYS_ALLOWED: readonly FlagName[] = ["help", "version"];

/**
 * Understands a command line.
 *
 * @param args The arguments, without the program's name.
 * @returns The command and its flags.
 * @throws {UsageError} Where something is unknown, incomplete or of no use.
 */
export function parseFlags(args: readonly string[]): ParsedArgs {
  const unknown: string[] = [];
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parseArgs(args.map(withTwoDashes), {
    string: [...VALUE_FLAGS, "_"],
    boolean: SWITCHES,
    collect: REPEATED,
    alias: Object.fromEntries(FLAG_NAMES.flatMap((name) => FLAGS[name].alias ?? [] as string[]).map(aliasEntry)),
    unknown: (arg, key) => {
      if (key !== undefined) unknown.push(arg.replace(/=.*/s, ""));
      return key === undefined;
    },
  });
  const [first, ...rest] = parsed._.map(String);
  const helpNamed = first === "help";
  const word = helpNamed ? rest.shift() : first;
  const command = word === undefined ? "serve" : commandNamed(word);
  const given = new Map(VALUE_FLAGS.map((name) => [name, [parsed[name] ?? []].flat().map(String)] as const));
  for (const [name, texts] of given) {
    if (texts.length === 0) given.delete(name);
    if (texts.includes("")) {
      throw new UsageError(`Cannot use "--${name}" as it needs a value: --${name} ${FLAGS[name].value}`);
    }
  }
  for (const flag of unknown) throw new UsageError(`Unknown flag "${flag}"${nearestFlag(flag, command)}`);

  const switches = new Set(SWITCHES.filter((name) => parsed[name] === true));
  if (helpNamed) switches.add("help");
  for (const flag of [...given.keys(), ...switches]) {
    if (![...COMMANDS[command].flags, ...ALWAYS_ALLOWED].includes(flag)) {
      throw new UsageError(`Cannot use "--${flag}" with "${command}" as that command has no such flag`);
    }
  }
  if (COMMANDS[command].operands === "" && rest.length > 0) {
    throw new UsageError(`Cannot use "${rest[0]}" with "${command}" as that command takes flags only`);
  }
  if (switches.has("verbose") && switches.has("quiet")) {
    throw new UsageError('Cannot use "--verbose" and "--quiet" together as one asks for more and the other for less');
  }
  const valueOf = (name: ValueFlag) => given.get(name)?.at(-1);
  return {
    command,
    named: word !== undefined,
    operands: rest,
    configPath: valueOf("config"),
    port: portFrom(valueOf("port")),
    host: valueOf("host")?.replace(/^\[(.*)\]$/, "$1"),
    logFormat: logFormatFrom(valueOf("log-format")),
    workers: workersFrom(valueOf("workers")),
    headers: given.get("header")?.map(headerFrom) ?? [],
    bodyBytes: bodyBytesFrom(valueOf("body-size")),
    client: clientFrom(valueOf("client")),
    report: reportRequestFrom(valueOf),
    switches,
  };
}

/** Go's flag package, and so every go-conductor command line, takes `-config FILE` for `--config FILE`. */
function withTwoDashes(arg: string): string {
  return /^-[A-Za-z][A-Za-z-]+(?:=|$)/.test(arg) ? `-${arg}` : arg;
}

function aliasEntry(alias: string): [string, FlagName] {
  return [alias, FLAG_NAMES.find((name) => FLAGS[name].alias === alias) ?? "help"];
}

function commandNamed(word: string): CommandName {
  const command = COMMAND_NAMES.find((name) => name === word);
  if (command !== undefined) return command;
  const hint = /\.(?:ya?ml|json)$/i.test(word)
    ? `; did you mean "--config ${word}"?`
    : suggest(word, COMMAND_NAMES) || `; commands are ${COMMAND_NAMES.join(", ")}`;
  throw new UsageError(`Unknown command "${word}"${hint}`);
}

function nearestFlag(flag: string, command: CommandName): string {
  const known = [...COMMANDS[command].flags, ...ALWAYS_ALLOWED].map((name) => `--${name}`);
  return suggest(flag, known) || `; flags of "${command}" are ${known.join(", ")}`;
}

function portFrom(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : NaN;
  if (!(port <= 65_535)) {
    throw new UsageError(`Cannot listen on port "${value}" as a port must be a whole number from 0 to 65535`);
  }
  return port;
}

function workersFrom(value: string | undefined): number {
  if (value === undefined) return 1;
  if (value === "auto") return coresForWorkers();
  const count = /^\d{1,3}$/.test(value) ? Number(value) : NaN;
  if (count >= 1 && count <= MAX_WORKERS) return count;
  throw new UsageError(
    `Cannot serve with "${value}" workers as their number must be a whole number from 1 to ${MAX_WORKERS}, or auto`,
  );
}

function logFormatFrom(value: string | undefined): "json" | "pretty" | undefined {
  if (value === undefined || value === "json" || value === "pretty") return value;
  throw new UsageError(
    `Cannot log as "${value}" as the format must be "json" or "pretty"${suggest(value, ["json", "pretty"])}`,
  );
}
