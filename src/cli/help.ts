/** Text of `--help`, from the declarations of the commands and flags. */

import { wrapText } from "../lib/text_format.ts";
import type { Paint } from "../lib/paint.ts";
import { type CommandDeclaration, type CommandName, COMMANDS, EXIT_CODES } from "./commands.ts";
import { COMMON_FLAGS, describeFlag, type FlagName } from "./flags.ts";

/** One sentence about conductor, for help and demo. */
export const TAGLINE = "sends each request to several services, and returns the response of the primary";

const MAX_COLUMNS = 100;

/** Returns the help for all commands. */
export function overallHelp(paint: Paint): string {
  const commands = Object.entries(COMMANDS).map(([name, { operands, summary }]) => [`${name} ${operands}`, summary]);
  return [
    `${paint.strong("conductor")} ${TAGLINE}`,
    "",
    `${paint.strong("Usage")}: conductor [COMMAND] [FLAGS]`,
    "",
    paint.strong("Commands"),
    ...columns(commands, paint),
    "",
    paint.strong("Flags of serve"),
    ...columns(flagRows(COMMANDS.serve.flags), paint),
    "",
    paint.strong("Examples"),
    ...exampleLines(COMMANDS.serve.examples, paint),
    "",
    paint.strong("Exit codes"),
    ...columns(EXIT_CODES.map(([code, meaning]) => [String(code), meaning]), paint),
    "",
    `Try ${paint.accent("conductor demo")}. ${paint.accent("conductor fields")} lists the fields of the configuration.`,
    "",
  ].join("\n");
}

/** Returns the help for one command. */
export function commandHelp(command: CommandName, paint: Paint): string {
  const { operands, summary, details, flags, examples } = COMMANDS[command];
  return [
    `${paint.strong("Usage")}: conductor ${[command, operands, "[FLAGS]"].filter((part) => part !== "").join(" ")}`,
    "",
    summary,
    ...(details === "" ? [] : ["", details]),
    "",
    paint.strong("Flags"),
    ...columns(flagRows(flags), paint),
    "",
    ...(examples.length === 0 ? [] : [paint.strong("Examples"), ...exampleLines(examples, paint), ""]),
  ].join("\n");
}

/** Returns the lines of examples. Each effect is below its command line, because the lines are long. */
function exampleLines(examples: CommandDeclaration["examples"], paint: Paint): string[] {
  return examples.flatMap(([line, effect]) => [`  ${paint.accent(line)}`, `      ${effect}`]);
}

function flagRows(names: readonly FlagName[]): string[][] {
  return [...names, ...COMMON_FLAGS].map((name) => {
    const { forms, meaning } = describeFlag(name);
    const [short, long] = forms.length === 1 ? ["   ", forms[0]] : [`${forms[0]?.slice(0, 2)},`, forms[1]];
    return [`${short} ${long}`, meaning];
  });
}

/** Returns rows of two columns, with the right one wrapped. */
export function columns(rows: readonly (readonly string[])[], paint: Paint): string[] {
  const width = Math.max(...rows.map(([left = ""]) => left.length));
  return rows.flatMap(([left = "", right = ""]) => {
    const [first = "", ...others] = wrapText(right, MAX_COLUMNS - width - 4);
    const indent = " ".repeat(width + 4);
    return [`  ${paint.accent(left.padEnd(width))}  ${first}`, ...others.map((line) => indent + line)];
  });
}
