/** Output stream of the process that never blocks and never fails. */

/** A sink for text. */
export interface Output {
  /** True for a terminal. */
  readonly isTerminal: boolean;
  /** Queues a text, to be written in order. Returns `false` if the backlog is full and the text was dropped. */
  write(text: string): boolean;
  /** Waits until the queue is written or the reader is gone. */
  flush(): Promise<void>;
}

/** Destination of an output, such as `Deno.stdout`. */
export interface Sink {
  /** Writes some of the bytes, and returns their number. */
  write(bytes: Uint8Array): Promise<number>;
  /** Reports whether the destination is a terminal. */
  isTerminal(): boolean;
}

/** Options of {@linkcode createOutput}. */
export interface OutputOptions {
  /**
   * Maximum backlog in UTF-16 code units, for a reader that does not read.
   *
   * @default {16_777_216}
   */
  readonly maxBacklog?: number;
}

const DEFAULT_MAX_BACKLOG = 16_777_216;

/**
 * Creates an output. Texts are collected and written together, so a stopped reader (a terminal after Ctrl-S, a full
 * pipe) delays no request and costs at most `maxBacklog`. After `EPIPE` all further texts are dropped. Any other error,
 * such as a full disk, loses only the texts of that write.
 */
export function createOutput(sink: Sink, options: OutputOptions = {}): Output {
  const { maxBacklog = DEFAULT_MAX_BACKLOG } = options;
  const encoder = new TextEncoder();
  let waiting: string[] = [];
  let backlog = 0;
  let gone = false;
  let writing: Promise<void> | undefined;

  async function writeAll(): Promise<void> {
    // One write per turn of the event loop: a write costs more than formatting a hundred lines.
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
