/** Percentiles of the latencies of a recent period, and of all latencies. */

import { LatencyCounts, type LatencySnapshot, quantileOf } from "./latency_counts.ts";

/** Latencies of a sketch as plain data. */
export interface LatencySketchSnapshot {
  /** Latencies within the window. */
  readonly recent: LatencySnapshot;
  /** All latencies since the start, those within the window included. */
  readonly total: LatencySnapshot;
}

/** Latencies of one service. Two halves of the window take turns, and the older one leaves the window as a whole. */
export class LatencySketch {
  #recent = new LatencyCounts();
  #former = new LatencyCounts();
  /** Latencies that have left the window. */
  readonly #older = new LatencyCounts();

  /** Number of latencies in the window. */
  get count(): number {
    return this.#recent.count + this.#former.count;
  }

  /** Counts a latency. */
  record(durationMs: number): void {
    this.#recent.record(durationMs);
  }

  /** Returns the latency in milliseconds at a ratio, such as 0.95 for the 95th percentile; 0 for an empty window. */
  quantile(ratio: number): number {
    return quantileOf(LatencyCounts.sum([this.#recent, this.#former]), ratio) ?? 0;
  }

  /** Returns the latencies of the window, and all latencies. */
  snapshot(): LatencySketchSnapshot {
    const recent = LatencyCounts.sum([this.#recent, this.#former]);
    if (this.#older.count === 0) return { recent, total: recent };
    return { recent, total: LatencyCounts.sum([this.#recent, this.#former, this.#older]) };
  }

  /** Removes the older half of the window, as a {@linkcode WindowClock} demands. */
  turn(): void {
    [this.#recent, this.#former] = [this.#former, this.#recent];
    if (this.#recent.count === 0) return;
    this.#older.merge(this.#recent.snapshot());
    this.#recent.clear();
  }
}

/** Determines when the halves of a window take turns. The window covers one to two halves. */
export class WindowClock {
  /** Time in milliseconds, which the owner sets before each call. As a parameter, V8 would allocate each number. */
  readonly nowMs: Float64Array = new Float64Array(1);
  readonly #halfMs: number;
  readonly #turnMs = new Float64Array([-Infinity]);

  /** The length of one half is in milliseconds. */
  constructor(halfMs: number) {
    this.#halfMs = halfMs;
  }

  /** Returns the turns that are due: 2 after a long time. A clock that was set back starts a half again. */
  dueTurns(): number {
    const leftMs = this.#turnMs[0]! - this.nowMs[0]!;
    return leftMs > 0 && leftMs <= this.#halfMs ? 0 : this.#start(leftMs);
  }

  #start(leftMs: number): number {
    this.#turnMs[0] = this.nowMs[0]! + this.#halfMs;
    if (leftMs > 0) return 0;
    return -leftMs >= this.#halfMs ? 2 : 1;
  }
}
