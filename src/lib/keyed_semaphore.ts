/** Who may be in flight under a name, and who waits for that: first come, first served. */

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
  leave(): void;
}

interface Line {
  taken: number;
  /** In the order in which they came. */
  readonly waiting: Set<() => void>;
}

const UNCOUNTED: Place = { turn: undefined, leave: () => {} };

/** Places that are taken, waited for and left. */
export class Places {
  /** One for each name ever asked for: services are few, and what is deleted and made anew for each costs collections. */
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
      return new TakenPlace(line);
    }
    return line.waiting.size < maxQueued ? new WaitingPlace(line) : undefined;
  }

  #lineOf(name: string): Line {
    let line = this.#lines.get(name);
    if (line === undefined) this.#lines.set(name, line = { taken: 0, waiting: new Set() });
    return line;
  }
}

class TakenPlace implements Place {
  readonly turn = undefined;
  readonly #line: Line;
  #isLeft = false;

  constructor(line: Line) {
    this.#line = line;
  }

  leave(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    passOn(this.#line);
  }
}

class WaitingPlace implements Place {
  readonly turn: Promise<void>;
  readonly #line: Line;
  readonly #admit: () => void;
  #isLeft = false;

  constructor(line: Line) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.turn = promise;
    this.#line = line;
    this.#admit = resolve;
    line.waiting.add(resolve);
  }

  leave(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    if (!this.#line.waiting.delete(this.#admit)) passOn(this.#line);
  }
}

/** A place that is left goes to who has waited longest. */
function passOn(line: Line): void {
  const [next] = line.waiting;
  if (next === undefined) {
    line.taken--;
    return;
  }
  line.waiting.delete(next);
  next();
}
