/** Records of exchanges for the dashboard and the admin API, and the ring that keeps the most recent ones. */

import type { HeaderLine, Role } from "../config/config.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import type { FailureDetail } from "./events.ts";

/** Part of one service in an exchange. An interrupted response also has the details of its failure. */
export interface AttemptRecord extends FailureDetail {
  /** Configured name of the service. */
  readonly service: string;
  /** Role of the service on the route. */
  readonly role: Role;
  /** Reason of a skip; absent if the request was sent. */
  readonly skipped?: SkipReason;
  /** Start of the attempt, in milliseconds after the arrival of the request; absent if it was not sent. */
  readonly startMs?: number;
  /** End of the attempt, in milliseconds after the arrival of the request; absent until it settles. */
  readonly endMs?: number;
  /** True if the response counts as a success; absent until the attempt settles. */
  readonly success?: boolean;
  /** Status of the response; absent without a response. */
  readonly status?: number;
  /** Kind of the failure; absent with a response. */
  readonly failure?: FailureKind;
  /** True for a hedge: the attempt started with a delay. */
  readonly hedge: boolean;
  /** True if the response was selected for the client. */
  readonly selected: boolean;
  /** Header lines of the response, secrets redacted. */
  readonly headers?: readonly HeaderLine[];
}

/** One exchange, from the arrival of the request until the last attempt settled. */
export interface ExchangeRecord {
  /** Ascending number; readers continue after the last number they know. */
  readonly id: number;
  /** `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** Arrival of the request, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Request method. */
  readonly method: string;
  /** Request path without the query, as sent by the client; truncated if it is very long. */
  readonly path: string;
  /** Pattern of the matched route; empty if none matched. */
  readonly route: string;
  /** Header lines of the request, secrets redacted. */
  readonly headers: readonly HeaderLine[];
  /** Status of the response to the client. */
  readonly status: number;
  /** Service whose response was selected; absent for a local reply of conductor. */
  readonly service?: string;
  /** True if the selected service is not a primary. */
  readonly fallback: boolean;
  /** Time from the arrival until the response was selected, in milliseconds. */
  readonly durationMs: number;
  /** Kind of the failure that broke the response off after its head; otherwise absent. */
  readonly interrupted?: FailureKind;
  /** Attempts and skips, in the order in which they happened. */
  readonly attempts: readonly AttemptRecord[];
}

/** Exchanges above a requested id, the oldest first. */
export interface RecentExchanges {
  /** Highest id so far. */
  readonly last: number;
  /** The exchanges. */
  readonly exchanges: readonly ExchangeRecord[];
}

/** Exchange before the ring assigns an id. */
export type NewExchange = Omit<ExchangeRecord, "id">;

/** The most recent exchanges, with ascending ids. */
export class ExchangeRing {
  readonly #size: number;
  readonly #records: ExchangeRecord[] = [];
  #last = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /**
   * Assigns an id to an exchange and adds it; drops the oldest one if the ring is full. Its fields may still change.
   */
  add(exchange: NewExchange): ExchangeRecord {
    const record = Object.assign(exchange, { id: ++this.#last });
    this.#records.push(record);
    if (this.#records.length > this.#size) this.#records.shift();
    return record;
  }

  /**
   * Returns the exchanges above an id, none for Infinity. An id above the last is from another process: returns all.
   */
  after(id: number): RecentExchanges {
    const known = id > this.#last && id !== Infinity ? 0 : id;
    return { last: this.#last, exchanges: this.#records.filter((record) => record.id > known) };
  }
}
