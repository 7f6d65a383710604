/** What `--help` prints, made from the tables. */

import { fieldSummaries } from "../config/schema/reference.ts";
import type { Paint } from "../lib/paint.ts";
import { type CommandName, COMMANDS, FLAGS, type SwitchFlag, type ValueFlag } from "./command_table.ts";

/** Wide enough for sentences, and narrow enough for most terminals. */
const MAX_WIDTH = 100;

/**
 * Writes the help for all commands.
 *
 * @param paint The brushes of the output.
 * @returns The text.
 */
export function overallHelp(paint: Paint): string {
  const commands = Object.entries(COMMANDS).map(([name, { operands, summary }]) => [`${name} ${operands}`, summary]);
  return [
    `${paint.strong("conductor")}: one request in, a copy to every service, the primary's answer out`,
    "",
    `${paint.strong("Usage")}: conductor [COMMAND] [FLAGS]`,
    "",
    paint.strong("Commands"),
    ...columns(commands, paint),
    "",
    paint.strong("Flags of serve"),
    ...columns(flagRows([...COMMANDS.serve.flags, "help", "version"]), paint),
    "",
    `${paint.strong("Exit codes")}: 0 all is well; 1 the configuration, a file, a port or a permission is at fault;`,
    "2 the command line is; 130 and 143 a second signal cut the shutdown short. For report: 1 not ready,",
    "3 not enough traffic, 4 there is no report.",
    "",
    `New here? ${paint.accent("conductor demo")} shows the idea in a minute, and ${
      paint.accent("conductor check --help")
    } lists what`,
    "can be configured.",
    "",
  ].join("\n");
}

/**
 * Writes the help for one command.
 *
 * @param command The command.
 * @param paint The brushes of the output.
 * @returns The text.
 */
export function commandHelp(command: CommandName, paint: Paint): string {
  const { operands, summary, details, flags } = COMMANDS[command];
  return [
    `${paint.strong("Usage")}: conductor ${[command, operands, "[FLAGS]"].filter((part) => part !== "").join(" ")}`,
    "",
    summary,
    ...(details === "" ? [] : ["", details]),
    "",
    paint.strong("Flags"),
    ...columns(flagRows([...flags, "help", "version"]), paint),
    "",
    ...(command === "check"
      ? [paint.strong("Fields of the configuration"), ...columns(fieldSummaries(), paint), ""]
      : []),
  ].join("\n");
}

function flagRows(names: readonly (ValueFlag | SwitchFlag)[]): string[][] {
  return names.map((name) => {
    const { alias, value, summary } = FLAGS[name];
    return [
      `${alias === undefined ? "   " : `-${alias},`} --${name}${value === undefined ? "" : ` ${value}`}`,
      summary,
    ];
  });
}

function columns(rows: readonly (readonly string[])[], paint: Paint): string[] {
  const width = Math.max(...rows.map(([left = ""]) => left.length));
  return rows.flatMap(([left = "", right = ""]) => {
    const [first = "", ...others] = wrap(right, MAX_WIDTH - width - 4);
    const indent = " ".repeat(width + 4);
    return [`  ${paint.accent(left.padEnd(width))}  ${first}`, ...others.map((line) => indent + line)];
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
