/** A process's output stream: written to without waiting, and without ever failing. */

/** Where text goes. */
export interface Output {
  /** Whether a person is looking at it. */
  readonly isTerminal: boolean;
  /**
   * Takes a text, to be written soon and in order.
   *
   * @param text The text.
   * @returns `false` where the text was dropped because too much is waiting already.
   */
  write(text: string): boolean;
  /** Waits until everything has been written, or can not be. */
  flush(): Promise<void>;
}

/** What an output writes to: `Deno.stdout` and `Deno.stderr` are such. */
export interface Sink {
  /** Writes some of the bytes, and tells how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Whether a person is looking at it. */
  isTerminal(): boolean;
}

/** How an output is set up. */
export interface OutputOptions {
  /**
   * How many UTF-16 code units may wait for a reader that does not read.
   *
   * @default {16_777_216}
   */
  readonly maxBacklog?: number;
}

const DEFAULT_MAX_BACKLOG = 16_777_216;

/**
 * Creates an output. Texts are collected and written together, off the event loop: a log reader that has stopped (a
 * terminal after Ctrl-S, a full pipe) holds up no request, and costs no more than `maxBacklog`. Once the reader is gone
 * (`EPIPE`) everything is dropped in silence; any other failure, such as a full disk, loses the texts at hand only.
 *
 * @param sink What is written to.
 * @param options How much may wait.
 * @returns The output.
 */
export function createOutput(sink: Sink, options: OutputOptions = {}): Output {
  const { maxBacklog = DEFAULT_MAX_BACKLOG } = options;
  const encoder = new TextEncoder();
  let waiting: string[] = [];
  let backlog = 0;
  let gone = false;
  let writing: Promise<void> | undefined;

  async function writeAll(): Promise<void> {
    // The texts of one turn of the event loop share a write, which costs more than a hundred lines' formatting.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting.join("");
      waiting = [];
      try {
        let bytes = encoder.encode(batch);
        while (bytes.length > 0) bytes = bytes.subarray(await sink.write(bytes));
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe) gone = true;
      }
      backlog -= batch.length;
      if (gone) waiting = [];
    }
    writing = undefined;
  }

  return {
    isTerminal: sink.isTerminal(),
    write: (text) => {
      if (gone) return true;
      if (backlog + text.length > maxBacklog) return false;
      backlog += text.length;
      waiting.push(text);
      writing ??= writeAll();
      return true;
    },
    flush: async () => {
      while (writing !== undefined) await writing;
    },
  };
}
