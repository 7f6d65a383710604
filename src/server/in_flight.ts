/** Number of attempts that have not settled, shadow requests included. */

import type { Observer } from "../observe/events.ts";

/** Counts attempts by the events of a handler. */
export class AttemptsInFlight {
  #count = 0;
  #waiting: (() => void)[] = [];

  /** Observer for the handler. */
  readonly observe: Observer = (event) => {
    if (event.type === "attempted") this.#count++;
    if (event.type !== "settled") return;
    this.#count--;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  };

  /** Attempts that have started and not settled. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when no attempt is in flight. */
  idle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
