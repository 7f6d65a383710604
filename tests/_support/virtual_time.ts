/** Time that passes from one timer to the next, with everything that follows from each before the next: for long stretches of it. */

import { setImmediate } from "node:timers/promises";

interface DueTimer {
  readonly id: number;
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Stands in for `setTimeout`, `clearTimeout` and the clock. `FakeTime` runs timers without what their promises lead to. */
export class VirtualTime implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #cancelled = new Set<number>();
  /** A binary heap: the next one to be due is the first. */
  readonly #timers: DueTimer[] = [];
  #nowMs = 0;
  #lastId = 0;

  /** Takes over. */
  constructor() {
    const start = (callback: () => void, delayMs = 0) => {
      this.#push({ id: ++this.#lastId, dueMs: this.#nowMs + Math.max(0, delayMs), callback });
      return this.#lastId;
    };
    const cancel = (id?: number) => void (id !== undefined && this.#cancelled.add(id));
    Object.assign(globalThis, { setTimeout: start, clearTimeout: cancel });
  }

  /** The time in milliseconds, fractions and all, since the beginning. */
  readonly now = (): number => this.#nowMs;

  /** Lets time pass, and returns when everything is done that was due. */
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

  /** Gives the real functions back. */
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
