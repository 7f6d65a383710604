/** Waiting for requests in flight, with a timeout. */

import type { Observer } from "../observe/events.ts";

/** Outcome of a drain. */
export type DrainEnd = "finished" | "timed-out" | "interrupted";

/** Options of {@linkcode drain}. */
export interface DrainOptions {
  /** Maximum wait in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Ends the wait when it resolves.
   *
   * @default No interruption.
   */
  readonly interruption?: Promise<unknown>;
}

/** Waits for work to finish. Returns the first of: finished, timed out, interrupted. */
export async function drain(work: Promise<unknown>, options: DrainOptions): Promise<DrainEnd> {
  const { timeoutMs, interruption = new Promise<never>(() => {}) } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      work.then((): DrainEnd => "finished"),
      interruption.then((): DrainEnd => "interrupted"),
      new Promise<DrainEnd>((resolve) => {
        timer = setTimeout(() => resolve("timed-out"), timeoutMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Counts the attempts that have not settled, shadow requests included, by the events of a handler. */
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
