/** Counters and recorded exchanges of all workers, merged. */

import { deadline } from "@std/async/deadline";
import { NO_LATENCIES } from "../lib/latency_counts.ts";
import { RECENT_EXCHANGES } from "../observe/exchange_recorder.ts";
import { ExchangeRing, type RecentExchanges } from "../observe/exchange_record.ts";
import {
  type Inspection,
  mergeSnapshots,
  type MetricsSnapshot,
  type RouteSnapshot,
  type ServiceSnapshot,
} from "../observe/metrics_snapshot.ts";
import type { Command, CommandResult } from "./worker_messages.ts";

/** A worker that returns its counters. */
export interface InspectedWorker {
  /** Sends the command. */
  request(command: Extract<Command, { type: "inspect" | "recent" }>): Promise<CommandResult>;
}

/** Maximum wait for a busy worker, in milliseconds. */
const TIMEOUT_MS = 1_000;

/** Reads the workers, and keeps their last readings. */
export class WorkerInspections {
  /** Exchanges of all workers, with new ids. */
  readonly #ring = new ExchangeRing(RECENT_EXCHANGES);
  readonly #known = new Map<InspectedWorker, Inspection>();
  /** Ids of the last exchanges of the workers. */
  readonly #last = new WeakMap<InspectedWorker, number>();
  /** Counters of exited workers, because counters must not decrease. */
  #lost: MetricsSnapshot = { startedMs: Date.now(), lastRequestMs: 0, routes: [], services: [], states: [] };
  /** The round of requests in progress. */
  #pending: { readonly type: "inspect" | "recent"; readonly ended: Promise<void> } | undefined;

  /**
   * Returns the merged counters, and the exchanges with an id above `after`. Concurrent calls share one round of
   * requests.
   */
  async read(workers: Iterable<InspectedWorker>, after: number): Promise<Inspection> {
    // Two rounds at the same time would add the same exchanges twice. A round for exchanges has no counters.
    while (this.#pending?.type === "recent") await this.#pending.ended;
    await this.#round("inspect", workers);
    const snapshots = [...this.#known.values()].map(({ metrics }) => metrics);
    return { metrics: mergeSnapshots([...snapshots, this.#lost]), recent: this.#ring.after(after) };
  }

  /** Returns the exchanges with an id above `after`, without reading the counters. */
  async recent(workers: Iterable<InspectedWorker>, after: number): Promise<RecentExchanges> {
    await this.#round("recent", workers);
    return this.#ring.after(after);
  }

  /** Keeps the counters of an exited worker. */
  forget(worker: InspectedWorker): void {
    const known = this.#known.get(worker);
    this.#known.delete(worker);
    if (known !== undefined) this.#lost = mergeSnapshots([this.#lost, withoutGauges(known.metrics)]);
  }

  /** Waits for the round of requests in progress, otherwise starts one. */
  #round(type: "inspect" | "recent", workers: Iterable<InspectedWorker>): Promise<void> {
    if (this.#pending !== undefined) return this.#pending.ended;
    const ended = this.#requestAll(type, [...workers]).finally(() => this.#pending = undefined);
    this.#pending = { type, ended };
    return ended;
  }

  async #requestAll(type: "inspect" | "recent", workers: readonly InspectedWorker[]): Promise<void> {
    const recent = await Promise.all(workers.map((worker) => this.#request(type, worker)));
    const fresh = recent.flatMap((recent) => recent?.exchanges ?? []);
    fresh.sort((a, b) => a.timeMs + a.durationMs - b.timeMs - b.durationMs);
    for (const exchange of fresh) this.#ring.add({ ...exchange });
  }

  async #request(type: "inspect" | "recent", worker: InspectedWorker): Promise<RecentExchanges | undefined> {
    try {
      const command = { type, after: this.#last.get(worker) ?? 0 };
      const { inspection, recent = inspection?.recent } = await deadline(worker.request(command), TIMEOUT_MS);
      if (inspection !== undefined) this.#known.set(worker, inspection);
      if (recent !== undefined) this.#last.set(worker, recent.last);
      return recent;
    } catch {
      return undefined;
    }
  }
}

/** Removes what describes the present: an exited worker has nothing in flight, and no recent latencies. */
function withoutGauges(snapshot: MetricsSnapshot): MetricsSnapshot {
  return {
    ...snapshot,
    routes: snapshot.routes.map(withoutPresent),
    services: snapshot.services.map(withoutPresent),
    states: [],
  };
}

function withoutPresent<T extends RouteSnapshot | ServiceSnapshot>(row: T): T {
  return { ...row, inFlight: 0, duration: { ...row.duration, recent: NO_LATENCIES } };
}
