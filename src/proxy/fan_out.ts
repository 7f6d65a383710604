/** One checked request to every service of its route at the same time, each try an attempt that settles on its own. */

import type { Member } from "../config/config.ts";
import { type AttemptView, isStreamed } from "../upstream/attempt.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import type { AttemptSpan } from "../upstream/attempt_span.ts";
import { BodyFanOut } from "../body/body_fan_out.ts";
import { withoutCredentials } from "../http/credentials.ts";
import type { TimeoutQueues } from "../lib/timeout_queues.ts";
import type { ReceivedRequest } from "../http/client_request.ts";
import { MatchedRequest } from "../upstream/matched_request.ts";
import type { KeyedSemaphore, SemaphoreLimits } from "../lib/keyed_semaphore.ts";
import { detachBuffer } from "../lib/detach_buffer.ts";
import { drainResponse } from "../upstream/response_body.ts";
import { Attempt, type AttemptListener } from "../upstream/running_attempt.ts";
import { HedgeScheduler } from "../policy/hedge_scheduler.ts";
import type { HedgePolicies } from "../policy/hedge_policies.ts";
import type { SecretNames } from "../lib/secret_names.ts";
import { AttemptRequest } from "../upstream/attempt_request.ts";
import { sendAttempt } from "../upstream/send_attempt.ts";
import type { Transport } from "../upstream/transport.ts";

/** The means of a handler: the same for all its requests. */
export interface FanOutMeans {
  /** Sends a request. */
  readonly transport: Transport;
  /** The handler's time-outs. */
  readonly deadlines: TimeoutQueues;
  /** The clock, in milliseconds. */
  readonly now: () => number;
  /** The attempts in flight, by service. */
  readonly inFlight: KeyedSemaphore;
  /** How many there may be of one service, and how many may wait. */
  readonly upstreamLimits: SemaphoreLimits;
  /** Whether nobody looks at the bodies of losers, so that their memory can be given back at once. */
  readonly reclaims: boolean;
  /** Which services a request is held back from, and for how long. */
  readonly hedges: HedgePolicies;
  /** Cached decisions on secret names of header fields. */
  readonly secretNames: SecretNames;
}

/** Who decides on one request's attempts, and who is told of them. */
export interface FanOutHooks {
  /** Decides whether a service is sent the request at all. */
  gate(member: Member, clientRequest: ReceivedRequest): SkipReason | undefined;
  /** Told of each service that is not, and of each copy that is cut off on its way. */
  onSkip(member: Member, reason: SkipReason): void;
  /** Told of each attempt when it starts. */
  onAttempt(attempt: Attempt): void;
  /** Starts the span of an attempt that is sent; `undefined`: none is recorded. */
  startSpan(attempt: Attempt, clientRequest: ReceivedRequest): AttemptSpan | undefined;
  /** Told of each attempt when it has settled. */
  onSettle(attempt: Attempt): void;
  /** Told of each attempt when its answer has been read or given up. */
  onOver(attempt: Attempt): void;
}

/** The live list of one request's attempts. */
export interface FanOut {
  /** One attempt for each service that was asked, in the order in which they were. */
  readonly attempts: readonly Attempt[];
  /** Resolves when the next attempt settles. */
  nextSettled(): Promise<void>;
  /** Breaks off every attempt but the shadows, which run on to their own time-out. */
  abort(): void;
  /** Gives up every response but the selected one's, those still to come included. */
  settleOn(selected: AttemptView | undefined): void;
  /** Keeps nothing any more but what each of those that have not settled needs: the client has its answer. */
  detach(): void;
}

/**
 * Sends a request to every service of a route, to those that are held back when their turn comes.
 *
 * @param request The request.
 * @param means The means of the handler.
 * @param hooks Who decides, and who is told.
 * @returns The live list of attempts; all have been started but those that are held back.
 */
export function fanOut(request: MatchedRequest, means: FanOutMeans, hooks: FanOutHooks): FanOut {
  const fan = new RunningFanOut(means, hooks);
  fan.start(request);
  return fan;
}

/** A class, like all that refers to the parts of an exchange: see docs/decisions/022. */
class RunningFanOut implements FanOut, AttemptListener {
  readonly attempts: Attempt[] = [];
  readonly deadlines: TimeoutQueues;
  readonly now: () => number;
  readonly #means: FanOutMeans;
  readonly #hooks: FanOutHooks;
  #settled = 0;
  #isReleased = false;
  #selected: AttemptView | undefined;
  #wake: (() => void) | undefined;
  #held: HedgeScheduler | undefined;

  constructor(means: FanOutMeans, hooks: FanOutHooks) {
    this.deadlines = means.deadlines;
    this.now = means.now;
    this.#means = means;
    this.#hooks = hooks;
  }

  /** The request is no part of this: whoever is still to answer needs no more of it than its own part. */
  start(request: MatchedRequest): void {
    const { route, body } = request;
    for (const member of route.members) {
      const plan = this.#means.hedges.planOf(member);
      if (plan === undefined) this.#launch(member, request);
      else (this.#held ??= this.#holdBack(request)).add(plan);
    }
    this.#held?.begin();
    if (body instanceof BodyFanOut) body.pump();
  }

  nextSettled(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  abort(): void {
    this.#held?.close();
    for (const attempt of this.attempts) if (attempt.role !== "shadow") attempt.abort("aborted");
  }

  settleOn(selected: AttemptView | undefined): void {
    this.#isReleased = true;
    this.#selected = selected;
    this.#held?.close();
    for (const attempt of this.attempts) {
      if (attempt.role === "shadow") continue;
      this.#discard(attempt);
      attempt.span?.decided(attempt === selected);
    }
  }

  detach(): void {
    this.attempts.length = 0;
    this.#selected = this.#wake = this.#held = undefined;
  }

  onFinish(attempt: Attempt): void {
    this.#hooks.onOver(attempt);
  }

  onSettle(attempt: Attempt): void {
    attempt.settledOrder = ++this.#settled;
    this.#hooks.onSettle(attempt);
    if (wasShadowRejected(attempt)) this.#hooks.onSkip(attempt, "overloaded");
    if (this.#isReleased || attempt.role === "shadow") this.#discard(attempt);
    this.#held?.settled(attempt);
    this.#wake?.();
  }

  #discard(attempt: Attempt): void {
    if ((this.#isReleased && attempt === this.#selected) || !attempt.outcome?.ok) return;
    const { response } = attempt.outcome;
    if (isStreamed(response)) return void drainResponse(response, attempt).then(() => attempt.finish());
    const { body } = response;
    // One that is looked at is still needed, and a very small one shares its memory with others.
    const isOwn = body instanceof Uint8Array && body.length === body.buffer.byteLength;
    if (this.#means.reclaims && attempt.tap === undefined && isOwn) detachBuffer(body.buffer);
  }

  /** Starts an attempt, unless its service is a shadow that is not sent the request: that is no part of the exchange. */
  #launch(member: Member, request: MatchedRequest, hedge = false): Attempt | undefined {
    const hooks = this.#hooks;
    const { inFlight, upstreamLimits, transport } = this.#means;
    const reason = hooks.gate(member, request.clientRequest);
    if (reason !== undefined) hooks.onSkip(member, reason);
    // Of the others each must be accounted for.
    if (reason !== undefined && member.role === "shadow") return undefined;
    const place = reason === undefined ? inFlight.acquire(member.service.name, upstreamLimits) : undefined;
    const attempt = new Attempt(member, place, this);
    attempt.hedge = hedge;
    hooks.onAttempt(attempt);
    this.attempts.push(attempt);
    if (reason !== undefined) attempt.abort("open-circuit");
    else if (place === undefined) attempt.abort("overloaded");
    else {
      attempt.span = hooks.startSpan(attempt, request.clientRequest);
      const own = new AttemptRequest(attempt, this.#requestFor(member, request), hooks);
      if (place.ready === undefined) sendAttempt(attempt, own, transport);
      else attempt.acquired().then(() => void (attempt.pending && sendAttempt(attempt, own, transport)));
    }
    return attempt;
  }

  #requestFor({ service }: Member, request: MatchedRequest): MatchedRequest {
    if (service.shadow?.credentials !== false) return request;
    const { clientRequest, route, body } = request;
    return new MatchedRequest(
      { ...clientRequest, ...withoutCredentials(clientRequest, this.#means.secretNames) },
      route,
      body,
    );
  }

  #holdBack(request: MatchedRequest): HedgeScheduler {
    const { clientRequest, body } = request;
    return new HedgeScheduler({
      method: clientRequest.method,
      body,
      hedges: this.#means.hedges,
      deadlines: this.deadlines,
      attempts: this.attempts,
      isLeftAlone: (member) => this.#hooks.gate(member, clientRequest) !== undefined,
      launch: (member) => this.#launch(member, request, true),
      onSkip: (member, reason) => this.#hooks.onSkip(member, reason),
    });
  }
}

/** It found no place among the attempts of its service, or no descriptor: the gate could not know. */
function wasShadowRejected({ role, outcome }: Attempt): boolean {
  return role === "shadow" && outcome?.ok === false && outcome.kind === "overloaded";
}
