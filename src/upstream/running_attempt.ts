/** An attempt while it runs: what it holds, and the one way in which each of its ends is reached. */

import type { Member, Role, Service } from "../config/config.ts";
import { type AttemptView, isStreamed, type Outcome } from "./attempt.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { BodyTap } from "../body/body_tap.ts";
import { Cancellation, type CancellationSignal } from "../lib/cancellation.ts";
import type { AttemptSpan } from "./attempt_span.ts";
import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";
import type { Permit } from "../lib/keyed_semaphore.ts";

/** What an attempt is part of. */
export interface AttemptListener {
  /** The handler's time-outs. */
  readonly deadlines: TimeoutQueues;
  /** The clock, in milliseconds. */
  readonly now: () => number;
  /** Told once, when the attempt has settled. */
  onSettle(attempt: Attempt): void;
  /** Told once, when the attempt is not in flight any more: it has settled, and its answer has been read or given up. */
  onFinish(attempt: Attempt): void;
}

/** An attempt with the means to end it. */
export class Attempt implements AttemptView, TimeoutListener {
  /** The backend that is tried. */
  readonly service: Service;
  /** Its role on the request's route. */
  readonly role: Role;
  /** Bounds the silence until it settles, and while its body streams. */
  readonly deadline: Deadline;
  /** How it ended; `undefined` until it has settled. */
  outcome: Outcome | undefined;
  /** When it settled among its siblings, from 1; 0 until then. */
  settledOrder = 0;
  /** From its start until it settled, in milliseconds. */
  durationMs = 0;
  /** Whether its copy had been held back. */
  hedge = false;
  /** What its service's breaker let it in with; 0 where that did not. */
  breakerGeneration = 0;
  /** Who looks on as its body passes; `undefined`: nobody. */
  tap: BodyTap | undefined;
  /** What broke it off from our side; `undefined` where nothing did. */
  abortReason: FailureKind | undefined;
  /** Its span; `undefined` where none is recorded, or nothing was sent. */
  span: AttemptSpan | undefined;
  /** Its stream of a body that is still arriving; `undefined` if there is none. */
  upload: ReadableStream | undefined;
  readonly #cancellation = new Cancellation();
  #controller: AbortController | undefined;
  readonly #owner: AttemptListener;
  readonly #startedMs: number;
  readonly #place: Permit | undefined;
  #isQueued: boolean;
  #isFinished = false;

  /**
   * Starts its time.
   *
   * @param member The service and its role.
   * @param place Its place among the service's attempts, or in their queue; `undefined` where there is none.
   * @param owner What it is part of.
   */
  constructor({ service, role }: Member, place: Permit | undefined, owner: AttemptListener) {
    this.service = service;
    this.role = role;
    this.#place = place;
    this.#isQueued = place?.ready !== undefined;
    this.#owner = owner;
    this.#startedMs = owner.now();
    this.deadline = owner.deadlines.start(service.timeoutMs, this);
  }

  /** Tells when the attempt is broken off from our side. */
  get cancellation(): CancellationSignal {
    return this.#cancellation;
  }

  /** The same for those who need one of the platform's; made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = this.#controller = new AbortController();
      if (this.#cancellation.aborted) controller.abort();
      else this.#cancellation.addEventListener("abort", () => controller.abort());
    }
    return this.#controller.signal;
  }

  /** Whether it has not settled yet. */
  get pending(): boolean {
    return this.outcome === undefined;
  }

  /** Reports whether it failed, or its response was read or discarded. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Waits until it may be sent; it may have settled by then. */
  async acquired(): Promise<void> {
    await this.#place?.ready;
    this.#isQueued = false;
  }

  /**
   * Settles it.
   *
   * @param outcome How it ended.
   */
  settle(outcome: Outcome): void {
    this.deadline.stop();
    this.outcome = outcome;
    this.durationMs = this.#owner.now() - this.#startedMs;
    if (!(outcome.ok && isStreamed(outcome.response))) this.finish();
    this.#owner.onSettle(this);
  }

  /**
   * Breaks it off: a pending attempt settles as this failure, a streaming response fails.
   *
   * @param kind Why.
   */
  abort(kind: FailureKind): void {
    this.abortReason ??= kind;
    if (this.pending) this.settle({ ok: false, kind });
    this.deadline.stop();
    this.#cancellation.abort();
    this.finish();
  }

  /** Its time has passed. */
  onTimeout(): void {
    this.abort(this.#isQueued ? "queue-timeout" : "timeout");
  }

  /** Tells that its answer has been read, or is not wanted any more: it is not in flight now. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#place?.release();
    this.#dropUnreadUpload();
    this.span?.over(this);
    this.#owner.onFinish(this);
  }

  /**
   * Cancels an upload that no transport has begun to read: the service was not reached, or the attempt ended in the queue.
   * Otherwise the upload would wait for this attempt forever, and keep its permits.
   */
  #dropUnreadUpload(): void {
    if (this.upload?.locked === false) this.upload.cancel().catch(() => {});
    this.upload = undefined;
  }
}
