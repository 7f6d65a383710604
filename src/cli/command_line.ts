/** Parser of the command line. */

import { parseArgs } from "@std/cli/parse-args";
import { suggest } from "../config/schema/describe.ts";
import { COMMAND_NAMES, type CommandName, COMMANDS, UsageError } from "./commands.ts";
import {
  COMMON_FLAGS,
  type Flag,
  FLAG_NAMES,
  type FlagHelp,
  type FlagName,
  FLAGS,
  FlagValueError,
  type FlagValues,
  flagWord,
  hasValue,
} from "./flags.ts";

/** A parsed command line. Workers get it as a message, so it must be cloneable. */
export interface ParsedArgs {
  /** The command. */
  readonly command: CommandName;
  /** False if the command is the default. */
  readonly isExplicit: boolean;
  /** Arguments after the command that are not flags. */
  readonly operands: readonly string[];
  /** Values of the flags. */
  readonly flags: FlagValues;
}

const SWITCHES = FLAG_NAMES.filter((name) => !hasValue(name));
const VALUE_WORDS = FLAG_NAMES.filter(hasValue).map(flagWord);

/** Parses the arguments after the name of the program. Throws a {@linkcode UsageError} for an invalid command line. */
export function parseCommandLine(args: readonly string[]): ParsedArgs {
  const unknown: string[] = [];
  const words = args.map(withTwoDashes);
  const parsed: Record<string, unknown> & { _: (string | number)[] } = parseArgs(words, {
    string: [...VALUE_WORDS, "_"],
    boolean: SWITCHES.map(flagWord),
    collect: VALUE_WORDS,
    alias: Object.fromEntries(FLAG_NAMES.flatMap((name) => {
      const { alias }: Flag<unknown> = FLAGS[name];
      return alias === undefined ? [] : [[alias, flagWord(name)]];
    })),
    unknown: (arg, key) => {
      if (key !== undefined) unknown.push(arg.replace(/=.*/s, ""));
      return key === undefined;
    },
  });
  const [first, ...rest] = parsed._.map(String);
  const isHelp = first === "help";
  const word = isHelp ? rest.shift() : first;
  const command = word === undefined ? "serve" : toCommand(word);
  try {
    return readCommand(command, { isHelp, isExplicit: word !== undefined, operands: rest, words, parsed, unknown });
  } catch (error) {
    // The help of conductor also shows the flags of the default command.
    if (error instanceof UsageError && word !== undefined) throw new UsageError(error.message, command);
    throw error;
  }
}

interface ParsedWords extends Pick<ParsedArgs, "isExplicit" | "operands"> {
  readonly isHelp: boolean;
  readonly words: readonly string[];
  readonly parsed: Readonly<Record<string, unknown>>;
  readonly unknown: readonly string[];
}

function readCommand(
  command: CommandName,
  { isHelp, isExplicit, operands, words, parsed, unknown }: ParsedWords,
): ParsedArgs {
  const texts = new Map<FlagName, readonly string[]>();
  for (const name of FLAG_NAMES) {
    const given = textsOf(name, parsed[flagWord(name)]);
    if (given.length > 0) texts.set(name, given);
  }
  if (isHelp) texts.set("help", ["true"]);
  for (const flag of unknown) throw new UsageError(`Unknown flag "${flag}"${nearestFlag(flag, command)}`);
  requireSwitches(words);
  requireFlagsOf(command, [...texts.keys()]);
  if (COMMANDS[command].operands === "" && operands.length > 0) {
    throw new UsageError(`\`${command}\` takes flags only: found "${operands[0]}"`);
  }
  return { command, isExplicit, operands, flags: readFlags(texts) };
}

/** Rejects values of switches. The parser would accept any text as true, and remove a following `true` or `false`. */
function requireSwitches(words: readonly string[]): void {
  const end = words.indexOf("--");
  for (const [index, word] of words.slice(0, end < 0 ? words.length : end).entries()) {
    const [, given = "", joined] = /^-{1,2}([A-Za-z][A-Za-z-]*)(?:=(.*))?$/s.exec(word) ?? [];
    const name = SWITCHES.find((name) => flagWord(name) === given || (FLAGS[name] as FlagHelp).alias === given);
    const next = words[index + 1];
    const value = joined ?? (next === "true" || next === "false" ? next : undefined);
    if (name === undefined || value === undefined) continue;
    throw new UsageError(`\`--${flagWord(name)}\` takes no value: found "${value}"`);
  }
}

/** Adds the second dash to `-config FILE`, the form of go-conductor's command lines. */
function withTwoDashes(arg: string): string {
  return /^-[A-Za-z][A-Za-z-]+(?:=|$)/.test(arg) ? `-${arg}` : arg;
}

function toCommand(word: string): CommandName {
  const command = COMMAND_NAMES.find((name) => name === word);
  if (command !== undefined) return command;
  const hint = /\.(?:ya?ml|json)$/i.test(word)
    ? `; did you mean "--config ${word}"?`
    : suggest(word, COMMAND_NAMES) || `; commands are ${COMMAND_NAMES.join(", ")}`;
  throw new UsageError(`Unknown command "${word}"${hint}`);
}

function textsOf(name: FlagName, parsed: unknown): readonly string[] {
  if (!hasValue(name)) return parsed === true ? ["true"] : [];
  const texts = [parsed ?? []].flat().map(String);
  if (texts.includes("")) {
    const { value }: Flag<unknown> = FLAGS[name];
    throw new UsageError(`\`--${flagWord(name)}\` must have a value: --${flagWord(name)} ${value}`);
  }
  return texts;
}

function flagsOf(command: CommandName): readonly FlagName[] {
  return [...COMMANDS[command].flags, ...COMMON_FLAGS];
}

function nearestFlag(flag: string, command: CommandName): string {
  const known = flagsOf(command).map((name) => `--${flagWord(name)}`);
  return suggest(flag, known) || `; flags of "${command}" are ${known.join(", ")}`;
}

function requireFlagsOf(command: CommandName, given: readonly FlagName[]): void {
  const known = flagsOf(command);
  for (const name of given) {
    if (!known.includes(name)) {
      const others = COMMAND_NAMES.filter((other) => COMMANDS[other].flags.includes(name));
      const list = new Intl.ListFormat("en-GB", { type: "conjunction" }).format(others.map((other) => `\`${other}\``));
      throw new UsageError(`\`${command}\` has no flag \`--${flagWord(name)}\`, only ${list}`);
    }
    const { excludes }: Flag<unknown> = FLAGS[name];
    if (given.some((other) => other === excludes)) {
      throw new UsageError(`\`--${flagWord(name)}\` cannot be combined with \`--${excludes}\``);
    }
  }
}

function readFlags(texts: ReadonlyMap<FlagName, readonly string[]>): FlagValues {
  return Object.fromEntries(FLAG_NAMES.map((name) => {
    try {
      return [name, FLAGS[name].read(texts.get(name) ?? [])];
    } catch (error) {
      if (error instanceof FlagValueError) throw new UsageError(`\`--${flagWord(name)}\` ${error.message}`);
      throw error;
    }
  })) as unknown as FlagValues;
}
