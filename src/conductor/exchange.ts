/** One request on its way: its parts, who decides on its attempts, and who is told of them, in one order. */

import type { ExchangeCapture } from "../compare/exchange_capture.ts";
import type { Member } from "../config/config.ts";
import type { SkipReason } from "../exchange/attempt.ts";
import type { AttemptSpan } from "../exchange/attempt_span.ts";
import type { ClientWatch } from "../exchange/client_watch.ts";
import type { Inbound } from "../exchange/inbound.ts";
import type { Problem } from "../exchange/problem.ts";
import type { BodyOwner, RequestBody } from "../exchange/request_body.ts";
import type { RunningAttempt } from "../exchange/running_attempt.ts";
import type { GiveBack } from "../exchange/tally.ts";
import type { FanOut, FanOutHooks } from "../fan_out.ts";
import type { Hedges } from "../hedge/hedges.ts";
import type { ExchangeObserver } from "../observe/exchange_observer.ts";
import type { ExchangeSpans } from "../observe/exchange_spans.ts";
import type { ServiceGate } from "../shadow/service_gate.ts";

/** What all exchanges of a handler have in common. */
export interface ExchangeMeans {
  /** Which services are left alone. */
  readonly gate: ServiceGate;
  /** What is learnt for hedges. */
  readonly hedges: Hedges;
}

/**
 * All of one exchange that outlives the step it was made in. A class, and the only object that refers to all the others: what
 * an object literal or a closure refers to may outlive its exchange by seconds (docs/decisions/022).
 */
export class Exchange implements FanOutHooks, BodyOwner {
  /** The request. */
  readonly inbound: Inbound;
  /** What observers are told. */
  readonly observer: ExchangeObserver;
  /** The spans; `undefined` where none are recorded. */
  readonly spans: ExchangeSpans | undefined;
  /** Gives the client's place back. */
  leave: GiveBack = () => {};
  /** The client; `undefined` as long as it is not watched. */
  client: ClientWatch | undefined;
  /** The client's body; `undefined` until it has been opened. */
  body: RequestBody | undefined;
  /** What keeps the answers; `undefined` where they are not compared. */
  capture: ExchangeCapture | undefined;
  /** The attempts; `undefined` until they have been started. */
  fan: FanOut | undefined;
  readonly #means: ExchangeMeans;

  /**
   * Begins with what is known of every request.
   *
   * @param inbound The request.
   * @param means What it has in common with others.
   * @param listeners Who is told.
   */
  constructor(inbound: Inbound, means: ExchangeMeans, listeners: Pick<Exchange, "observer" | "spans">) {
    this.inbound = inbound;
    this.observer = listeners.observer;
    this.spans = listeners.spans;
    this.#means = means;
  }

  /** Breaks off every attempt but the shadows, where there are any. */
  readonly abort = (): void => this.fan?.abort();

  /**
   * The client's body can not be had whole.
   *
   * @param problem Why.
   */
  onProblem(problem: Problem): void {
    this.client?.report(problem);
  }

  /**
   * Decides whether a service is sent the request.
   *
   * @param member The service and its role.
   * @returns Why it is not; `undefined` where it is.
   */
  gate(member: Member): SkipReason | undefined {
    return this.#means.gate.check(member, this.inbound);
  }

  /**
   * A service is not sent the request.
   *
   * @param member The service and its role.
   * @param reason Why.
   */
  onSkip(member: Member, reason: SkipReason): void {
    this.observer.skipped(member, reason);
  }

  /**
   * An attempt starts.
   *
   * @param attempt The attempt.
   */
  onAttempt(attempt: RunningAttempt): void {
    this.#means.gate.started(attempt);
    this.observer.attempted(attempt);
    this.capture?.started(attempt);
  }

  /**
   * An attempt is about to be sent.
   *
   * @param attempt The attempt.
   * @returns Its span; `undefined` where none are recorded.
   */
  startSpan(attempt: RunningAttempt): AttemptSpan | undefined {
    return this.spans?.startAttempt(attempt, this.inbound);
  }

  /**
   * An attempt has settled.
   *
   * @param attempt The attempt.
   */
  onSettle(attempt: RunningAttempt): void {
    this.#means.gate.settled(attempt);
    this.#means.hedges.settled(attempt);
    this.observer.settled(attempt, attempt.durationMs);
  }

  /**
   * An attempt's answer has been read or given up.
   *
   * @param attempt The attempt.
   */
  onOver(attempt: RunningAttempt): void {
    this.#means.gate.over(attempt);
    this.capture?.over(attempt);
  }
}
