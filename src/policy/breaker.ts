/** A circuit breaker: after enough failures a service is left alone for a while, then one request tells how it is. */

import type { BreakerSettings } from "../config/config.ts";
import type { Outcome } from "../upstream/attempt.ts";
import { NEUTRAL_KINDS } from "../http/outcome_kinds.ts";

/** Whether requests go through: all of them, none, or one to see. */
export type BreakerState = "closed" | "open" | "half-open";

/** What an attempt says about its service. */
export type AttemptSignal = "success" | "failure" | "nothing";

/** What a breaker needs beside its settings. */
export interface BreakerOptions {
  /** The clock, in milliseconds; it must not go backwards. */
  readonly now: () => number;
  /** Called on each change of state; with `open`, the time in milliseconds until the probe. */
  onChange(state: BreakerState, openForMs?: number): void;
}

/**
 * Time in milliseconds for which a probe excludes all other requests. Without it, a client could block a recovered
 * service with an upload that never ends.
 */
const PROBE_TURN_MS = 1_000;

/** Ticket of an attempt that the breaker did not let in. Its verdict does not count. */
export const REJECTED = 0;

/**
 * What one service's attempts have come to. Each of them enters, and leaves with a verdict; both take the same short time
 * and no memory, however large the window is.
 */
export class Breaker {
  readonly #settings: BreakerSettings;
  readonly #options: BreakerOptions;
  /** The verdicts of the window, 1 for a failure; the oldest is the next to be replaced. */
  readonly #window: Uint8Array;
  #oldest = 0;
  #failures = 0;
  #state: BreakerState = "closed";
  /** Tells the attempts that count now from those that entered before the last change. */
  #ticket = REJECTED + 1;
  #probedUntilMs = 0;
  #uploadProbedUntilMs = 0;
  #openForMs: number;
  #openUntilMs = 0;

  /**
   * Starts closed.
   *
   * @param settings When it opens, and for how long.
   * @param options The clock, and whom to tell.
   */
  constructor(settings: BreakerSettings, options: BreakerOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#window = new Uint8Array(settings.window);
    this.#openForMs = settings.openForMs;
  }

  /** The state; an open breaker stays so until the first attempt after its time. */
  get state(): BreakerState {
    return this.#state;
  }

  /** Reports whether an attempt would not be let in. Uploads are bodies that are still arriving. */
  isRejecting(isUpload = false): boolean {
    if (this.#state === "closed") return false;
    const now = this.#options.now();
    if (this.#state === "open") return now < this.#openUntilMs;
    return now < this.#probedUntilMs || (isUpload && now < this.#uploadProbedUntilMs);
  }

  /**
   * Lets an attempt in. The first attempt after the open time is the probe. While a probe is in flight, one further
   * probe is let in per second. An upload may last as long as its client wants, so as a probe it blocks only other uploads.
   *
   * @returns The ticket to leave with; {@linkcode REJECTED} if it was not let in.
   */
  tryAcquire(isUpload = false): number {
    if (this.#state === "closed") return this.#ticket;
    if (this.isRejecting(isUpload)) return REJECTED;
    const untilMs = this.#options.now() + PROBE_TURN_MS;
    if (isUpload) this.#uploadProbedUntilMs = untilMs;
    else this.#probedUntilMs = untilMs;
    if (this.#state === "open") {
      this.#ticket++;
      this.#change("half-open");
    }
    return this.#ticket;
  }

  /**
   * Takes note of how an attempt ended. One that entered before the last change of state changes nothing any more: what a
   * service did before it was left alone is known, and says nothing about the probe.
   *
   * @param ticket What {@linkcode Breaker.tryAcquire} gave it.
   * @param verdict What it says about the service.
   */
  record(ticket: number, verdict: AttemptSignal): void {
    if (ticket !== this.#ticket) return;
    if (this.#state === "half-open") this.#leaveProbe(verdict);
    else if (verdict !== "nothing") this.#count(verdict);
  }

  #leaveProbe(verdict: AttemptSignal): void {
    this.#probedUntilMs = this.#uploadProbedUntilMs = 0;
    if (verdict === "success") this.#close();
    else if (verdict === "failure") this.#open(Math.min(2 * this.#openForMs, this.#settings.maxOpenForMs));
  }

  #count(verdict: AttemptSignal): void {
    const failure = verdict === "failure" ? 1 : 0;
    this.#failures += failure - this.#window[this.#oldest]!;
    this.#window[this.#oldest] = failure;
    this.#oldest = (this.#oldest + 1) % this.#window.length;
    if (this.#failures >= this.#settings.failures) this.#open(this.#settings.openForMs);
  }

  #open(openForMs: number): void {
    this.#openForMs = openForMs;
    this.#openUntilMs = this.#options.now() + openForMs;
    this.#ticket++;
    this.#change("open", openForMs);
  }

  #close(): void {
    this.#window.fill(0);
    this.#failures = 0;
    this.#ticket++;
    this.#change("closed");
  }

  #change(state: BreakerState, openForMs?: number): void {
    this.#state = state;
    this.#options.onChange(state, openForMs);
  }
}

/**
 * Failing statuses that a client can cause on any healthy server: 501 by the method, 505 by the version, 508 by a long
 * Via field.
 */
const REQUESTED_STATUSES: ReadonlySet<number> = new Set([501, 505, 508]);

/**
 * Returns the verdict of an attempt on its service. An outcome that a client can cause alone is not a failure of the
 * service.
 *
 * @param outcome Outcome of the attempt.
 * @returns The verdict.
 */
export function signalOf(outcome: Outcome): AttemptSignal {
  if (!outcome.ok) return outcome.provoked || NEUTRAL_KINDS.has(outcome.kind) ? "nothing" : "failure";
  if (outcome.success) return "success";
  return REQUESTED_STATUSES.has(outcome.response.status) ? "nothing" : "failure";
}
