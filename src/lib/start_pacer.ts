/** A limit on the tasks that start per turn of the event loop. */

/**
 * Maximum pending tasks that start without a limit per turn.
 *
 * Deno 2.9 polls the pending socket operations of a thread in one tokio task, which can complete 128 of them per turn.
 * tokio wakes the rest in reverse order and behind new events. While more than 128 become ready in each turn, some
 * operations therefore wait for seconds (decision 028).
 */
export const MAX_UNPACED = 128;
/**
 * Maximum tasks that start per turn while more are pending. A task needs up to three operations: connect, write, read.
 */
export const MAX_STARTS_PER_TURN = 32;

/**
 * Delays tasks that would start together, and starts them in order. It does not limit the number of pending tasks, so
 * slow tasks do not delay others. Create one per thread.
 */
export class StartPacer {
  /** Tasks that have started and have not ended. */
  #active = 0;
  #startsInTurn = 0;
  #isTurnScheduled = false;
  #waiting: (() => void)[] = [];

  /** Starts a task. Returns a promise if it must wait for its start, otherwise `undefined`. */
  begin(): Promise<void> | undefined {
    if (this.#waiting.length === 0) {
      // These cannot exceed the budget of a turn, so they need no timer.
      if (this.#active < MAX_UNPACED) return this.#count();
      this.#scheduleTurn();
      if (this.#startsInTurn < MAX_STARTS_PER_TURN) return this.#count();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Records the end of a task that has started. Must be called once for each. */
  end(): void {
    this.#active--;
    if (this.#waiting.length > 0 && this.#active < MAX_UNPACED) this.#startNext();
  }

  #startNext(): void {
    this.#count();
    this.#waiting.shift()!();
  }

  #count(): undefined {
    this.#active++;
    this.#startsInTurn++;
  }

  /**
   * A timer, not `setImmediate`: in Deno 2.9, sockets are served before a timer fires, but not between two immediates.
   */
  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    setTimeout(this.#onTurn, 0);
  }

  readonly #onTurn = (): void => {
    this.#isTurnScheduled = false;
    this.#startsInTurn = 0;
    while (this.#waiting.length > 0 && this.#startsInTurn < MAX_STARTS_PER_TURN) this.#startNext();
    if (this.#waiting.length > 0) this.#scheduleTurn();
  };
}
