/** Rate limit on wrong tokens, and reports of them. */

import { KeyedBudget } from "../lib/keyed_budget.ts";

/** Report of wrong tokens. */
export interface GuessReport {
  /** Wrong tokens since the last report. */
  readonly wrong: number;
  /** Tokens since the last report that were not checked, because of too many wrong tokens. */
  readonly refused: number;
  /** Networks that sent these tokens, at most four. */
  readonly clients: readonly string[];
}

/** Options of {@linkcode Guesses}. */
export interface GuessesOptions {
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Called at the first wrong token, then once per interval with wrong tokens. */
  readonly onGuesses: (report: GuessReport) => void;
}

/** Wrong tokens of one client: a burst of ten, then one per ten seconds. */
const CLIENT_GUESSES = { capacity: 10, perSecond: 0.1 };
/** Wrong tokens of all clients together: a burst of 100, then five per second. Known clients are exempt. */
const ALL_GUESSES = { capacity: 100, perSecond: 5 };
const ALL = "all";
const MAX_KNOWN_CLIENTS = 256;
const MAX_REPORTED_CLIENTS = 4;
const REPORT_INTERVAL_MS = 10_000;

/** Counts wrong tokens by client, so that a guessing client does not lock out other clients. */
export class Guesses {
  readonly #options: GuessesOptions;
  readonly #byClient: KeyedBudget;
  readonly #ofAll: KeyedBudget;
  /** Clients that have sent the right token, the most recent last. The limit on all clients does not apply to them. */
  readonly #known = new Set<string>();
  readonly #reported = new Set<string>();
  #wrong = 0;
  #refused = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: GuessesOptions) {
    this.#options = options;
    this.#byClient = new KeyedBudget({ ...CLIENT_GUESSES, now: options.now });
    this.#ofAll = new KeyedBudget({ ...ALL_GUESSES, now: options.now });
  }

  /** Returns the time in milliseconds until a token of the client is checked again; 0 if it is checked now. */
  waitMs(client: string): number {
    const ownMs = this.#byClient.waitMs(client);
    const waitMs = this.#known.has(client) ? ownMs : Math.max(ownMs, this.#ofAll.waitMs(ALL));
    if (waitMs === 0) return 0;
    this.#refused++;
    this.#addToReport(client);
    return waitMs;
  }

  /** Records a wrong token. */
  wrong(client: string): void {
    this.#byClient.spend(client, 1);
    this.#ofAll.spend(ALL, 1);
    this.#wrong++;
    this.#addToReport(client);
  }

  /** Records the right token. */
  right(client: string): void {
    this.#known.delete(client);
    this.#known.add(client);
    if (this.#known.size > MAX_KNOWN_CLIENTS) this.#known.delete(this.#known.values().next().value!);
  }

  /** Reports the wrong tokens that have not been reported yet. */
  close(): void {
    this.#report();
    clearTimeout(this.#timer);
  }

  #addToReport(client: string): void {
    if (this.#reported.size < MAX_REPORTED_CLIENTS) this.#reported.add(client);
    if (this.#timer === undefined) this.#report();
  }

  #report(): void {
    this.#timer = undefined;
    if (this.#wrong + this.#refused === 0) return;
    const report = { wrong: this.#wrong, refused: this.#refused, clients: [...this.#reported] };
    this.#wrong = this.#refused = 0;
    this.#reported.clear();
    this.#timer = setTimeout(() => this.#report(), REPORT_INTERVAL_MS);
    this.#options.onGuesses(report);
  }
}
