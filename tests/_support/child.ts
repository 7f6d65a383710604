/** Child processes: started, awaited by their output, stopped by their handle. */

import { fileURLToPath } from "node:url";

/** A running process. Disposal stops it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process has ended and all its output has been read. */
  readonly ended: Promise<void>;
  /** Everything that the process has written so far to stdout and stderr. */
  readonly output: string;
  /** Resolves with the first match in the output, past or future. Rejects if the process ends without one. */
  waitFor(pattern: RegExp): Promise<RegExpMatchArray>;
  kill(signal: Deno.Signal): void;
}

/** Starts a process. */
export function startChild(command: string, options: Deno.CommandOptions): Child {
  const child = new Deno.Command(command, { ...options, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  let output = "";
  let hasEnded = false;
  let changed = Promise.withResolvers<void>();
  const wake = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      wake();
    }
  };
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.status]).then(() => {
    hasEnded = true;
    wake();
  });
  return {
    pid: child.pid,
    ended,
    get output() {
      return output;
    },
    async waitFor(pattern) {
      for (;;) {
        const match = output.match(pattern);
        if (match) return match;
        if (hasEnded) throw new Error(`Cannot find ${pattern} as the process has ended: ${output}`);
        await changed.promise;
      }
    },
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (!hasEnded) {
        try {
          child.kill();
        } catch {
          // The process has ended in the meantime.
        }
      }
      await ended;
    },
  };
}

/** Reports whether a program is installed. `args` must end it at once; its exit code does not matter. */
export async function hasCommand(command: string, args: readonly string[]): Promise<boolean> {
  try {
    await new Deno.Command(command, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

/** A program that listens. */
export interface DenoProgram {
  /** Its process. */
  readonly child: Child;
  /** The address that the program announced. */
  readonly announced: string;
}

const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Starts a program with the permissions of a server, and waits until it prints `listening on …`. */
export async function startDenoProgram(path: string, args: readonly string[]): Promise<DenoProgram> {
  const flags = ["run", "--quiet", "--no-check", "--no-prompt", "--config", CONFIG, "--allow-net"];
  const child = startChild(Deno.execPath(), { args: [...flags, path, ...args], env: { NO_COLOR: "1" } });
  try {
    const [, announced] = await child.waitFor(/^listening on (.+)\n/m);
    return { child, announced: announced! };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
