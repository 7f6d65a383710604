/** Limits the time that the admin listener takes from the thread that serves requests. */

import { KeyedBudget } from "../lib/keyed_budget.ts";

/** Time of one client in milliseconds: burst, and rate per second. */
const CLIENT_SHARE = { capacity: 300, perSecond: 200 };
/** Time of all clients in milliseconds: burst, and rate per second. */
const TOTAL_SHARE = { capacity: 600, perSecond: 400 };
const TOTAL = "all";
/**
 * Maximum time in milliseconds counted for one read. A wait for workers is part of it, but does not occupy the thread.
 */
const MAX_READING_MS = 50;

/** Time spent on the requests of each client. */
export class WorkShare {
  readonly #now: () => number;
  readonly #byClient: KeyedBudget;
  readonly #total: KeyedBudget;

  constructor(now: () => number) {
    this.#now = now;
    this.#byClient = new KeyedBudget({ ...CLIENT_SHARE, now });
    this.#total = new KeyedBudget({ ...TOTAL_SHARE, now });
  }

  /** Returns the time in milliseconds until a client's requests are served again; 0 if they are served now. */
  waitMs(client: string): number {
    return Math.max(this.ownWaitMs(client), this.#total.waitMs(TOTAL));
  }

  /** Returns the time in milliseconds until a client's own budget has time left, without regard to other clients. */
  ownWaitMs(client: string): number {
    return this.#byClient.waitMs(client);
  }

  /** Runs a read, and counts its time for the client. */
  async read<T>(client: string, read: () => Promise<T>): Promise<T> {
    const startMs = this.#now();
    try {
      return await read();
    } finally {
      this.#spend(client, Math.min(MAX_READING_MS, this.#now() - startMs));
    }
  }

  /** Runs a write, and counts its time for the client. */
  write<T>(client: string, write: () => T): T {
    const startMs = this.#now();
    try {
      return write();
    } finally {
      this.#spend(client, this.#now() - startMs);
    }
  }

  #spend(client: string, ms: number): void {
    this.#byClient.spend(client, ms);
    this.#total.spend(TOTAL, ms);
  }
}
