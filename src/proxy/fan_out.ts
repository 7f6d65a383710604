/** Sends one request to every service of its route at the same time. Each attempt settles independently. */

import { BodyFanOut } from "../body/body_fan_out.ts";
import { SharedBody } from "../body/shared_body.ts";
import type { ExchangeCapture } from "../compare/exchange_capture.ts";
import type { Member, Service } from "../config/config.ts";
import { withoutCredentials } from "../http/credentials.ts";
import { isOverload, type SkipReason } from "../http/outcome_kinds.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { detachBuffer } from "../lib/detach_buffer.ts";
import type { TimeoutQueues } from "../lib/timeout_queues.ts";
import { observeExchange } from "../observe/exchange_observer.ts";
import { untraced } from "../observe/telemetry.ts";
import { HedgeScheduler } from "../policy/hedge_scheduler.ts";
import { Attempt, type AttemptListener, type AttemptSpan, type AttemptView, isStreamed } from "../upstream/attempt.ts";
import { AttemptRequest, MatchedRequest } from "../upstream/attempt_request.ts";
import { drainResponse } from "../upstream/response_body.ts";
import { sendAttempt } from "../upstream/send_attempt.ts";
import type { Transport } from "../upstream/transport.ts";
import type { HandlerContext } from "./handler_context.ts";
import { selectAttempt, type SelectOptions } from "./select.ts";

/**
 * Decides which services are sent a request, and is called at each step of its attempts.
 *
 * The order for each service:
 *
 * 1. `gate`. If it returns a reason, `onSkip` is called. A skipped shadow service has no attempt. The attempt of any
 *    other skipped service fails at once: `onAttempt`, `onSettle`, `onFinish`.
 * 2. `onAttempt`, when the attempt starts.
 * 3. `startSpan`, if the attempt has a permit or waits for one.
 * 4. `onSettle`, when the outcome is known. `onSkip` follows if the attempt was not sent because of an overload.
 * 5. `onFinish`, when the attempt no longer has anything in flight.
 *
 * `onSkip` precedes `onSettle` if the body of a shadow request is cut off.
 */
export interface FanOutListener {
  /** Returns the reason to skip a service; `undefined` if it is sent the request. */
  gate(member: Member, request: ReceivedRequest): SkipReason | undefined;
  /** Called once when a service is skipped, or a shadow request is cut off. */
  onSkip(member: Member, reason: SkipReason): void;
  /** Called when an attempt starts. */
  onAttempt(attempt: Attempt): void;
  /** Starts the span of an attempt that is sent; `undefined` if none is recorded. */
  startSpan(attempt: Attempt, request: ReceivedRequest): AttemptSpan | undefined;
  /** Called once, when an attempt has an outcome. */
  onSettle(attempt: Attempt): void;
  /**
   * Called when a shadow has switched protocols. Returns true if the listener takes over the tunnel, and finishes the
   * attempt later.
   */
  takeTunnel(attempt: Attempt): boolean;
  /** Called once, when the response of an attempt has been read or discarded, or when there is none. */
  onFinish(attempt: Attempt): void;
}

/**
 * Sends a request to every service of its route. All attempts have started when this returns, except those of services
 * that wait as hedges or fallbacks.
 */
export function fanOut(request: MatchedRequest, context: HandlerContext, listener: FanOutListener): FanOut {
  const fan = new FanOut(context, listener);
  fan.start(request);
  return fan;
}

/**
 * Sends a captured request to one service again, as a shadow request. Differences between two responses of the same
 * service are noise. Its events have `replay`, because they follow those of an exchange that is over.
 */
export function replay(capture: ExchangeCapture, service: Service, context: HandlerContext): void {
  const transport: Transport = (request) => untraced(() => context.transport(request));
  const route = { ...capture.route, members: [{ service, role: "shadow" }] } as const;
  const { observe, now, redaction } = context;
  const observer = observeExchange(observe, capture.clientRequest, capture.route, {
    startedMs: now(),
    now,
    redaction,
    isReplay: true,
  });
  const body = capture.requestBody === undefined ? null : new SharedBody(capture.requestBody, false);
  // The capture reads the buffers, so they must not be freed.
  fanOut(new MatchedRequest(capture.clientRequest, route, body), { ...context, transport, detachBuffers: false }, {
    gate: ({ service }) => context.availability.unavailableReason(service),
    onSkip: (member, reason) => observer.skipped(member, reason),
    onAttempt: (attempt) => {
      observer.attempted(attempt);
      capture.started(attempt);
    },
    startSpan: () => undefined,
    onSettle: (attempt) => observer.settled(attempt, attempt.durationMs),
    takeTunnel: () => false,
    onFinish: (attempt) => capture.finished(attempt),
  });
}

/** Attempts of one request. Class, not object literal: V8 pretenures literals that survive (decision 022). */
export class FanOut implements AttemptListener {
  /** Attempts in the order in which they were started. */
  readonly attempts: Attempt[] = [];
  readonly deadlines: TimeoutQueues;
  readonly now: () => number;
  readonly #context: HandlerContext;
  readonly #listener: FanOutListener;
  #settledCount = 0;
  #isDecided = false;
  #selected: AttemptView | undefined;
  /** Settings of the selection, and the function that resolves it; `undefined` unless it is awaited. */
  #awaited: { readonly options: SelectOptions; readonly resolve: (selected: Attempt | undefined) => void } | undefined;
  #hedges: HedgeScheduler | undefined;

  constructor(context: HandlerContext, listener: FanOutListener) {
    this.deadlines = context.deadlines;
    this.now = context.now;
    this.#context = context;
    this.#listener = listener;
  }

  /** Starts the attempts. The request is not a field, because pending attempts keep only their own part of it. */
  start(request: MatchedRequest): void {
    const { route, body } = request;
    for (const member of route.members) {
      const plan = this.#context.hedges.planOf(member);
      if (plan === undefined) this.#launch(member, request);
      else (this.#hedges ??= this.#createHedges(request)).add(plan);
    }
    this.#hedges?.begin();
    if (body instanceof BodyFanOut) body.pump();
  }

  /**
   * Resolves with the selected attempt once it is decided; `undefined` if every attempt failed. One promise, not one for
   * each attempt that settles: promises are the largest part of the handler's CPU time.
   */
  selection(options: SelectOptions): Promise<Attempt | undefined> {
    return new Promise((resolve) => {
      this.#awaited = { options, resolve };
      this.#decide();
    });
  }

  #decide(): void {
    if (this.#awaited === undefined) return;
    const { options, resolve } = this.#awaited;
    const selection = selectAttempt(this.attempts, options);
    if (selection === undefined) return;
    this.#awaited = undefined;
    resolve(selection === "none" ? undefined : selection);
  }

  /** Aborts every attempt except shadow requests, which run until their own timeout. */
  abort(): void {
    this.#hedges?.close();
    for (const attempt of this.attempts) if (attempt.role !== "shadow") attempt.abort("aborted");
  }

  /** Discards every response except that of the selected attempt, including those of pending attempts. */
  settleOn(selected: AttemptView | undefined): void {
    this.#isDecided = true;
    this.#selected = selected;
    this.#hedges?.close();
    for (const attempt of this.attempts) {
      if (attempt.role === "shadow") continue;
      this.#discard(attempt);
      attempt.span?.recordSelection(attempt === selected);
    }
  }

  /** Releases everything that only the client's response needed. Pending attempts keep their own state. */
  detach(): void {
    this.attempts.length = 0;
    this.#selected = this.#awaited = this.#hedges = undefined;
  }

  onSettle(attempt: Attempt): void {
    attempt.settledOrder = ++this.#settledCount;
    this.#listener.onSettle(attempt);
    this.#reportRejection(attempt);
    if (this.#isDecided || attempt.role === "shadow") this.#discard(attempt);
    this.#hedges?.settled(attempt);
    this.#decide();
  }

  onFinish(attempt: Attempt): void {
    this.#listener.onFinish(attempt);
  }

  /** Reports an attempt that was not sent for a reason that the gate cannot foresee: an overload, an odd method. */
  #reportRejection(attempt: Attempt): void {
    const { outcome } = attempt;
    if (outcome?.ok !== false || !(isOverload(outcome.kind) || outcome.kind === "unsendable")) return;
    this.#listener.onSkip(attempt, outcome.kind);
  }

  #discard(attempt: Attempt): void {
    if ((this.#isDecided && attempt === this.#selected) || !attempt.outcome?.ok) return;
    const { response } = attempt.outcome;
    if (response.tunnel !== undefined && attempt.role === "shadow" && this.#listener.takeTunnel(attempt)) return;
    if (isStreamed(response)) {
      return void drainResponse(response, attempt, this.#context.drains).then(() => attempt.finish());
    }
    const { body } = response;
    // Captured bytes are still needed, and a very small body shares its buffer with others.
    const ownsBuffer = body instanceof Uint8Array && body.length === body.buffer.byteLength;
    if (this.#context.detachBuffers && attempt.tap === undefined && ownsBuffer) detachBuffer(body.buffer);
  }

  #launch(member: Member, request: MatchedRequest, isHedge = false): Attempt | undefined {
    const listener = this.#listener;
    const { inFlight, upstreamLimits } = this.#context;
    const skipReason = listener.gate(member, request.received);
    if (skipReason !== undefined) listener.onSkip(member, skipReason);
    // A skipped shadow service is not part of the exchange. Every other service has an attempt with an outcome.
    if (skipReason !== undefined && member.role === "shadow") return undefined;
    const permit = skipReason === undefined ? inFlight.acquire(member.service.name, upstreamLimits) : undefined;
    const attempt = new Attempt(member, permit, this);
    attempt.hedge = isHedge;
    listener.onAttempt(attempt);
    this.attempts.push(attempt);
    // Only shadow services are skipped for other reasons.
    if (skipReason !== undefined) attempt.abort(skipReason === "unhealthy" ? "unhealthy" : "open-circuit");
    else if (permit === undefined) attempt.abort("queue-full");
    else {
      attempt.span = listener.startSpan(attempt, request.received);
      const upstreamRequest = new AttemptRequest(attempt, this.#requestFor(member, request), listener);
      if (permit.ready === undefined) sendAttempt(attempt, upstreamRequest, this.#context);
      else attempt.acquired().then(() => this.#sendPending(attempt, upstreamRequest));
    }
    return attempt;
  }

  #sendPending(attempt: Attempt, request: AttemptRequest): void {
    if (attempt.pending) sendAttempt(attempt, request, this.#context);
  }

  #requestFor({ service }: Member, request: MatchedRequest): MatchedRequest {
    if (service.shadow?.credentials !== false) return request;
    const { received, route, body } = request;
    return new MatchedRequest({ ...received, ...withoutCredentials(received, this.#context.secretNames) }, route, body);
  }

  #createHedges(request: MatchedRequest): HedgeScheduler {
    const { received, body } = request;
    return new HedgeScheduler({
      method: received.method,
      body,
      hedges: this.#context.hedges,
      deadlines: this.deadlines,
      attempts: this.attempts,
      isUnavailable: (member) => this.#listener.gate(member, received) !== undefined,
      launch: (member) => this.#launch(member, request, true),
      onSkip: (member, reason) => this.#listener.onSkip(member, reason),
    });
  }
}
