/** Entry point of the command line: runs a command, and turns errors into exit codes. */

import { configSchema, fieldSummaries } from "../config/schema/reference.ts";
import { createPaint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { VERSION } from "../lib/version.ts";
import { drain } from "../server/drain.ts";
import { ListenError } from "../server/listen_error.ts";
import { runCheck } from "./check.ts";
import { parseCommandLine, type ParsedArgs } from "./command_line.ts";
import { CommandError, type CommandName, UsageError } from "./commands.ts";
import { runCompletions } from "./completions.ts";
import { runDemo } from "./demo.ts";
import { runExplain } from "./explain.ts";
import { columns, commandHelp, overallHelp } from "./help.ts";
import { type Io, processIo, writeError } from "./io.ts";
import { runReport } from "./report.ts";
import { runServe } from "./serve.ts";
import { runTopCommand } from "./top.ts";

const RUN: Readonly<Record<CommandName, (args: ParsedArgs, io: Io) => number | Promise<number>>> = {
  serve: runServe,
  check: runCheck,
  explain: runExplain,
  report: runReport,
  top: runTopCommand,
  fields: printFields,
  schema: printSchema,
  demo: runDemo,
  completions: runCompletions,
  version: printVersion,
};

const EXIT_FAILED = 1;
const EXIT_MISUSED = 2;
/** Maximum time for writing the last lines of a server: a stalled log reader must not keep the process alive. */
const FLUSH_TIMEOUT_MS = 2_000;

/** Runs a command line, and returns the exit code. `args` does not contain the name of the program. */
export async function runCommandLine(args: readonly string[], io: Io = processIo()): Promise<number> {
  let parsed: ParsedArgs | undefined;
  try {
    parsed = parseCommandLine(args);
    return await run(parsed, io);
  } catch (error) {
    const message = String(error instanceof Error ? error.message : error).split("\n").map(printable).join("\n");
    if (error instanceof UsageError) {
      const command = error.command ?? (parsed?.isExplicit ? parsed.command : undefined);
      writeError(io, `${message}\nTry "conductor ${command === undefined ? "" : `${command} `}--help"`);
      return EXIT_MISUSED;
    }
    if (error instanceof CommandError || error instanceof ListenError) {
      writeError(io, message);
      return EXIT_FAILED;
    }
    throw error;
  } finally {
    const flushed = Promise.all([io.stdout.flush(), io.stderr.flush()]);
    const isServer = parsed?.command === "serve" || parsed?.command === "demo";
    // Other commands may write to a pager, and wait for its reader.
    await (isServer ? drain(flushed, { timeoutMs: FLUSH_TIMEOUT_MS }) : flushed);
  }
}

async function run(args: ParsedArgs, io: Io): Promise<number> {
  const { command, isExplicit, flags } = args;
  if (flags.help) {
    const paint = createPaint(io.stdout.isTerminal);
    io.stdout.write(isExplicit ? commandHelp(command, paint) : overallHelp(paint));
    return 0;
  }
  if (flags.version) return printVersion(args, io);
  return await RUN[command](args, io);
}

function printVersion(_args: ParsedArgs, io: Io): number {
  io.stdout.write(`conductor ${VERSION}\n`);
  return 0;
}

function printFields({ operands }: ParsedArgs, io: Io): number {
  if (operands.length > 1) throw new UsageError(`\`fields\` takes one path: also found "${operands[1]}"`);
  const [wanted = ""] = operands;
  const rows = fieldSummaries().filter(([path]) => path.toLowerCase().includes(wanted.toLowerCase()));
  if (rows.length === 0) throw new UsageError(`No field has "${wanted}" in its path`);
  io.stdout.write(columns(rows, createPaint(io.stdout.isTerminal)).join("\n") + "\n");
  return 0;
}

function printSchema(_args: ParsedArgs, io: Io): number {
  io.stdout.write(JSON.stringify(configSchema(), null, 2) + "\n");
  return 0;
}
