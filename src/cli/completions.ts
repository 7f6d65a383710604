/** `conductor completions`: a completion script for a shell, generated from the declarations of commands and flags. */

import type { ParsedArgs } from "./command_line.ts";
import { COMMAND_NAMES, type CommandName, COMMANDS, SHELLS, UsageError } from "./commands.ts";
import { COMMON_FLAGS, type FlagHelp, type FlagName, FLAGS, flagWord, hasValue } from "./flags.ts";
import type { Io } from "./io.ts";

type Shell = (typeof SHELLS)[number];

const WRITE: Readonly<Record<Shell, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Prints the completion script for a shell, and returns 0. Throws a {@linkcode UsageError} for another operand. */
export function runCompletions({ operands }: ParsedArgs, io: Io): number {
  const [word, ...others] = operands;
  const shell = SHELLS.find((shell) => shell === word);
  if (shell === undefined || others.length > 0) {
    const found = operands.length === 0 ? "" : `: found "${operands.join(" ")}"`;
    throw new UsageError(`\`completions\` needs one shell, ${SHELLS.join(", ")}${found}`);
  }
  io.stdout.write(WRITE[shell]());
  return 0;
}

/**
 * Returns the script for bash 3.2 or later. It splits words again at `=`, because bash separates `--flag=value` into
 * three words.
 */
function bashScript(): string {
  const valueWords = (name: FlagName) => formsOf(name).join("|");
  const files = ALL_FLAGS.filter((name) => completionOf(name) === "file");
  const choices = ALL_FLAGS.filter((name) => helpOf(name).choices !== undefined);
  const others = ALL_FLAGS.filter((name) => hasValue(name) && !files.includes(name) && !choices.includes(name));
  return `# Completion of conductor for bash: source <(conductor completions bash)
_conductor() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" command="" word index
  COMPREPLY=()
  if [[ "$previous" == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD - 2]}"; fi
  if [[ "$current" == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD - 1]}" current=""; fi
  case "$previous" in
    ${files.map(valueWords).join("|")})
      COMPREPLY=($(compgen -f -- "$current"))
      compopt -o filenames 2> /dev/null
      return ;;
${
    choices.map((name) =>
      `    ${valueWords(name)}) COMPREPLY=($(compgen -W "${
        helpOf(name).choices!.join(" ")
      }" -- "$current")); return ;;\n`
    ).join("")
  }    ${others.map(valueWords).join("|")}) return ;;
  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$word" in
      ${COMMAND_NAMES.join("|")}) command="$word"; break ;;
    esac
  done
  if [[ "$current" == -* ]]; then
    case "$command" in
${
    COMMAND_NAMES.map((command) =>
      `      ${command}${command === "serve" ? '|""' : ""}) COMPREPLY=($(compgen -W "${
        flagsOf(command).flatMap(formsOf).join(" ")
      }" -- "$current")) ;;\n`
    ).join("")
  }    esac
    return
  fi
  case "$command" in
    "") COMPREPLY=($(compgen -W "${COMMAND_NAMES.join(" ")} help" -- "$current")) ;;
${
    withChoices().map(([command, words]) =>
      `    ${command}) COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$current")) ;;\n`
    ).join("")
  }  esac
}
complete -F _conductor conductor
`;
}

function zshScript(): string {
  const specs = (command: CommandName) =>
    flagsOf(command).flatMap((name) => {
      const action = hasValue(name) ? `:${zshText(helpOf(name).value!)}:${zshAction(name)}` : "";
      return formsOf(name).map((form) => {
        const isLong = form.startsWith("--") && action !== "";
        return `'${isLong ? `${form}=` : form}[${zshText(helpOf(name).help)}]${action}'`;
      });
    });
  const lines = (command: CommandName) => {
    const { choices } = COMMANDS[command];
    const operands = choices === undefined ? [] : [`'1:value:(${choices.join(" ")})'`];
    return [...specs(command), ...operands].map((spec) => ` \\\n        ${spec}`).join("");
  };
  return `#compdef conductor
# Completion of conductor for zsh: source <(conductor completions zsh)
_conductor() {
  local -a commands
  commands=(
${COMMAND_NAMES.map((name) => `    '${name}:${zshText(COMMANDS[name].summary)}'\n`).join("")}    'help:Show help'
  )
  local command="" index
  for ((index = 2; index < CURRENT; index++)); do
    case "\${words[index]}" in
      ${COMMAND_NAMES.join("|")}) command="\${words[index]}"; break ;;
    esac
  done
  if [[ -n "$command" ]]; then
    # The command is removed, so that the first operand is that of the command.
    words[index]=()
    (( CURRENT-- ))
  elif [[ "\${words[CURRENT]}" != -* && "\${words[CURRENT - 1]}" != -* ]]; then
    _describe command commands
    return
  fi
  case "$command" in
${
    COMMAND_NAMES.map((command) =>
      `    ${command}${command === "serve" ? '|""' : ""})\n      _arguments${lines(command)}\n      ;;\n`
    ).join("")
  }  esac
}
if [[ "\${funcstack[1]}" == _conductor ]]; then _conductor "$@"; else compdef _conductor conductor; fi
`;
}

function fishScript(): string {
  const noCommand = `not __fish_seen_subcommand_from ${COMMAND_NAMES.join(" ")} help`;
  const commands = COMMAND_NAMES.map((name) =>
    `complete -c conductor -f -n '${noCommand}' -a ${name} -d ${fishText(COMMANDS[name].summary)}`
  );
  const flags = COMMAND_NAMES.flatMap((command) =>
    flagsOf(command).map((name) => {
      const { alias, help, choices } = helpOf(name);
      const isDefault = command === "serve";
      const condition = isDefault
        ? `${noCommand}; or __fish_seen_subcommand_from serve`
        : `__fish_seen_subcommand_from ${command}`;
      const value = !hasValue(name)
        ? ""
        : choices !== undefined
        ? ` -x -a '${choices.join(" ")}'`
        : completionOf(name) === "file"
        ? " -r -F"
        : " -x";
      const short = alias === undefined ? "" : ` -s ${alias}`;
      return `complete -c conductor -n '${condition}' -l ${flagWord(name)}${short}${value} -d ${fishText(help)}`;
    })
  );
  const operands = withChoices().map(([command, words]) =>
    `complete -c conductor -f -n '__fish_seen_subcommand_from ${command}' -a '${words.join(" ")}'`
  );
  return `# Completion of conductor for fish
complete -c conductor -f
${[...commands, ...flags, ...operands].join("\n")}
`;
}

const ALL_FLAGS: readonly FlagName[] = [
  ...new Set([...COMMAND_NAMES.flatMap((command) => COMMANDS[command].flags), ...COMMON_FLAGS]),
];

function flagsOf(command: CommandName): readonly FlagName[] {
  return [...COMMANDS[command].flags, ...COMMON_FLAGS];
}

function helpOf(name: FlagName): FlagHelp {
  return FLAGS[name];
}

/** Returns a flag as it is typed: `--config`, and `-c` if it has a short form. */
function formsOf(name: FlagName): readonly string[] {
  const { alias } = helpOf(name);
  return [`--${flagWord(name)}`, ...(alias === undefined ? [] : [`-${alias}`])];
}

function completionOf(name: FlagName): "file" | "none" {
  return helpOf(name).value === "FILE" ? "file" : "none";
}

/** Returns the commands whose operand is one of a few words. */
function withChoices(): readonly (readonly [command: CommandName, words: readonly string[]])[] {
  return COMMAND_NAMES.flatMap((command) => {
    const { choices } = COMMANDS[command];
    return choices === undefined ? [] : [[command, choices] as const];
  });
}

function zshAction(name: FlagName): string {
  const { choices } = helpOf(name);
  if (choices !== undefined) return `(${choices.join(" ")})`;
  return completionOf(name) === "file" ? "_files" : " ";
}

/** Escapes a text inside single quotes, where brackets and colons have a meaning for `_arguments`. */
function zshText(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&").replaceAll("'", "'\\''");
}

function fishText(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
