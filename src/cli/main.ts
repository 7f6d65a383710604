/** Runs a command line: which command, and how its end becomes an exit code. */

import { createPaint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { drain } from "../server/drain.ts";
import { ListenError } from "../server/listen_error.ts";
import { runCheck } from "./check.ts";
import type { CommandName } from "./command_table.ts";
import { runDemo } from "./demo.ts";
import { runExplain } from "./explain.ts";
import { type ParsedArgs, parseFlags } from "./flags.ts";
import { commandHelp, overallHelp } from "./help.ts";
import { type Io, processIo } from "./io.ts";
import { runReport } from "./report.ts";
import { runSchema } from "./schema.ts";
import { runServe } from "./serve.ts";
import { CommandError, UsageError } from "./usage_error.ts";
import { VERSION } from "../lib/version.ts";

const COMMANDS: Readonly<Record<CommandName, (invocation: ParsedArgs, io: Io) => number | Promise<number>>> = {
  serve: runServe,
  check: runCheck,
  explain: runExplain,
  report: runReport,
  schema: (_invocation, io) => runSchema(io),
  demo: runDemo,
};

const FAILED = 1;
const MISUSED = 2;
/** How long a server's last lines may take to be read; a log reader that has stopped must not keep it from ending. */
const FLUSH_TIMEOUT_MS = 2_000;

/**
 * Runs a command line.
 *
 * @param args The arguments, without the program's name.
 * @param io The process's outputs and signals; tests bring their own.
 * @returns The exit code: 0 for success, 1 where the configuration, a file, a port or a permission is at fault, 2 where
 * the command line is; `report` has its own.
 */
export async function runCommandLine(args: readonly string[], io: Io = processIo()): Promise<number> {
  let invocation: ParsedArgs | undefined;
  try {
    invocation = parseFlags(args);
    return await run(invocation, io);
  } catch (error) {
    const label = createPaint(io.stderr.isTerminal).bad("error:");
    const message = String(error instanceof Error ? error.message : error).split("\n").map(printable).join("\n");
    if (error instanceof UsageError) {
      io.stderr.write(`${label} ${message}\nTry "conductor --help"\n`);
      return MISUSED;
    }
    if (error instanceof CommandError || error instanceof ListenError) {
      io.stderr.write(`${label} ${message}\n`);
      return FAILED;
    }
    throw error;
  } finally {
    const flushed = Promise.all([io.stdout.flush(), io.stderr.flush()]);
    const isServer = invocation?.command === "serve" || invocation?.command === "demo";
    // Whatever else is printed may go into a pager, and waits for its reader.
    await (isServer ? drain(flushed, { timeoutMs: FLUSH_TIMEOUT_MS }) : flushed);
  }
}

async function run(invocation: ParsedArgs, io: Io): Promise<number> {
  const { command, named, switches } = invocation;
  if (switches.has("help")) {
    const paint = createPaint(io.stdout.isTerminal);
    io.stdout.write(named ? commandHelp(command, paint) : overallHelp(paint));
    return 0;
  }
  if (switches.has("version")) {
    io.stdout.write(`conductor ${VERSION}\n`);
    return 0;
  }
  return await COMMANDS[command](invocation, io);
}
