/** An in-memory process for tests of commands: outputs that keep their text, and simulated signals. */

import type { Io } from "../../src/cli/io.ts";
import { AsyncQueue } from "../../src/lib/async_queue.ts";
import type { Output } from "../../src/server/output.ts";
import type { StopSignal } from "../../src/server/signals.ts";

/** An output that keeps its text and can be awaited. */
export class TestOutput implements Output {
  readonly isTerminal: boolean;
  text = "";
  #changed = Promise.withResolvers<void>();

  constructor(isTerminal = false) {
    this.isTerminal = isTerminal;
  }

  write(text: string): boolean {
    this.text += text;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return true;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** Resolves with the first match, past or future. */
  async seen(pattern: RegExp): Promise<RegExpExecArray> {
    while (true) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      await this.#changed.promise;
    }
  }
}

/** Inputs and outputs of a command, with control over its signals. */
export interface TestIo extends Io {
  readonly stdout: TestOutput;
  readonly stderr: TestOutput;
  /** Sends a signal to the command. */
  signal(signal: StopSignal): void;
  /** Sends SIGHUP to the command. */
  reload(): void;
}

/** Creates the inputs and outputs for one command. */
export function createTestIo(options: { isTerminal?: boolean; isDumb?: boolean } = {}): TestIo {
  const signals = new AsyncQueue<StopSignal>();
  const reloads = new AsyncQueue<"SIGHUP">();
  return {
    stdout: new TestOutput(options.isTerminal),
    stderr: new TestOutput(options.isTerminal),
    hasCursor: options.isTerminal === true && options.isDumb !== true,
    listenForStop: () => ({ next: () => signals.next(), close: () => {} }),
    listenForReload: () => ({ next: () => reloads.next(), close: () => {} }),
    signal: (signal) => signals.push(signal),
    reload: () => reloads.push("SIGHUP"),
  };
}
