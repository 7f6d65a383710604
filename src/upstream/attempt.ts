/** Attempts: one request to one service each, from the queue to the end of the response. */

import type { HeaderLine, Member, Role, Service, StatusRange } from "../config/config.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { TunnelEnd } from "../http/upgrade.ts";
import { Cancellation, type CancellationSignal } from "../lib/cancellation.ts";
import type { Permit } from "../lib/keyed_semaphore.ts";
import { formatDuration } from "../lib/text_format.ts";
import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";

/** Response of a service, before its body has been read. */
export interface UpstreamResponse {
  /** Status code, 200 to 599; 101 with `tunnel`. */
  readonly status: number;
  /** Header lines in the order received. */
  readonly headers: readonly HeaderLine[];
  /** Bytes of a small body that has arrived completely, a stream for any other body, `null` for none. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** True if `body` is a stream that is created on first access. Absent: decided by the type of `body`. */
  readonly isStreamed?: boolean;
  /** Connection to the service after a 101 response. Absent: the protocol was not switched. */
  readonly tunnel?: TunnelEnd;
  /** Close code of a WebSocket, once it is known. Absent: none. */
  closeCode?: number | undefined;
  /** Returns the trailers, once the body has been read to its end. Absent: none, or the transport drops them. */
  trailers?(): readonly HeaderLine[];
  /** Discards a stream that has never been accessed. Absent: the stream is cancelled instead. */
  discard?(): void;
}

/** Reports whether the body is still arriving. Does not create its stream. */
export function isStreamed(response: UpstreamResponse): boolean {
  return response.isStreamed ?? response.body instanceof ReadableStream;
}

/** Discards a response whose body has not been read, and frees its connection. */
export function discardResponse(response: UpstreamResponse): void {
  if (response.discard !== undefined) response.discard();
  else if (response.body instanceof ReadableStream) response.body.cancel().catch(() => {});
}

/** Outcome of an attempt. A failure is data, never an exception. */
export type Outcome =
  | { readonly ok: true; readonly response: UpstreamResponse; readonly success: boolean }
  | Failure;

/** Outcome without a usable response. */
export interface Failure {
  readonly ok: false;
  readonly kind: FailureKind;
  /** Words of the platform about the cause; `undefined`: none. Never part of a response to a client. */
  readonly error?: string | undefined;
  /** True if the request itself may have made a healthy service fail. The breaker then ignores the failure. */
  readonly provoked?: boolean;
}

/** Outcome with a response. A class, because V8 pretenures object literals that survive (decision 022). */
export class ResponseOutcome {
  readonly ok = true;
  readonly response: UpstreamResponse;
  /** False if the status counts as a failure of the service. */
  readonly success: boolean;

  constructor(response: UpstreamResponse, success: boolean) {
    this.response = response;
    this.success = success;
  }
}

/** Reports whether a status lies outside the ranges that count as a failure. */
export function isSuccess(status: number, failOn: readonly StatusRange[]): boolean {
  return !failOn.some(({ from, to }) => status >= from && status <= to);
}

/** Observer of a response body. It neither delays the body nor changes it. */
export interface BodyTap {
  /** Maximum bytes to observe. A response that is not selected is read up to this size. */
  readonly maxBytes: number;
  /** Called with each chunk. The memory is reused, so bytes to keep must be copied. */
  onChunk(chunk: Uint8Array): void;
  /** Called after the last chunk of a complete body. */
  onEnd(): void;
}

/** Tracing span of one attempt. */
export interface AttemptSpan {
  /** Value of the `traceparent` header of the request. */
  readonly traceparent: string;
  /** Calls `send` in a context in which the runtime records no span of its own. */
  run<T>(send: () => T): T;
  /** Records that the response body failed. */
  recordBodyFailure(kind: FailureKind): void;
  /** Records the outcome of a finished attempt. */
  finish(attempt: AttemptView & { readonly abortReason: FailureKind | undefined }): void;
  /** Records whether the response was selected for the client. Never called for shadows. */
  recordSelection(isSelected: boolean): void;
}

/**
 * States of an attempt. It only moves forward, and may skip states:
 *
 * - `queued`: waits for a permit of its service;
 * - `sent`: the transport has its request;
 * - `settled`: its outcome is known, and its response may still be streaming;
 * - `finished`: it failed, or its response was read or discarded. Its permit is released.
 */
export type AttemptState = "queued" | "sent" | "settled" | "finished";

const RANK: Readonly<Record<AttemptState, number>> = { queued: 0, sent: 1, settled: 2, finished: 3 };

/** Read-only view of an attempt. */
export interface AttemptView {
  readonly service: Service;
  readonly role: Role;
  /** Outcome; `undefined` until the attempt settles. */
  readonly outcome: Outcome | undefined;
  /** Position in the order in which the attempts of the exchange settled, from 1; 0 until then. */
  readonly settledOrder: number;
  /** Words of the platform about the failure of the attempt or of its response body; `undefined`: none. */
  readonly error?: string | undefined;
}

/**
 * Point that an attempt has reached, for the words about a timeout. `unknown`: the transport does not report its
 * connections.
 */
export type AttemptPhase = "unknown" | "connecting" | "waiting" | "reading";

/** Fan-out that an attempt belongs to. Each callback is called once: `onSettle` first, then `onFinish`. */
export interface AttemptListener {
  readonly deadlines: TimeoutQueues;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Called when the outcome is known. */
  onSettle(attempt: Attempt): void;
  /** Called when the attempt no longer has anything in flight. */
  onFinish(attempt: Attempt): void;
}

/** One request to one service. */
export class Attempt implements AttemptView, TimeoutListener {
  readonly service: Service;
  readonly role: Role;
  /** Limits the time until the attempt settles, and then each pause of a streaming body. */
  readonly deadline: Deadline;
  outcome: Outcome | undefined;
  settledOrder = 0;
  error: string | undefined;
  phase: AttemptPhase = "unknown";
  /** Time of the start, by the clock of the exchange, in milliseconds. */
  readonly startedMs: number;
  /** Time from the start until the attempt settled, in milliseconds. */
  durationMs = 0;
  /** True if the attempt was started by the hedge scheduler. */
  hedge = false;
  /** Generation of the service's breaker that admitted the attempt; 0 if none did. */
  breakerGeneration = 0;
  tap: BodyTap | undefined;
  /** Reason for the first abort; `undefined` if the attempt was not aborted. */
  abortReason: FailureKind | undefined;
  /** Span; `undefined` if none is recorded or nothing was sent. */
  span: AttemptSpan | undefined;
  /** Request body that is still arriving; `undefined` if there is none. */
  upload: ReadableStream | undefined;
  #state: AttemptState = "queued";
  readonly #cancellation = new Cancellation();
  #controller: AbortController | undefined;
  readonly #listener: AttemptListener;
  readonly #permit: Permit | undefined;

  /** Starts the timeout. Without a permit, the caller aborts the attempt at once. */
  constructor({ service, role }: Member, permit: Permit | undefined, listener: AttemptListener) {
    this.service = service;
    this.role = role;
    this.#permit = permit;
    this.#listener = listener;
    this.startedMs = listener.now();
    this.deadline = listener.deadlines.start(service.timeoutMs, this, this.startedMs);
  }

  get state(): AttemptState {
    return this.#state;
  }

  /** Aborts when the attempt is aborted. */
  get cancellation(): CancellationSignal {
    return this.#cancellation;
  }

  /**
   * The same as {@linkcode Attempt.cancellation}, for consumers that need an `AbortSignal`. Created on first access.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = this.#controller = new AbortController();
      if (this.#cancellation.aborted) controller.abort();
      else this.#cancellation.addEventListener("abort", () => controller.abort());
    }
    return this.#controller.signal;
  }

  get pending(): boolean {
    return this.outcome === undefined;
  }

  get isFinished(): boolean {
    return this.#state === "finished";
  }

  /** Resolves when the attempt has its permit. The attempt may have settled by then. */
  async acquired(): Promise<void> {
    await this.#permit?.ready;
  }

  /** Records that the transport gets the request. */
  markSent(): void {
    this.#enter("sent");
  }

  /** Sets the outcome. Also finishes the attempt, unless its response is still streaming. */
  settle(outcome: Outcome): void {
    if (!this.#enter("settled")) return;
    this.deadline.stop();
    this.outcome = outcome;
    if (!outcome.ok) this.error ??= outcome.error;
    this.durationMs = this.#listener.now() - this.startedMs;
    this.#listener.onSettle(this);
    if (!(outcome.ok && isStreamed(outcome.response))) this.finish();
  }

  /** Ends the attempt: it settles as a failure if it is pending, and a streaming response fails. */
  abort(kind: FailureKind, error?: string): void {
    if (this.abortReason === undefined) {
      this.abortReason = kind;
      this.error = error;
    }
    if (this.pending) this.settle({ ok: false, kind });
    this.deadline.stop();
    this.#cancellation.abort();
    this.finish();
  }

  /** Aborts the attempt. In the queue, the limit on requests in flight is the reason, not a slow service. */
  onTimeout(): void {
    if (this.#state === "queued") this.abort("queue-timeout");
    else this.abort("timeout", this.#timeoutWords());
  }

  /** Called when the response has been read or discarded. */
  finish(): void {
    if (!this.#enter("finished")) return;
    this.#permit?.release();
    this.#cancelUnreadUpload();
    this.span?.finish(this);
    this.#listener.onFinish(this);
  }

  #timeoutWords(): string {
    const duration = formatDuration(this.service.timeoutMs);
    if (!this.pending || this.phase === "reading") return `no byte of the body within ${duration}`;
    return this.phase === "connecting" ? `no connection within ${duration}` : `no response head within ${duration}`;
  }

  /** Moves to a later state. Returns false if the attempt has reached or passed that state. */
  #enter(state: AttemptState): boolean {
    if (RANK[this.#state] >= RANK[state]) return false;
    this.#state = state;
    return true;
  }

  /**
   * Cancels an upload that no transport has begun to read: the service was not reached, or the attempt ended in the
   * queue. Otherwise the upload would wait for this attempt forever, and keep its permits.
   */
  #cancelUnreadUpload(): void {
    if (this.upload?.locked === false) this.upload.cancel().catch(() => {});
    this.upload = undefined;
  }
}
