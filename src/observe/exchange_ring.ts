/** The most recent exchanges, for those who look later. */

import type { ExchangeRecord } from "./exchange_record.ts";

/** Exchanges with a higher id than was asked for, oldest first. */
export interface RecentExchanges {
  /** The highest id so far. */
  readonly last: number;
  /** The exchanges. */
  readonly exchanges: readonly ExchangeRecord[];
}

/** An exchange before it has its place among the others. */
export type NewExchange = Omit<ExchangeRecord, "id">;

/** A bounded list, numbered as it grows. */
export class ExchangeRing {
  readonly #size: number;
  readonly #records: ExchangeRecord[] = [];
  #last = 0;

  /**
   * Starts empty.
   *
   * @param size How many are kept.
   */
  constructor(size: number) {
    this.#size = size;
  }

  /**
   * Adds an exchange; the oldest goes where there are too many.
   *
   * @param exchange The exchange. Its fields may still change.
   * @returns The same with its id.
   */
  add(exchange: NewExchange): ExchangeRecord {
    const record = Object.assign(exchange, { id: ++this.#last });
    this.#records.push(record);
    if (this.#records.length > this.#size) this.#records.shift();
    return record;
  }

  /**
   * Lists what has come since.
   *
   * @param id The last id that is known already. One that has never been given comes from another process: all are listed. With Infinity none is.
   * @returns The exchanges.
   */
  after(id: number): RecentExchanges {
    const known = id > this.#last && id !== Infinity ? 0 : id;
    return { last: this.#last, exchanges: this.#records.filter((record) => record.id > known) };
  }
}
