/**
 * Time-outs without a timer each: deadlines of the same length expire in the order in which they were last touched, so
 * one ordered queue and one timer per length serve any number of exchanges.
 */

/** A running time-out. */
export interface Deadline {
  /** Starts the time anew: something has happened. */
  refresh(): void;
  /** Ends the time-out without expiry. It can be started anew by {@linkcode Deadline.refresh}. */
  stop(): void;
}

/** Whoever a time-out is for. An object and no closure: there is one for each attempt, for as long as that waits. */
export interface TimeoutListener {
  /** Called once when the time has passed untouched. */
  onTimeout(): void;
}

/** One time-out of a queue, linked with those before and after it. */
class Entry implements Deadline {
  dueMs = 0;
  previous: Entry | undefined;
  next: Entry | undefined;
  isQueued = false;
  readonly owner: TimeoutListener;
  readonly #queue: DeadlineQueue;

  constructor(queue: DeadlineQueue, owner: TimeoutListener) {
    this.#queue = queue;
    this.owner = owner;
  }

  refresh(): void {
    this.#queue.push(this);
  }

  stop(): void {
    this.#queue.remove(this);
  }
}

/** All deadlines of one handler. */
export class TimeoutQueues {
  readonly #now: () => number;
  readonly #queues = new Map<number, DeadlineQueue>();

  /**
   * Holds no timer until a deadline is started.
   *
   * @param now The clock, in milliseconds; it must not go backwards.
   */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Starts a time-out.
   *
   * @param timeoutMs How long, in milliseconds, from now and from each touch.
   * @param owner Told when that time has passed untouched.
   * @returns The handle to touch or stop it.
   */
  start(timeoutMs: number, owner: TimeoutListener): Deadline {
    let queue = this.#queues.get(timeoutMs);
    if (queue === undefined) {
      queue = new DeadlineQueue(timeoutMs, this.#now);
      this.#queues.set(timeoutMs, queue);
    }
    const entry = new Entry(queue, owner);
    entry.refresh();
    return entry;
  }
}

/**
 * Deadlines of one length, the next to expire first. A Set would keep the order as well, but its outgrown tables point to
 * the newer ones: as soon as one of them is old, every entry outlives the next collection, and what it holds with it.
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

  push(entry: Entry): void {
    this.#unlink(entry);
    entry.dueMs = this.#now() + this.#timeoutMs;
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

  /** With nothing left, the timer that runs is kept for what comes next, but does not keep the process alive. */
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
    // Timers may fire up to a millisecond early against the clock.
    const now = this.#now() + 1;
    for (let entry = this.#first; entry !== undefined; entry = this.#first) {
      if (entry.dueMs > now) {
        this.#timer ??= startTimer(() => this.#expire(), entry.dueMs - now + 1);
        return;
      }
      this.#unlink(entry);
      entry.owner.onTimeout();
    }
  }
}

/** A running timer, with what Deno, Bun and Node have beyond the platform's number. */
interface Timer {
  ref?(): void;
  unref?(): void;
}

function startTimer(callback: () => void, delayMs: number): Timer {
  return setTimeout(callback, delayMs) as unknown as Timer;
}
