/** Turns of the event loop for tasks that would otherwise run in microtasks without a pause. */

/** Options of {@linkcode LoopTurns}. */
export interface LoopTurnsOptions {
  /** Maximum time in milliseconds that all tasks together may take in one turn. */
  readonly sliceMs: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/**
 * Calls back at the end of the turn: `setImmediate` runs once per turn. Deno, Node and Bun have it, the web platform
 * does not.
 */
export const { setImmediate: onNextTurn = (callback: () => void) => void setTimeout(callback, 0) } = globalThis as {
  readonly setImmediate?: (callback: () => void) => void;
};

/** Slices that one task may use in a turn. The time beyond them counts as long. */
const SHORT_SLICES = 5;
/** Minimum time until a task may exceed a turn again, as a multiple of the long time. */
const REST_RATIO = 4;

/**
 * Makes tasks yield to sockets and timers. A read whose data has arrived settles in the same turn, so a client that
 * always has data ready would block all other clients. All tasks of one kind share an instance and its time.
 */
export class LoopTurns {
  readonly #options: LoopTurnsOptions;
  #startMs: number | undefined;
  #count = 0;
  /** Task that may exceed the current turn. */
  #holder: object | undefined;
  /** Time before which no task may exceed a turn. */
  #nextHoldMs = -Infinity;
  /** False from the end of an exceeded turn until sockets have been served. */
  #isRested = true;
  #pause: Promise<void> | undefined;
  #endPause: (() => void) | undefined;

  /** Starts no timer until a task needs one. */
  constructor(options: LoopTurnsOptions) {
    this.#options = options;
  }

  /** Number of ended turns. A task that finds another number after a promise has waited for an event. */
  get count(): number {
    return this.#count;
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
      onNextTurn(() => this.#endTurn());
      return undefined;
    }
    return now() - this.#startMs < sliceMs ? undefined : this.rest();
  }

  /**
   * Reports whether a task may exceed the current turn. Only one task may do so in each turn, and none in the next turn
   * until sockets have been served. After a long turn, no task may for several times as long. A request of another
   * client takes many turns, and would otherwise wait for a long one each time.
   */
  hold(task: object): boolean {
    if (this.#holder === undefined) {
      if (!this.#isRested || this.#options.now() < this.#nextHoldMs) return false;
      this.pause();
      this.#holder = task;
    }
    return this.#holder === task;
  }

  /** Waits until sockets have been served, even if the current turn has time left. */
  rest(): Promise<void> {
    // A timer, not `setImmediate`: in Deno 2.9, sockets are served before a timer fires, but not between two calls of
    // `setImmediate`.
    if (this.#pause === undefined) setTimeout(() => this.#resume(), 0);
    // Not `Promise.withResolvers`, which Node 20 lacks.
    return this.#pause ??= new Promise((resolve) => this.#endPause = resolve);
  }

  #endTurn(): void {
    const { now, sliceMs } = this.#options;
    if (this.#holder !== undefined && this.#startMs !== undefined) {
      this.#isRested = false;
      this.rest().then(() => this.#isRested = true);
      const nowMs = now();
      const longMs = nowMs - this.#startMs - SHORT_SLICES * sliceMs;
      if (longMs > 0) this.#nextHoldMs = nowMs + REST_RATIO * longMs;
    }
    this.#startMs = undefined;
    this.#count++;
    this.#holder = undefined;
  }

  #resume(): void {
    const endPause = this.#endPause;
    this.#pause = this.#endPause = undefined;
    endPause?.();
  }
}
