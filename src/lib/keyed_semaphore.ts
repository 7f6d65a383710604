/** A keyed semaphore with a bounded FIFO queue per key. */

/** Limits of one key. */
export interface SemaphoreLimits {
  /** Maximum permits; `Infinity` for no limit. */
  readonly max: number;
  /** Maximum requests that wait for a permit. */
  readonly maxQueued: number;
}

/** A permit, granted or queued. */
export interface Permit {
  /** Resolves when the permit is granted; `undefined` if it was granted at once. */
  readonly ready: Promise<void> | undefined;
  /** Releases the permit, or leaves the queue. Later calls do nothing. */
  release(): void;
}

interface WaitQueue {
  taken: number;
  /** Oldest first. */
  readonly waiting: Set<() => void>;
}

const UNLIMITED: Permit = { ready: undefined, release: () => {} };

/** Counts permits by key. */
export class KeyedSemaphore {
  /** Entries stay: keys are few, and deleting and adding them for each request would cause garbage collections. */
  readonly #queues = new Map<string, WaitQueue>();

  /** Returns a permit, or `undefined` if none is free and the queue is full. */
  acquire(key: string, { max, maxQueued }: SemaphoreLimits): Permit | undefined {
    if (max === Infinity) return UNLIMITED;
    const queue = this.#queueOf(key);
    if (queue.taken < max) {
      queue.taken++;
      return new GrantedPermit(queue);
    }
    return queue.waiting.size < maxQueued ? new QueuedPermit(queue) : undefined;
  }

  #queueOf(key: string): WaitQueue {
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, queue = { taken: 0, waiting: new Set() });
    return queue;
  }
}

class GrantedPermit implements Permit {
  readonly ready = undefined;
  readonly #queue: WaitQueue;
  #isReleased = false;

  constructor(queue: WaitQueue) {
    this.#queue = queue;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    grantNext(this.#queue);
  }
}

class QueuedPermit implements Permit {
  readonly ready: Promise<void>;
  readonly #queue: WaitQueue;
  readonly #grant: () => void;
  #isReleased = false;

  constructor(queue: WaitQueue) {
    // Not `Promise.withResolvers`, which Node 20 lacks.
    let grant!: () => void;
    this.ready = new Promise((resolve) => grant = resolve);
    this.#queue = queue;
    this.#grant = grant;
    queue.waiting.add(grant);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (!this.#queue.waiting.delete(this.#grant)) grantNext(this.#queue);
  }
}

/** Passes a released permit to the request that has waited longest. */
function grantNext(queue: WaitQueue): void {
  const [next] = queue.waiting;
  if (next === undefined) {
    queue.taken--;
    return;
  }
  queue.waiting.delete(next);
  next();
}
