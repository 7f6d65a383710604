/** Who decides on one request's attempts and who is told of them, in one order. */

import type { ExchangeCapture } from "../compare/exchange_capture.ts";
import type { Member } from "../config/config.ts";
import type { SkipReason } from "../exchange/attempt.ts";
import type { AttemptSpan } from "../exchange/attempt_span.ts";
import type { Inbound } from "../exchange/inbound.ts";
import type { RunningAttempt } from "../exchange/running_attempt.ts";
import type { FanOutHooks } from "../fan_out.ts";
import type { Hedges } from "../hedge/hedges.ts";
import type { ExchangeObserver } from "../observe/exchange_observer.ts";
import type { ExchangeSpans } from "../observe/exchange_spans.ts";
import type { ServiceGate } from "../shadow/service_gate.ts";

/** All who have a say. */
export interface AttemptListeners {
  /** The request. */
  readonly inbound: Inbound;
  /** Which services are left alone. */
  readonly gate: ServiceGate;
  /** What is learnt for hedges. */
  readonly hedges: Hedges;
  /** What observers are told. */
  readonly observer: ExchangeObserver;
  /** The spans; `undefined` where none are recorded. */
  readonly spans: ExchangeSpans | undefined;
  /** What keeps the answers; `undefined` where they are not compared. */
  readonly capture: ExchangeCapture | undefined;
}

/** Passes on what happens to the attempts. A class, as a literal of closures for each request costs more. */
export class AttemptHooks implements FanOutHooks {
  readonly #to: AttemptListeners;

  /**
   * Made once for each request.
   *
   * @param listeners All who have a say.
   */
  constructor(listeners: AttemptListeners) {
    this.#to = listeners;
  }

  /**
   * Decides whether a service is sent the request.
   *
   * @param member The service and its role.
   * @returns Why it is not; `undefined` where it is.
   */
  gate(member: Member): SkipReason | undefined {
    return this.#to.gate.check(member, this.#to.inbound);
  }

  /**
   * A service is not sent the request.
   *
   * @param member The service and its role.
   * @param reason Why.
   */
  onSkip(member: Member, reason: SkipReason): void {
    this.#to.observer.skipped(member, reason);
  }

  /**
   * An attempt starts.
   *
   * @param attempt The attempt.
   */
  onAttempt(attempt: RunningAttempt): void {
    this.#to.gate.started(attempt);
    this.#to.observer.attempted(attempt);
    this.#to.capture?.started(attempt);
  }

  /**
   * An attempt is about to be sent.
   *
   * @param attempt The attempt.
   * @returns Its span; `undefined` where none are recorded.
   */
  startSpan(attempt: RunningAttempt): AttemptSpan | undefined {
    return this.#to.spans?.startAttempt(attempt, this.#to.inbound);
  }

  /**
   * An attempt has settled.
   *
   * @param attempt The attempt.
   */
  onSettle(attempt: RunningAttempt): void {
    this.#to.gate.settled(attempt);
    this.#to.hedges.settled(attempt);
    this.#to.observer.settled(attempt, attempt.durationMs);
  }

  /**
   * An attempt's answer has been read or given up.
   *
   * @param attempt The attempt.
   */
  onOver(attempt: RunningAttempt): void {
    this.#to.gate.over(attempt);
    this.#to.capture?.over(attempt);
  }
}
