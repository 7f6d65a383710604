/**
 * Virtual time for long simulations. Time jumps from timer to timer, and all work that a timer starts completes before
 * the next.
 */

import { setImmediate } from "node:timers/promises";

interface DueTimer {
  readonly id: number;
  readonly dueMs: number;
  readonly callback: () => void;
}

/**
 * Replaces `setTimeout`, `clearTimeout` and the clock. Unlike `FakeTime`, it also runs the promise callbacks that
 * follow each timer.
 */
export class VirtualTime implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #cancelled = new Set<number>();
  /** A binary heap: the timer that is due next comes first. */
  readonly #timers: DueTimer[] = [];
  #nowMs = 0;
  #lastId = 0;

  /** Replaces the global functions. */
  constructor() {
    const start = (callback: () => void, delayMs = 0) => {
      this.#push({ id: ++this.#lastId, dueMs: this.#nowMs + Math.max(0, delayMs), callback });
      return this.#lastId;
    };
    const cancel = (id?: number) => void (id !== undefined && this.#cancelled.add(id));
    Object.assign(globalThis, { setTimeout: start, clearTimeout: cancel });
  }

  /** Returns the virtual time in milliseconds since the start. */
  readonly now = (): number => this.#nowMs;

  /** Advances the time. Resolves when all due work is done. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await setImmediate();
    for (let next = this.#timers[0]; next !== undefined && next.dueMs <= untilMs; next = this.#timers[0]) {
      this.#pop();
      if (this.#cancelled.delete(next.id)) continue;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      await setImmediate();
    }
    this.#nowMs = untilMs;
  }

  /** Restores the global functions. */
  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
    globalThis.clearTimeout = this.#clearTimeout;
  }

  #push(timer: DueTimer): void {
    const heap = this.#timers;
    let index = heap.push(timer) - 1;
    for (let parent; index > 0 && isBefore(timer, heap[parent = (index - 1) >> 1]!); index = parent) {
      heap[index] = heap[parent]!;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#timers;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || !isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: DueTimer, b: DueTimer): boolean {
  return a.dueMs === b.dueMs ? a.id < b.id : a.dueMs < b.dueMs;
}
