/** Makes loops over data that is always ready give way to sockets and timers. */

/** Time that such loops may take in one turn of the event loop, in milliseconds. */
const SLICE_MS = 2;

/** `setImmediate` runs once in each turn; Deno, Node and Bun have it, the web platform does not. */
const { setImmediate: onNextTurn = (callback: () => void) => void setTimeout(callback, 0) } = globalThis as {
  readonly setImmediate?: (callback: () => void) => void;
};

/**
 * The current turn of the event loop, shared by all loops of one handler. A promise that is ready settles in the same
 * turn: a client whose next byte has always arrived already would otherwise keep every other client waiting.
 */
export class EventLoopTurn {
  readonly #now: () => number;
  #startMs: number | undefined;
  #pause: PromiseWithResolvers<void> | undefined;

  /** Starts no timer before the first {@linkcode EventLoopTurn.yield}. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns a promise to wait for when the loops have used up their part of this turn, otherwise `undefined`. */
  yield(): Promise<void> | undefined {
    if (this.#startMs === undefined) {
      this.#startMs = this.#now();
      onNextTurn(() => this.#startMs = undefined);
      return undefined;
    }
    if (this.#now() - this.#startMs < SLICE_MS) return undefined;
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
