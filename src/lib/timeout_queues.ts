/**
 * Timeouts without a timer each. Deadlines of the same length expire in the order of their last refresh, so one linked
 * list and one timer per length serve any number of exchanges.
 */

/** A running timeout. */
export interface Deadline {
  /** Restarts the timeout, also after {@linkcode Deadline.stop}. */
  refresh(): void;
  /** Ends the timeout without expiry. */
  stop(): void;
}

/** Listener of a timeout. An object, not a closure: each attempt keeps one while it waits. */
export interface TimeoutListener {
  /** Called when the time has passed without a refresh. */
  onTimeout(): void;
}

/** A timeout in the linked list of its length. */
class Entry implements Deadline {
  dueMs = 0;
  previous: Entry | undefined;
  next: Entry | undefined;
  isQueued = false;
  readonly listener: TimeoutListener;
  readonly #queue: DeadlineQueue;

  constructor(queue: DeadlineQueue, listener: TimeoutListener) {
    this.#queue = queue;
    this.listener = listener;
  }

  refresh(): void {
    this.#queue.push(this);
  }

  stop(): void {
    this.#queue.remove(this);
  }
}

/** Deadlines by length. */
export class TimeoutQueues {
  readonly #now: () => number;
  readonly #queues = new Map<number, DeadlineQueue>();

  /** Starts without a timer. The clock is in milliseconds, and must be monotonic. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Starts a timeout, counted from `nowMs` and from each refresh. A caller that has just read the clock passes its value:
   * reading the clock of Deno takes 0.1 µs.
   */
  start(timeoutMs: number, listener: TimeoutListener, nowMs: number = this.#now()): Deadline {
    let queue = this.#queues.get(timeoutMs);
    if (queue === undefined) {
      queue = new DeadlineQueue(timeoutMs, this.#now);
      this.#queues.set(timeoutMs, queue);
    }
    const entry = new Entry(queue, listener);
    queue.push(entry, nowMs);
    return entry;
  }
}

/**
 * Deadlines of one length, the next to expire first. Not a Set: its outgrown tables point to the newer ones, so an old
 * table would keep every entry alive through the next minor garbage collection.
 */
class DeadlineQueue {
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #first: Entry | undefined;
  #last: Entry | undefined;
  #timer: Timer | undefined;

  constructor(timeoutMs: number, now: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  push(entry: Entry, nowMs: number = this.#now()): void {
    this.#unlink(entry);
    entry.dueMs = nowMs + this.#timeoutMs;
    entry.isQueued = true;
    entry.previous = this.#last;
    if (this.#last !== undefined) this.#last.next = entry;
    else {
      this.#first = entry;
      this.#timer?.ref?.();
    }
    this.#last = entry;
    this.#timer ??= startTimer(() => this.#expire(), this.#timeoutMs);
  }

  /** Keeps the timer of an empty queue for the next deadline, but without keeping the process alive. */
  remove(entry: Entry): void {
    this.#unlink(entry);
    if (this.#first === undefined) this.#timer?.unref?.();
  }

  #unlink(entry: Entry): void {
    if (!entry.isQueued) return;
    const { previous, next } = entry;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    entry.previous = entry.next = undefined;
    entry.isQueued = false;
  }

  #expire(): void {
    this.#timer = undefined;
    // Timers may fire up to a millisecond early.
    const now = this.#now() + 1;
    for (let entry = this.#first; entry !== undefined; entry = this.#first) {
      if (entry.dueMs > now) {
        this.#timer ??= startTimer(() => this.#expire(), entry.dueMs - now + 1);
        return;
      }
      this.#unlink(entry);
      entry.listener.onTimeout();
    }
  }
}

/** A timer of Deno, Bun or Node; browsers have a number without these methods. */
interface Timer {
  ref?(): void;
  unref?(): void;
}

function startTimer(callback: () => void, delayMs: number): Timer {
  return setTimeout(callback, delayMs) as unknown as Timer;
}
