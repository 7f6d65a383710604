/** A circuit breaker: after enough failures, a service gets no requests for a while, then one probe. */

import type { BreakerSettings } from "../config/config.ts";
import { NEUTRAL_KINDS } from "../http/outcome_kinds.ts";
import type { Outcome } from "../upstream/attempt.ts";

/** State of a breaker: all requests pass, none pass, or one passes as a probe. */
export type BreakerState = "closed" | "open" | "half-open";

/** Signal of an attempt about its service. */
export type AttemptSignal = "success" | "failure" | "nothing";

/** Context of a {@linkcode Breaker}. */
export interface BreakerOptions {
  /** Clock in milliseconds; must be monotonic. */
  readonly now: () => number;
  /** Called on each change of state; with `open`, also with the time in milliseconds until the probe. */
  onChange(state: BreakerState, openForMs?: number): void;
}

/**
 * Time in milliseconds for which a probe excludes all other requests. Without it, a client could block a recovered
 * service with an upload that never ends.
 */
const PROBE_TURN_MS = 1_000;

/** Generation of an attempt that the breaker rejected. Its signal does not count. */
export const REJECTED = 0;

/** Breaker of one service. Each attempt takes constant time and no memory, however large the window is. */
export class Breaker {
  readonly #settings: BreakerSettings;
  readonly #options: BreakerOptions;
  /** Signals of the window, 1 for a failure. */
  readonly #window: Uint8Array;
  /** Position of the oldest signal, which the next one replaces. */
  #oldest = 0;
  #failures = 0;
  #state: BreakerState = "closed";
  /** Incremented on each change of state. Attempts of an earlier generation started before it. */
  #generation = REJECTED + 1;
  #probedUntilMs = 0;
  #uploadProbedUntilMs = 0;
  #openForMs: number;
  #openUntilMs = 0;

  constructor(settings: BreakerSettings, options: BreakerOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#window = new Uint8Array(settings.window);
    this.#openForMs = settings.openForMs;
  }

  /** The state. An open breaker stays open until the first attempt after its open time. */
  get state(): BreakerState {
    return this.#state;
  }

  /** Reports whether an attempt would be rejected. Uploads are requests whose body is still arriving. */
  isRejecting(isUpload = false): boolean {
    if (this.#state === "closed") return false;
    const nowMs = this.#options.now();
    if (this.#state === "open") return nowMs < this.#openUntilMs;
    return nowMs < this.#probedUntilMs || (isUpload && nowMs < this.#uploadProbedUntilMs);
  }

  /**
   * Admits an attempt, and returns its generation, or {@linkcode REJECTED}. The first attempt after the open time is
   * the probe. While it is in flight, one further probe is admitted per second. A client decides how long its upload
   * takes, so an upload as a probe blocks only other uploads.
   */
  tryAcquire(isUpload = false): number {
    if (this.#state === "closed") return this.#generation;
    if (this.isRejecting(isUpload)) return REJECTED;
    const untilMs = this.#options.now() + PROBE_TURN_MS;
    if (isUpload) this.#uploadProbedUntilMs = untilMs;
    else this.#probedUntilMs = untilMs;
    if (this.#state === "open") {
      this.#generation++;
      this.#change("half-open");
    }
    return this.#generation;
  }

  /** Records the signal of an attempt. Ignores attempts of earlier generations, which say nothing about the probe. */
  record(generation: number, signal: AttemptSignal): void {
    if (generation !== this.#generation) return;
    if (this.#state === "half-open") this.#recordProbe(signal);
    else if (signal !== "nothing") this.#count(signal);
  }

  #recordProbe(signal: AttemptSignal): void {
    this.#probedUntilMs = this.#uploadProbedUntilMs = 0;
    if (signal === "success") this.#close();
    else if (signal === "failure") this.#open(Math.min(2 * this.#openForMs, this.#settings.maxOpenForMs));
  }

  #count(signal: AttemptSignal): void {
    const failure = signal === "failure" ? 1 : 0;
    this.#failures += failure - this.#window[this.#oldest]!;
    this.#window[this.#oldest] = failure;
    this.#oldest = (this.#oldest + 1) % this.#window.length;
    if (this.#failures >= this.#settings.failures) this.#open(this.#settings.openForMs);
  }

  #open(openForMs: number): void {
    this.#openForMs = openForMs;
    this.#openUntilMs = this.#options.now() + openForMs;
    this.#generation++;
    this.#change("open", openForMs);
  }

  #close(): void {
    this.#window.fill(0);
    this.#failures = 0;
    this.#generation++;
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

/** Returns the signal of an outcome. A failure that a client can cause alone is not a failure of the service. */
export function signalOf(outcome: Outcome): AttemptSignal {
  if (!outcome.ok) return outcome.provoked || NEUTRAL_KINDS.has(outcome.kind) ? "nothing" : "failure";
  if (outcome.success) return "success";
  return REQUESTED_STATUSES.has(outcome.response.status) ? "nothing" : "failure";
}
