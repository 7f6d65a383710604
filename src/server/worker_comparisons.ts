/** What all workers together have compared. */

import { deadline } from "@std/async/deadline";
import { mergeSnapshots } from "../compare/comparison_stats.ts";
import type { ComparisonsSnapshot } from "../compare/comparison_store.ts";
import { MismatchFeed } from "../compare/mismatch_feed.ts";
import type { StatsSnapshot } from "../compare/stats_snapshot.ts";
import type { Command, OrderResult } from "./worker_messages.ts";

/** A worker that can be asked. */
export interface ComparingWorker {
  /** Asks it. */
  ask(order: Extract<Command, { type: "compared" }>): Promise<OrderResult>;
}

/** How long a worker may take; one that is busier is not waited for. */
const TIMEOUT_MS = 1_000;

/** Asks workers, and remembers what they said. */
export class WorkerComparisons {
  /** The mismatches of all workers, under ids of their own. */
  readonly #feed = new MismatchFeed();
  readonly #known = new Map<ComparingWorker, ComparisonsSnapshot>();
  /** The last id that was seen of each worker's mismatches. */
  readonly #lastIds = new Map<ComparingWorker, number>();
  /** What lost workers had counted, by the rules by which they did. */
  #lost: { readonly rulesHash: string; readonly stats: StatsSnapshot } | undefined;
  #asking: Promise<void> | undefined;

  /**
   * Asks all workers; who comes while they are being asked gets the same answers. Where some follow a new configuration
   * already, only those count.
   *
   * @param workers Those that are up.
   * @param after The highest id of a mismatch that is known already; with Infinity none is listed.
   * @returns What they say together.
   */
  async read(workers: Iterable<ComparingWorker>, after: number): Promise<ComparisonsSnapshot> {
    await (this.#asking ??= this.#askAll([...workers]).finally(() => this.#asking = undefined));
    const readings = [...this.#known.values()];
    const rulesHash = readings.at(-1)?.rulesHash ?? "";
    const tallies = [...readings, ...(this.#lost === undefined ? [] : [this.#lost])]
      .flatMap((reading) => reading.rulesHash === rulesHash && reading.stats !== undefined ? [reading.stats] : []);
    const mismatches = after === Infinity ? [] : this.#feed.after(after);
    return { rulesHash, stats: tallies.length === 0 ? undefined : mergeSnapshots(tallies), mismatches };
  }

  /**
   * Takes note that a worker has been lost.
   *
   * @param worker The worker.
   */
  lose(worker: ComparingWorker): void {
    const known = this.#known.get(worker);
    this.#known.delete(worker);
    this.#lastIds.delete(worker);
    if (known?.stats === undefined) return;
    const isSame = this.#lost?.rulesHash === known.rulesHash;
    const stats = isSame ? mergeSnapshots([this.#lost!.stats, known.stats]) : known.stats;
    this.#lost = { rulesHash: known.rulesHash, stats };
  }

  async #askAll(workers: readonly ComparingWorker[]): Promise<void> {
    const readings = await Promise.all(workers.map((worker) => this.#ask(worker)));
    const fresh = readings.flatMap((reading) => reading?.mismatches ?? []);
    fresh.sort((a, b) => a.timeMs - b.timeMs);
    for (const { id: _, ...found } of fresh) this.#feed.add(found);
  }

  async #ask(worker: ComparingWorker): Promise<ComparisonsSnapshot | undefined> {
    try {
      const order = { type: "compared", after: this.#lastIds.get(worker) ?? 0 } as const;
      const { comparisons } = await deadline(worker.ask(order), TIMEOUT_MS);
      if (comparisons === undefined) return undefined;
      // In the order of the answers: the last one is the newest.
      this.#known.delete(worker);
      this.#known.set(worker, comparisons);
      this.#lastIds.set(worker, comparisons.mismatches.at(-1)?.id ?? order.after);
      return comparisons;
    } catch {
      return undefined;
    }
  }
}
