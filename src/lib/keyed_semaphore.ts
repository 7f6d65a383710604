/** Who may be in flight under a name, and who waits for that: first come, first served. */

/** How many may be there; `Infinity` where there is no bound. */
export interface SemaphoreLimits {
  /** How many may be in flight under one name. */
  readonly max: number;
  /** How many more may wait for one of those to leave. */
  readonly maxQueued: number;
}

/** A place, or a place in the queue. */
export interface Permit {
  /** Fulfilled when others have left and it is this one's turn; `undefined` where nobody is waited for. */
  readonly ready: Promise<void> | undefined;
  /** Leaves, in flight or waiting; a second call changes nothing. */
  release(): void;
}

interface WaitQueue {
  taken: number;
  /** In the order in which they came. */
  readonly waiting: Set<() => void>;
}

const UNLIMITED: Permit = { ready: undefined, release: () => {} };

/** Places that are taken, waited for and left. */
export class KeyedSemaphore {
  /** One for each name ever asked for: services are few, and what is deleted and made anew for each costs collections. */
  readonly #lines = new Map<string, WaitQueue>();

  /**
   * Asks for a place.
   *
   * @param name Whose place it is.
   * @param bounds How many there are under this name; with `Infinity` nothing is counted.
   * @returns The place, or `undefined` where there is none, and no room to wait.
   */
  acquire(name: string, { max, maxQueued }: SemaphoreLimits): Permit | undefined {
    if (max === Infinity) return UNLIMITED;
    const line = this.#lineOf(name);
    if (line.taken < max) {
      line.taken++;
      return new GrantedPermit(line);
    }
    return line.waiting.size < maxQueued ? new QueuedPermit(line) : undefined;
  }

  #lineOf(name: string): WaitQueue {
    let line = this.#lines.get(name);
    if (line === undefined) this.#lines.set(name, line = { taken: 0, waiting: new Set() });
    return line;
  }
}

class GrantedPermit implements Permit {
  readonly ready = undefined;
  readonly #line: WaitQueue;
  #isLeft = false;

  constructor(line: WaitQueue) {
    this.#line = line;
  }

  release(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    grantNext(this.#line);
  }
}

class QueuedPermit implements Permit {
  readonly ready: Promise<void>;
  readonly #line: WaitQueue;
  readonly #admit: () => void;
  #isLeft = false;

  constructor(line: WaitQueue) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#line = line;
    this.#admit = resolve;
    line.waiting.add(resolve);
  }

  release(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    if (!this.#line.waiting.delete(this.#admit)) grantNext(this.#line);
  }
}

/** A place that is left goes to who has waited longest. */
function grantNext(line: WaitQueue): void {
  const [next] = line.waiting;
  if (next === undefined) {
    line.taken--;
    return;
  }
  line.waiting.delete(next);
  next();
}
