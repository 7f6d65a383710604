/** One request on its way: its parts, who decides on its attempts, and who is told of them, in one order. */

import type { ExchangeCapture } from "../compare/exchange_capture.ts";
import type { Member } from "../config/config.ts";
import type { AdmittedExchange } from "../policy/admission.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import { BodyFanOut } from "../body/body_fan_out.ts";
import type { AttemptSpan } from "../upstream/attempt_span.ts";
import type { ClientMonitor } from "./client_monitor.ts";
import type { ReceivedRequest } from "../http/client_request.ts";
import type { LocalReply } from "../http/problem.ts";
import { type BodyListener, receivedBytes, type RequestBody } from "../body/request_body.ts";
import type { Attempt } from "../upstream/running_attempt.ts";
import { SharedBody } from "../body/shared_body.ts";
import type { FanOut, FanOutHooks } from "./fan_out.ts";
import type { HedgePolicies } from "../policy/hedge_policies.ts";
import type { ExchangeObserver } from "../observe/exchange_observer.ts";
import type { ExchangeSpans } from "../observe/exchange_spans.ts";
import type { Availability } from "../policy/availability.ts";

/** What all exchanges of a handler have in common. */
export interface ExchangeMeans {
  /** Which services are left alone. */
  readonly gate: Availability;
  /** What is learnt for hedges. */
  readonly hedges: HedgePolicies;
}

/**
 * All of one exchange that outlives the step it was made in. A class, and the only object that refers to all the others: what
 * an object literal or a closure refers to may outlive its exchange by seconds (docs/decisions/022).
 */
export class Exchange implements FanOutHooks, BodyListener {
  /** The request method. */
  readonly method: string;
  /** The body's length in bytes where the client told it. */
  readonly contentLength: number | undefined;
  /** What observers are told. */
  readonly observer: ExchangeObserver;
  /** The spans; `undefined` where none are recorded. */
  readonly spans: ExchangeSpans | undefined;
  /** Its permits; `undefined` until the exchange is admitted. */
  admission: AdmittedExchange | undefined;
  /** True after a service's response has begun. */
  isRelayed = false;
  /** The client; `undefined` as long as it is not watched. */
  client: ClientMonitor | undefined;
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
   * @param clientRequest The request; what may still be waited for when the client has its answer must not keep all of it.
   * @param means What it has in common with others.
   * @param listeners Who is told.
   */
  constructor(clientRequest: ReceivedRequest, means: ExchangeMeans, listeners: Pick<Exchange, "observer" | "spans">) {
    this.method = clientRequest.method;
    this.contentLength = clientRequest.contentLength;
    this.observer = listeners.observer;
    this.spans = listeners.spans;
    this.#means = means;
  }

  /** Reports whether a service's response is on its way to the client. */
  get isRelaying(): boolean {
    return this.isRelayed && this.client !== undefined;
  }

  /** Breaks off every attempt but the shadows, where there are any. */
  abort(): void {
    this.fan?.abort();
  }

  /**
   * Nothing more goes to the client: its place is free, and what only its answer needed is kept no longer.
   *
   * @param relayedBytes How much of a service's body it was sent.
   * @param attempt Whose; absent: the answer was conductor's own.
   */
  clientDone(relayedBytes: number, attempt?: Attempt): void {
    // Without a fan-out, no more of the body is read.
    if (this.fan === undefined) this.onUploaded();
    this.admission?.responded();
    this.observer.relayed(receivedBytes(this.body), relayedBytes, attempt);
    this.fan?.detach();
    if (this.body instanceof SharedBody) this.body.close();
    this.client = undefined;
  }

  /** Returns the permit of the upload: the body has arrived completely, or no more of it is read. */
  onUploaded(): void {
    this.admission?.uploaded();
  }

  /**
   * The client's body can not be had whole.
   *
   * @param problem Why.
   */
  onProblem(problem: LocalReply): void {
    this.client?.report(problem);
  }

  /**
   * Decides whether a service is sent the request.
   *
   * @param member The service and its role.
   * @param clientRequest The request.
   * @returns Why it is not; `undefined` where it is.
   */
  gate(member: Member, clientRequest: ReceivedRequest): SkipReason | undefined {
    return this.#means.gate.check(member, clientRequest, this.body instanceof BodyFanOut);
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
  onAttempt(attempt: Attempt): void {
    this.#means.gate.started(attempt, this.body instanceof BodyFanOut);
    this.observer.attempted(attempt);
    this.capture?.started(attempt);
  }

  /**
   * An attempt is about to be sent.
   *
   * @param attempt The attempt.
   * @param clientRequest The request.
   * @returns Its span; `undefined` where none are recorded.
   */
  startSpan(attempt: Attempt, clientRequest: ReceivedRequest): AttemptSpan | undefined {
    return this.spans?.startAttempt(attempt, clientRequest);
  }

  /**
   * An attempt has settled.
   *
   * @param attempt The attempt.
   */
  onSettle(attempt: Attempt): void {
    this.#means.gate.settled(attempt);
    // The duration of an upload is up to the client. Slow uploads would delay the hedges of all requests.
    if (!(this.body instanceof BodyFanOut)) this.#means.hedges.settled(attempt);
    this.observer.settled(attempt, attempt.durationMs);
  }

  /**
   * An attempt's answer has been read or given up.
   *
   * @param attempt The attempt.
   */
  onOver(attempt: Attempt): void {
    this.#means.gate.over(attempt);
    this.capture?.over(attempt);
  }
}
