/** Who may be in flight under a name, and who waits for that: first come, first served. */

import type { GiveBack } from "./tally.ts";

/** How many may be there; `Infinity` where there is no bound. */
export interface PlaceBounds {
  /** How many may be in flight under one name. */
  readonly max: number;
  /** How many more may wait for one of those to leave. */
  readonly maxQueued: number;
}

/** A place, or a place in the queue. */
export interface Place {
  /** Fulfilled when others have left and it is this one's turn; `undefined` where nobody is waited for. */
  readonly turn: Promise<void> | undefined;
  /** Leaves, in flight or waiting; a second call changes nothing. */
  readonly leave: GiveBack;
}

interface Line {
  taken: number;
  /** In the order in which they came. */
  readonly waiting: Set<() => void>;
}

const UNCOUNTED: Place = { turn: undefined, leave: () => {} };

/** Places that are taken, waited for and left. Names without anybody cost nothing. */
export class Places {
  readonly #lines = new Map<string, Line>();

  /**
   * Asks for a place.
   *
   * @param name Whose place it is.
   * @param bounds How many there are under this name; with `Infinity` nothing is counted.
   * @returns The place, or `undefined` where there is none, and no room to wait.
   */
  ask(name: string, { max, maxQueued }: PlaceBounds): Place | undefined {
    if (max === Infinity) return UNCOUNTED;
    const line = this.#lineOf(name);
    if (line.taken < max) {
      line.taken++;
      return { turn: undefined, leave: once(() => this.#leave(name, line)) };
    }
    if (line.waiting.size >= maxQueued) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    line.waiting.add(resolve);
    return {
      turn: promise,
      leave: once(() => {
        if (!line.waiting.delete(resolve)) this.#leave(name, line);
      }),
    };
  }

  #lineOf(name: string): Line {
    let line = this.#lines.get(name);
    if (line === undefined) this.#lines.set(name, line = { taken: 0, waiting: new Set() });
    return line;
  }

  /** A place that is left goes to who has waited longest. */
  #leave(name: string, line: Line): void {
    const [next] = line.waiting;
    if (next !== undefined) {
      line.waiting.delete(next);
      return next();
    }
    if (--line.taken === 0) this.#lines.delete(name);
  }
}

function once(act: () => void): GiveBack {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}
