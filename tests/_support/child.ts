/** A child process that is waited for by what it writes, and stopped by its handle. */

/** A running process; disposing of it stops it. */
export interface Child extends AsyncDisposable {
  /** The process's id. */
  readonly pid: number;
  /** Resolves once it has ended and all its output is here. */
  readonly ended: Promise<void>;
  /** Everything that it has written so far, to either stream. */
  readonly output: string;
  /** Resolves with the first match in the output, past or to come; rejects when the process ends without one. */
  waitFor(pattern: RegExp): Promise<RegExpMatchArray>;
  kill(signal: Deno.Signal): void;
}

/**
 * Starts a process.
 *
 * @param command The program.
 * @param options As for `Deno.Command`.
 * @returns The running process.
 */
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
          // It ended by itself in the meantime.
        }
      }
      await ended;
    },
  };
}
