/** How many attempts have not settled yet, copies included. */

import type { Observer } from "../observe/events.ts";

/** Counts attempts from the events of a handler. */
export class InFlight {
  #count = 0;
  #waiting: (() => void)[] = [];

  /** The observer to give to the handler. */
  readonly observe: Observer = (event) => {
    if (event.type === "attempted") this.#count++;
    if (event.type !== "settled") return;
    this.#count--;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  };

  /** The attempts that have started and not settled. */
  get count(): number {
    return this.#count;
  }

  /**
   * Waits until no attempt is in flight.
   *
   * @returns A promise that is fulfilled at the first moment of rest.
   */
  idle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
