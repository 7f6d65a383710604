/** Counters and recorded exchanges of all workers, merged. */

import { deadline } from "@std/async/deadline";
import { NO_LATENCIES } from "../lib/latency_counts.ts";
import { RECENT_EXCHANGES } from "../observe/exchange_recorder.ts";
import { ExchangeRing } from "../observe/exchange_record.ts";
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
  request(command: Extract<Command, { type: "inspect" }>): Promise<CommandResult>;
}

/** Maximum wait for a busy worker, in milliseconds. */
const TIMEOUT_MS = 1_000;

/** Reads the workers, and keeps their last readings. */
export class WorkerInspections {
  /** Exchanges of all workers, with new ids. */
  readonly #ring = new ExchangeRing(RECENT_EXCHANGES);
  readonly #known = new Map<InspectedWorker, Inspection>();
  /** Counters of exited workers, because counters must not decrease. */
  #lost: MetricsSnapshot = { startedMs: Date.now(), lastRequestMs: 0, routes: [], services: [], states: [] };
  #pending: Promise<void> | undefined;

  /**
   * Returns the merged counters, and the exchanges with an id above `after`. Concurrent calls share one round of
   * requests.
   */
  async read(workers: Iterable<InspectedWorker>, after: number): Promise<Inspection> {
    await (this.#pending ??= this.#requestAll([...workers]).finally(() => this.#pending = undefined));
    const snapshots = [...this.#known.values()].map(({ metrics }) => metrics);
    return { metrics: mergeSnapshots([...snapshots, this.#lost]), recent: this.#ring.after(after) };
  }

  /** Keeps the counters of an exited worker. */
  forget(worker: InspectedWorker): void {
    const known = this.#known.get(worker);
    this.#known.delete(worker);
    if (known !== undefined) this.#lost = mergeSnapshots([this.#lost, withoutGauges(known.metrics)]);
  }

  async #requestAll(workers: readonly InspectedWorker[]): Promise<void> {
    const inspections = await Promise.all(workers.map((worker) => this.#request(worker)));
    const fresh = inspections.flatMap((inspection) => inspection?.recent.exchanges ?? []);
    fresh.sort((a, b) => a.timeMs + a.durationMs - b.timeMs - b.durationMs);
    for (const exchange of fresh) this.#ring.add({ ...exchange });
  }

  async #request(worker: InspectedWorker): Promise<Inspection | undefined> {
    try {
      const command = { type: "inspect", after: this.#known.get(worker)?.recent.last ?? 0 } as const;
      const { inspection } = await deadline(worker.request(command), TIMEOUT_MS);
      if (inspection !== undefined) this.#known.set(worker, inspection);
      return inspection;
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
