/** What all workers together have counted and recorded. */

import { deadline } from "@std/async/deadline";
import { RECENT_EXCHANGES } from "../observe/exchange_recorder.ts";
import { ExchangeRing } from "../observe/exchange_record.ts";
import { type Inspection, mergeSnapshots, type MetricsSnapshot } from "../observe/metrics_snapshot.ts";
import type { Command, OrderResult } from "./worker_messages.ts";

/** A worker that can be asked. */
export interface Inspected {
  /** Asks it. */
  ask(order: Extract<Command, { type: "inspect" }>): Promise<OrderResult>;
}

/** How long a worker may take; one that is busier is not waited for. */
const INSPECT_TIMEOUT_MS = 1_000;

/** Asks workers, and remembers what they said. */
export class WorkerInspections {
  /** The exchanges of all workers, under ids of their own. */
  readonly #ring = new ExchangeRing(RECENT_EXCHANGES);
  readonly #known = new Map<Inspected, Inspection>();
  /** What lost workers had counted: counters do not fall. */
  #lost: MetricsSnapshot = { startedMs: Date.now(), lastRequestMs: 0, routes: [], services: [], states: [] };
  #asking: Promise<void> | undefined;

  /**
   * Asks all workers; who comes while they are being asked gets the same answers.
   *
   * @param workers Those that are up.
   * @param after The highest id of an exchange that is known already.
   * @returns What they say together.
   */
  async inspect(workers: Iterable<Inspected>, after: number): Promise<Inspection> {
    await (this.#asking ??= this.#askAll([...workers]).finally(() => this.#asking = undefined));
    const snapshots = [...this.#known.values()].map(({ metrics }) => metrics);
    return { metrics: mergeSnapshots([...snapshots, this.#lost]), recent: this.#ring.after(after) };
  }

  /**
   * Takes note that a worker has been lost.
   *
   * @param worker The worker.
   */
  lose(worker: Inspected): void {
    const known = this.#known.get(worker);
    this.#known.delete(worker);
    if (known !== undefined) this.#lost = mergeSnapshots([this.#lost, withoutPresent(known.metrics)]);
  }

  async #askAll(workers: readonly Inspected[]): Promise<void> {
    const inspections = await Promise.all(workers.map((worker) => this.#ask(worker)));
    const fresh = inspections.flatMap((inspection) => inspection?.recent.exchanges ?? []);
    fresh.sort((a, b) => a.timeMs + a.durationMs - b.timeMs - b.durationMs);
    for (const exchange of fresh) this.#ring.add({ ...exchange });
  }

  async #ask(worker: Inspected): Promise<Inspection | undefined> {
    try {
      const order = { type: "inspect", after: this.#known.get(worker)?.recent.last ?? 0 } as const;
      const { inspection } = await deadline(worker.ask(order), INSPECT_TIMEOUT_MS);
      if (inspection !== undefined) this.#known.set(worker, inspection);
      return inspection;
    } catch {
      return undefined;
    }
  }
}

/** What a worker was doing when it was lost is over. */
function withoutPresent(snapshot: MetricsSnapshot): MetricsSnapshot {
  return {
    ...snapshot,
    routes: snapshot.routes.map((route) => ({ ...route, inFlight: 0 })),
    services: snapshot.services.map((service) => ({ ...service, inFlight: 0 })),
    states: [],
  };
}
