/** Comparisons of all workers, merged. */

import { deadline } from "@std/async/deadline";
import { mergeSnapshots } from "../compare/comparison_stats.ts";
import type { ComparisonsSnapshot } from "../compare/comparison_store.ts";
import { MismatchFeed } from "../compare/mismatch_feed.ts";
import type { StatsSnapshot } from "../compare/stats_snapshot.ts";
import type { Command, CommandResult } from "./worker_messages.ts";

/** A worker that returns its comparisons. */
export interface ComparingWorker {
  /** Sends the command. */
  request(command: Extract<Command, { type: "compared" }>): Promise<CommandResult>;
}

/** Maximum wait for a busy worker, in milliseconds. */
const TIMEOUT_MS = 1_000;

/** Reads the workers, and keeps their last readings. */
export class WorkerComparisons {
  /** Mismatches of all workers, with new ids. */
  readonly #feed = new MismatchFeed();
  readonly #known = new Map<ComparingWorker, ComparisonsSnapshot>();
  /** Last id that was read of each worker's mismatches. */
  readonly #lastIds = new Map<ComparingWorker, number>();
  /** Tally of exited workers, with the rules it was counted under. */
  #lost: { readonly rulesHash: string; readonly stats: StatsSnapshot } | undefined;
  #pending: Promise<void> | undefined;

  /**
   * Returns the merged tally, and the mismatches with an id above `after` (Infinity: none). Concurrent calls share one
   * round of requests. If some workers already compare by new rules, only those count.
   *
   * With `sinceMs`, only later comparisons count, and only those of workers that respond in time.
   */
  async read(workers: Iterable<ComparingWorker>, after: number, sinceMs = 0): Promise<ComparisonsSnapshot> {
    if (sinceMs > 0) return await this.#readSince([...workers], sinceMs);
    await (this.#pending ??= this.#requestAll([...workers]).finally(() => this.#pending = undefined));
    const readings = [...this.#known.values()];
    const rulesHash = readings.at(-1)?.rulesHash ?? "";
    const tallies = [...readings, ...(this.#lost === undefined ? [] : [this.#lost])]
      .flatMap((reading) => reading.rulesHash === rulesHash && reading.stats !== undefined ? [reading.stats] : []);
    const mismatches = after === Infinity ? [] : this.#feed.after(after);
    return { rulesHash, stats: tallies.length === 0 ? undefined : mergeSnapshots(tallies), mismatches };
  }

  /** Called after the workers have started counting again. */
  reset(): void {
    this.#known.clear();
    this.#lost = undefined;
  }

  /** Keeps the tally of an exited worker. */
  forget(worker: ComparingWorker): void {
    const known = this.#known.get(worker);
    this.#known.delete(worker);
    this.#lastIds.delete(worker);
    if (known?.stats === undefined) return;
    const isSame = this.#lost?.rulesHash === known.rulesHash;
    const stats = isSame ? mergeSnapshots([this.#lost!.stats, known.stats]) : known.stats;
    this.#lost = { rulesHash: known.rulesHash, stats };
  }

  async #readSince(workers: readonly ComparingWorker[], sinceMs: number): Promise<ComparisonsSnapshot> {
    const command = { type: "compared", after: Infinity, sinceMs } as const;
    const results = await Promise.allSettled(workers.map((worker) => deadline(worker.request(command), TIMEOUT_MS)));
    const readings = results.flatMap((result) => result.status === "fulfilled" ? result.value.comparisons ?? [] : []);
    const rulesHash = readings.at(-1)?.rulesHash ?? "";
    const tallies = readings.filter((reading) => reading.rulesHash === rulesHash).flatMap(({ stats }) => stats ?? []);
    return { rulesHash, stats: tallies.length === 0 ? undefined : mergeSnapshots(tallies), mismatches: [] };
  }

  async #requestAll(workers: readonly ComparingWorker[]): Promise<void> {
    const readings = await Promise.all(workers.map((worker) => this.#request(worker)));
    const fresh = readings.flatMap((reading) => reading?.mismatches ?? []);
    fresh.sort((a, b) => a.timeMs - b.timeMs);
    for (const { id: _, ...found } of fresh) this.#feed.add(found);
  }

  async #request(worker: ComparingWorker): Promise<ComparisonsSnapshot | undefined> {
    try {
      const command = { type: "compared", after: this.#lastIds.get(worker) ?? 0 } as const;
      const { comparisons } = await deadline(worker.request(command), TIMEOUT_MS);
      if (comparisons === undefined) return undefined;
      // Insertion order is the order of the results, so the last entry is the newest.
      this.#known.delete(worker);
      this.#known.set(worker, comparisons);
      this.#lastIds.set(worker, comparisons.mismatches.at(-1)?.id ?? command.after);
      return comparisons;
    } catch {
      return undefined;
    }
  }
}
