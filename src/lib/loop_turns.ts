/** Turns of the event loop for tasks that would otherwise run in microtasks without a pause. */

/** Options of {@linkcode LoopTurns}. */
export interface LoopTurnsOptions {
  /** Maximum time in milliseconds that all tasks together may take in one turn. */
  readonly sliceMs: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Detects a new turn: `setImmediate` runs once per turn. Deno, Node and Bun have it, the web platform does not. */
const { setImmediate: onNextTurn = (callback: () => void) => void setTimeout(callback, 0) } = globalThis as {
  readonly setImmediate?: (callback: () => void) => void;
};

/**
 * Makes tasks yield to sockets and timers. A read whose data has arrived settles in the same turn, so a client that
 * always has data ready would block all other clients. All tasks of one kind share an instance and its time.
 */
export class LoopTurns {
  readonly #options: LoopTurnsOptions;
  #startMs: number | undefined;
  #pause: Promise<void> | undefined;
  #endPause: (() => void) | undefined;

  /** Starts no timer until a task needs one. */
  constructor(options: LoopTurnsOptions) {
    this.#options = options;
  }

  /** Waits until the current turn has time left. Tasks that have waited longer continue first. */
  async turn(): Promise<void> {
    for (let pause = this.pause(); pause !== undefined; pause = this.pause()) await pause;
  }

  /** Returns a promise to wait for if the tasks have used up the current turn, otherwise `undefined`. */
  pause(): Promise<void> | undefined {
    const { now, sliceMs } = this.#options;
    if (this.#startMs === undefined) {
      this.#startMs = now();
      onNextTurn(() => this.#startMs = undefined);
      return undefined;
    }
    if (now() - this.#startMs < sliceMs) return undefined;
    // A timer, not `setImmediate`: in Deno 2.9, sockets are served before a timer fires, but not between two calls of
    // `setImmediate`.
    if (this.#pause === undefined) setTimeout(() => this.#resume(), 0);
    // Not `Promise.withResolvers`, which Node 20 lacks.
    return this.#pause ??= new Promise((resolve) => this.#endPause = resolve);
  }

  #resume(): void {
    const endPause = this.#endPause;
    this.#pause = this.#endPause = undefined;
    endPause?.();
  }
}
