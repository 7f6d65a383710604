/** The command line as users run it: a separate process with minimal permissions. */

import { fileURLToPath } from "node:url";
import { TestOutput } from "./test_io.ts";

/** A running command. */
export interface CliProcess extends AsyncDisposable {
  readonly stdout: TestOutput;
  readonly stderr: TestOutput;
  /** Resolves with the exit code when the process has ended and all its output has been read. */
  readonly exited: Promise<number>;
  readonly pid: number;
  kill(signal: Deno.Signal): void;
}

/** Options of {@linkcode startCli}. */
export interface StartCliOptions {
  /** Permission flags of Deno. Default: `--allow-net --allow-read`. */
  readonly permissions?: readonly string[];
  /** Working directory. Default: that of the test. */
  readonly cwd?: string;
  /** Additional environment variables. */
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

/** Returns `conductor ARGS` as a shell command. Arguments must need no quotes. */
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
        // The process has ended already.
      }
      await exited;
    },
  };
}

/** Runs `conductor ARGS` until it ends. */
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

/** A temporary configuration file. */
export interface TempConfig extends AsyncDisposable {
  readonly path: string;
}

/** Writes a configuration to a temporary file. */
export async function tempConfig(text: string): Promise<TempConfig> {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(path, text);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

/** A running server with an admin listener. */
export interface WatchedConductor extends AsyncDisposable {
  /** Origin for clients. */
  readonly url: string;
  /** Origin of the dashboard, with a trailing slash. */
  readonly adminUrl: string;
  readonly process: CliProcess;
}

/** Starts `conductor serve` on two free ports. */
export async function startWatched(
  services: readonly object[],
  more: object = {},
  args: readonly string[] = [],
): Promise<WatchedConductor> {
  const config = { port: 0, hostname: "127.0.0.1", admin: { port: 0 }, ...more, services };
  const file = await tempConfig(JSON.stringify(config));
  const process = startCli(["--config", file.path, "--log-format", "json", ...args]);
  const stop = async () => {
    await process[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
  };
  const { stdout, stderr, exited } = process;
  const ended = exited.then(() => Promise.reject(new Error(`Cannot start conductor: ${stderr.text}`)));
  // A later exit of the process is no unhandled rejection.
  ended.catch(() => {});
  try {
    const [line] = await Promise.race([stdout.seen(/^.*"admin".*$/m), stderr.seen(/^.*"admin".*$/m), ended]);
    const { url, admin } = JSON.parse(line);
    return { url, adminUrl: admin, process, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
