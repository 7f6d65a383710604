/** The command line as a user runs it: a process of its own, with no more permissions than it needs. */

import { fileURLToPath } from "node:url";
import { TestOutput } from "./test_io.ts";

/** A running command. */
export interface CliProcess extends AsyncDisposable {
  readonly stdout: TestOutput;
  readonly stderr: TestOutput;
  /** Resolves with the exit code once the process has ended and all its output is here. */
  readonly exited: Promise<number>;
  /** The process's id. */
  readonly pid: number;
  kill(signal: Deno.Signal): void;
}

/** How a command is run. */
export interface StartCliOptions {
  /** What the process may do. */
  readonly permissions?: readonly string[];
  /** Where it runs. */
  readonly cwd?: string;
  /** Further environment variables. */
  readonly env?: Record<string, string>;
}

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Prepares `conductor ARGS`. */
export function cliCommand(args: readonly string[], options: StartCliOptions = {}): Deno.Command {
  const { permissions = ["--allow-net", "--allow-read"], cwd, env = {} } = options;
  return new Deno.Command(Deno.execPath(), {
    args: denoArgs(permissions, args),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
    ...(cwd !== undefined && { cwd }),
  });
}

/** Writes `conductor ARGS` as a shell takes it; no argument may need quotes. */
export function cliCommandLine(args: readonly string[]): string {
  return [Deno.execPath(), ...denoArgs(["--allow-net", "--allow-read"], args)].join(" ");
}

function denoArgs(permissions: readonly string[], args: readonly string[]): string[] {
  return ["run", "--quiet", "--no-check", "--no-prompt", "--config", CONFIG, ...permissions, CLI, ...args];
}

/** Starts `conductor ARGS`. */
export function startCli(args: readonly string[], options: StartCliOptions = {}): CliProcess {
  const child = cliCommand(args, options).spawn();
  const stdout = new TestOutput();
  const stderr = new TestOutput();
  const read = Promise.all([collect(child.stdout, stdout), collect(child.stderr, stderr)]);
  const exited = Promise.all([child.status, read]).then(([{ code }]) => code);
  return {
    stdout,
    stderr,
    exited,
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already.
      }
      await exited;
    },
  };
}

/** Runs `conductor ARGS` to its end. */
export async function runCli(
  args: readonly string[],
  options: StartCliOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using child = startCli(args, options);
  const code = await child.exited;
  return { code, stdout: child.stdout.text, stderr: child.stderr.text };
}

async function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, output: TestOutput): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) output.write(text);
}
