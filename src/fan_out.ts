/** One checked request to every service of its route at the same time, each try an attempt that settles on its own. */

import type { Member, Route } from "./config/config.ts";
import { type Attempt, isSuccess, type SkipReason, type UpstreamResponse } from "./exchange/attempt.ts";
import type { AttemptSpan } from "./exchange/attempt_span.ts";
import { BodyFanOut } from "./exchange/body_fan_out.ts";
import type { Deadlines } from "./exchange/deadline.ts";
import { fieldValue } from "./exchange/headers.ts";
import type { Inbound } from "./exchange/inbound.ts";
import { outboundFor } from "./exchange/outbound.ts";
import { type RequestBody, SMALL_BODY_BYTES } from "./exchange/request_body.ts";
import { drainAnswer, readWhole } from "./exchange/response_body.ts";
import type { PlaceBounds, Places } from "./exchange/places.ts";
import { RunningAttempt, type RunningAttemptOptions } from "./exchange/running_attempt.ts";
import { reclaim } from "./exchange/reclaim.ts";
import { HeldBack } from "./hedge/held_back.ts";
import type { Hedges } from "./hedge/hedges.ts";
import type { Transport, TransportRequest, TransportResult } from "./upstream/transport.ts";

/** The means of a handler: the same for all its requests. */
export interface FanOutMeans {
  /** Sends a request. */
  readonly transport: Transport;
  /** The handler's time-outs. */
  readonly deadlines: Deadlines;
  /** The clock, in milliseconds. */
  readonly now: () => number;
  /** The attempts in flight, by service. */
  readonly inFlight: Places;
  /** How many there may be of one service, and how many may wait. */
  readonly placesPerService: PlaceBounds;
  /** Whether nobody looks at the bodies of losers, so that their memory can be given back at once. */
  readonly reclaims: boolean;
  /** Which services a request is held back from, and for how long. */
  readonly hedges: Hedges;
}

/** Who decides on one request's attempts, and who is told of them. */
export interface FanOutHooks {
  /** Decides whether a service is sent the request at all. */
  gate(member: Member): SkipReason | undefined;
  /** Told of each service that is not, and of each copy that is cut off on its way. */
  onSkip(member: Member, reason: SkipReason): void;
  /** Told of each attempt when it starts. */
  onAttempt(attempt: RunningAttempt): void;
  /** Starts the span of an attempt that is sent; `undefined`: none is recorded. */
  startSpan(attempt: RunningAttempt): AttemptSpan | undefined;
  /** Told of each attempt when it has settled. */
  onSettle(attempt: RunningAttempt): void;
  /** Told of each attempt when its answer has been read or given up. */
  onOver(attempt: RunningAttempt): void;
}

/** The live list of one request's attempts. */
export interface FanOut {
  /** One attempt for each service that was asked, in the order in which they were. */
  readonly attempts: readonly RunningAttempt[];
  /** Resolves when the next attempt settles. */
  nextSettled(): Promise<void>;
  /** Breaks off every attempt but the shadows, which run on to their own time-out. */
  abort(): void;
  /** Gives up every response but the selected one's, those still to come included. */
  release(selected: Attempt | undefined): void;
}

/** A request that may be sent. */
export interface FanOutRequest {
  /** The client's request. */
  readonly inbound: Inbound;
  /** Its route. */
  readonly route: Route;
  /** Its body, to be shared. */
  readonly body: RequestBody;
}

/**
 * Sends a request to every service of a route, to those that are held back when their turn comes.
 *
 * @param request The request.
 * @param means The means of the handler.
 * @param hooks Who decides, and who is told.
 * @returns The live list of attempts; all have been started but those that are held back.
 */
export function fanOut(request: FanOutRequest, means: FanOutMeans, hooks: FanOutHooks): FanOut {
  let settled = 0;
  let released: { selected: Attempt | undefined } | undefined;
  let wake: (() => void) | undefined;
  let held: HeldBack | undefined;
  const discard = (attempt: RunningAttempt) => {
    if (attempt === released?.selected || !attempt.outcome?.ok) return;
    const { response } = attempt.outcome;
    const { body } = response;
    if (body instanceof ReadableStream) drainAnswer(response, attempt).then(() => attempt.over());
    // A very small one shares its memory with others, and one that is looked at is still needed.
    else if (means.reclaims && !attempt.tap && body !== null && body.length === body.buffer.byteLength) {
      reclaim(body.buffer);
    }
  };
  const attemptOptions = {
    deadlines: means.deadlines,
    now: means.now,
    onOver: (attempt: RunningAttempt) => hooks.onOver(attempt),
    onSettle(attempt: RunningAttempt) {
      attempt.settledOrder = ++settled;
      hooks.onSettle(attempt);
      if (isCopyNotSent(attempt)) hooks.onSkip(attempt, "overloaded");
      if (released !== undefined || attempt.role === "shadow") discard(attempt);
      held?.settled(attempt);
      wake?.();
    },
  };
  const attempts: RunningAttempt[] = [];
  const parts: ExchangeParts = { request, means, hooks, attemptOptions, attempts };
  for (const member of request.route.members) {
    const plan = means.hedges.planOf(member);
    if (plan === undefined) launch(member, parts);
    else (held ??= holdBack(parts)).add(plan);
  }
  held?.begin();
  if (request.body instanceof BodyFanOut) request.body.pump();
  return {
    attempts,
    nextSettled: () => new Promise((resolve) => wake = resolve),
    abort() {
      held?.close();
      for (const attempt of attempts) if (attempt.role !== "shadow") attempt.end("aborted");
    },
    release(selected) {
      released = { selected };
      held?.close();
      for (const attempt of attempts) {
        if (attempt.role === "shadow") continue;
        discard(attempt);
        attempt.span?.decided(attempt === selected);
      }
    },
  };
}

interface ExchangeParts {
  readonly request: FanOutRequest;
  readonly means: FanOutMeans;
  readonly hooks: FanOutHooks;
  readonly attemptOptions: RunningAttemptOptions;
  readonly attempts: RunningAttempt[];
}

/** Starts an attempt, unless its service is a shadow that is not sent the request: that is no part of the exchange. */
function launch(member: Member, parts: ExchangeParts, hedge = false): RunningAttempt | undefined {
  const { means, hooks, attempts } = parts;
  const reason = hooks.gate(member);
  if (reason !== undefined) hooks.onSkip(member, reason);
  // Of the others each must be accounted for.
  if (reason !== undefined && member.role === "shadow") return undefined;
  const place = reason === undefined ? means.inFlight.ask(member.service.name, means.placesPerService) : undefined;
  const attempt = new RunningAttempt(member, place, parts.attemptOptions);
  attempt.hedge = hedge;
  hooks.onAttempt(attempt);
  attempts.push(attempt);
  if (reason !== undefined) attempt.end("open-circuit");
  else if (place === undefined) attempt.end("overloaded");
  else {
    attempt.span = hooks.startSpan(attempt);
    const request = requestFor(attempt, member, parts);
    const start = () => void send(attempt, request, means.transport);
    if (place.turn === undefined) start();
    else attempt.turn().then(() => void (attempt.pending && start()));
  }
  return attempt;
}

function holdBack(parts: ExchangeParts): HeldBack {
  const { request: { inbound, body }, means, hooks, attempts } = parts;
  return new HeldBack({
    method: inbound.method,
    body,
    hedges: means.hedges,
    deadlines: means.deadlines,
    attempts,
    isLeftAlone: (member) => hooks.gate(member) !== undefined,
    launch: (member) => launch(member, parts, true),
    onSkip: (member, reason) => hooks.onSkip(member, reason),
  });
}

/** It found no place among the attempts of its service, or no descriptor: the gate could not know. */
function isCopyNotSent({ role, outcome }: RunningAttempt): boolean {
  return role === "shadow" && outcome?.ok === false && outcome.kind === "overloaded";
}

function requestFor(attempt: RunningAttempt, member: Member, parts: ExchangeParts): TransportRequest {
  const { request: { inbound, route }, hooks } = parts;
  const { tls, http2, copy } = member.service;
  const body = copy?.body === false ? null : parts.request.body;
  const onProgress = () => void (attempt.pending && attempt.deadline.touch());
  const { method, origin, target, host, lines } = outboundFor(inbound, route, member, attempt.span?.traceparent);
  // Spread out, as a spread costs as much as all the rest here.
  return {
    method,
    origin,
    target,
    host,
    lines,
    body: body instanceof BodyFanOut
      ? body.branch(attempt.role, {
        onProgress,
        onStarved: () => void (attempt.pending && attempt.deadline.stop()),
        onBreak(kind) {
          if (attempt.role === "shadow" && kind !== "aborted") hooks.onSkip(member, kind);
          attempt.end(kind === "body-too-large" ? "aborted" : kind);
        },
      }, copy?.maxBodyBytes)
      : body,
    contentLength: inbound.contentLength,
    tls,
    http2,
    signal: attempt.signal,
    onHead: onProgress,
  };
}

/** Transports promise not to reject; one that does all the same must not leave an attempt hanging. */
async function send(attempt: RunningAttempt, request: TransportRequest, transport: Transport): Promise<void> {
  let result: TransportResult;
  try {
    const { span } = attempt;
    result = await (span === undefined ? transport(request) : span.around(() => transport(request)));
  } catch {
    result = { ok: false, kind: "protocol" };
  }
  if (result.ok && result.response.body instanceof ReadableStream) {
    result = await completeSmallBody(result.response, request.onHead);
  }
  if (!attempt.pending) return abandon(result);
  if (!result.ok) return attempt.settle(result);
  const { response } = result;
  attempt.settle({ ok: true, response, success: isSuccess(response.status, attempt.service.failOn) });
}

/**
 * A small body belongs to the attempt: one that breaks off before its end still leaves the fallback. It has the
 * time-out once more, as a whole: a body that drips must not hold up everybody else's answer.
 */
async function completeSmallBody(response: UpstreamResponse, onHead = () => {}): Promise<TransportResult> {
  const { headers, body } = response;
  const length = fieldValue(headers, "content-length");
  const isSmall = length !== undefined && /^\d+$/.test(length) && Number(length) <= SMALL_BODY_BYTES;
  if (!isSmall || !(body instanceof ReadableStream)) return { ok: true, response };
  onHead();
  const bytes = await readWhole(body, Number(length));
  return typeof bytes === "string" ? { ok: false, kind: bytes } : { ok: true, response: { ...response, body: bytes } };
}

/** A response that came after its attempt had been given up. */
function abandon(result: TransportResult): void {
  if (result.ok && result.response.body instanceof ReadableStream) result.response.body.cancel().catch(() => {});
}
