/** Turns of the event loop for tasks that would otherwise run on from microtask to microtask. */

/** Options of {@linkcode LoopTurns}. */
export interface LoopTurnsOptions {
  /** Time in milliseconds that all tasks together may take before others have a turn. */
  readonly sliceMs: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Shared by all tasks of one kind: more tasks make the part of each shorter. */
export class LoopTurns {
  readonly #options: LoopTurnsOptions;
  #startMs: number | undefined;
  #next: Promise<void> | undefined;

  /** Starts with an unused turn. */
  constructor(options: LoopTurnsOptions) {
    this.#options = options;
  }

  /** Waits for the next turn when the tasks have used up the current one. Tasks that have waited longer go first. */
  async turn(): Promise<void> {
    for (let next = this.#nextIfOver(); next !== undefined; next = this.#nextIfOver()) await next;
  }

  #nextIfOver(): Promise<void> | undefined {
    if (this.#next !== undefined) return this.#next;
    const { now, sliceMs } = this.#options;
    if (this.#startMs === undefined) {
      this.#startMs = now();
      setTimeout(this.#end);
    } else if (now() - this.#startMs >= sliceMs) {
      this.#next = new Promise((resolve) => setTimeout(resolve)).then(this.#end);
    }
    return this.#next;
  }

  readonly #end = (): void => {
    this.#startMs = this.#next = undefined;
  };
}
