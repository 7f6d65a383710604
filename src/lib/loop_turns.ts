/** Turns of the event loop for tasks that would otherwise run on from microtask to microtask. */

/** Options of {@linkcode LoopTurns}. */
export interface LoopTurnsOptions {
  /** Time in milliseconds that all tasks together may take in one turn. */
  readonly sliceMs: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** `setImmediate` runs once in each turn; Deno, Node and Bun have it, the web platform does not. */
const { setImmediate: onNextTurn = (callback: () => void) => void setTimeout(callback, 0) } = globalThis as {
  readonly setImmediate?: (callback: () => void) => void;
};

/**
 * Makes tasks give way to sockets and timers. A promise that is ready settles in the same turn: a client whose next byte
 * has always arrived already would otherwise keep every other client waiting. All tasks of one kind share an instance, so
 * more tasks make the part of each shorter.
 */
export class LoopTurns {
  readonly #options: LoopTurnsOptions;
  #startMs: number | undefined;
  #pause: PromiseWithResolvers<void> | undefined;

  /** Starts no timer before a task asks for its turn. */
  constructor(options: LoopTurnsOptions) {
    this.#options = options;
  }

  /** Waits while the tasks have used up the current turn. Tasks that have waited longer go first. */
  async turn(): Promise<void> {
    for (let pause = this.pause(); pause !== undefined; pause = this.pause()) await pause;
  }

  /** Returns a promise to wait for when the tasks have used up the current turn, otherwise `undefined`. */
  pause(): Promise<void> | undefined {
    const { now, sliceMs } = this.#options;
    if (this.#startMs === undefined) {
      this.#startMs = now();
      onNextTurn(() => this.#startMs = undefined);
      return undefined;
    }
    if (now() - this.#startMs < sliceMs) return undefined;
    // Sockets run before a timer fires. In Deno 2.9, they do not run between two turns of `setImmediate`.
    if (this.#pause === undefined) setTimeout(() => this.#resume(), 0);
    return (this.#pause ??= Promise.withResolvers()).promise;
  }

  #resume(): void {
    const pause = this.#pause;
    this.#pause = undefined;
    pause?.resolve();
  }
}
