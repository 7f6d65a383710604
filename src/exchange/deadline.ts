/**
 * Time-outs without a timer each: deadlines of the same length expire in the order in which they were last touched, so
 * one ordered queue and one timer per length serve any number of exchanges.
 */

/** A running time-out. */
export interface Deadline {
  /** Starts the time anew: something has happened. */
  touch(): void;
  /** Ends the time-out without expiry. It can be started anew by {@linkcode Deadline.touch}. */
  stop(): void;
}

interface Entry {
  dueMs: number;
  readonly onExpire: () => void;
}

/** All deadlines of one handler. */
export class Deadlines {
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
   * @param onExpire Called once when that time has passed untouched.
   * @returns The handle to touch or stop it.
   */
  start(timeoutMs: number, onExpire: () => void): Deadline {
    let queue = this.#queues.get(timeoutMs);
    if (queue === undefined) {
      queue = new DeadlineQueue(timeoutMs, this.#now);
      this.#queues.set(timeoutMs, queue);
    }
    const entry: Entry = { dueMs: 0, onExpire };
    const owner = queue;
    owner.push(entry);
    return { touch: () => owner.push(entry), stop: () => owner.remove(entry) };
  }
}

/** Deadlines of one length, the next to expire first (a Set keeps insertion order). */
class DeadlineQueue {
  readonly #timeoutMs: number;
  readonly #now: () => number;
  readonly #entries = new Set<Entry>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeoutMs: number, now: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  push(entry: Entry): void {
    this.#entries.delete(entry);
    entry.dueMs = this.#now() + this.#timeoutMs;
    this.#entries.add(entry);
    this.#timer ??= setTimeout(() => this.#expire(), this.#timeoutMs);
  }

  remove(entry: Entry): void {
    this.#entries.delete(entry);
    if (this.#entries.size > 0 || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    this.#timer = undefined;
    // Timers may fire up to a millisecond early against the clock.
    const now = this.#now() + 1;
    for (const entry of this.#entries) {
      if (entry.dueMs > now) {
        this.#timer ??= setTimeout(() => this.#expire(), entry.dueMs - now + 1);
        return;
      }
      this.#entries.delete(entry);
      entry.onExpire();
    }
  }
}
