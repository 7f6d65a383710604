/** One checked request to every service of its route at the same time, each try an attempt that settles on its own. */

import type { Member, Route } from "./config/config.ts";
import { type Attempt, type FailureKind, isSuccess, type Outcome, type UpstreamResponse } from "./exchange/attempt.ts";
import { BodyFanOut } from "./exchange/body_fan_out.ts";
import type { Deadline, Deadlines } from "./exchange/deadline.ts";
import { fieldValue } from "./exchange/headers.ts";
import type { Inbound } from "./exchange/inbound.ts";
import { outboundFor } from "./exchange/outbound.ts";
import { type RequestBody, SMALL_BODY_BYTES } from "./exchange/request_body.ts";
import { drainBody, readWhole } from "./exchange/response_body.ts";
import type { Tally } from "./exchange/tally.ts";
import type { Transport, TransportRequest, TransportResult } from "./upstream/transport.ts";

/** An attempt with the means to end it. */
export interface RunningAttempt extends Attempt {
  /** Bounds the silence while its body streams. */
  readonly deadline: Deadline;
  /** Aborts when it is broken off from our side. */
  readonly signal: AbortSignal;
  /** What broke it off from our side; `undefined` where nothing did. */
  readonly endedBy: FailureKind | undefined;
  /** From its start until it settled, in milliseconds. */
  readonly durationMs: number;
  /** Breaks it off: a pending attempt settles as this failure, a streaming response fails. */
  end(kind: FailureKind): void;
  /** Tells that its answer has been read, or is not wanted any more: it is not in flight now. */
  over(): void;
}

/** What fanning out needs to know. */
export interface FanOutOptions {
  /** Sends a request. */
  readonly transport: Transport;
  /** The handler's time-outs. */
  readonly deadlines: Deadlines;
  /** The clock, in milliseconds. */
  readonly now: () => number;
  /** The attempts in flight, by service. */
  readonly inFlight: Tally;
  /** How many there may be of one service. */
  readonly maxPerService: number;
  /** Told of each attempt when it starts. */
  onAttempt(attempt: RunningAttempt): void;
  /** Told of each attempt when it has settled. */
  onSettle(attempt: RunningAttempt): void;
}

/** The live list of one request's attempts. */
export interface FanOut {
  /** One attempt for each service, in the order of the route. */
  readonly attempts: readonly RunningAttempt[];
  /** Resolves when the next attempt settles. */
  nextSettled(): Promise<void>;
  /** Breaks off every attempt but the shadows, which run on to their own time-out. */
  abort(): void;
  /** Gives up every response but the selected one's, those still to come included. */
  release(selected: Attempt | undefined): void;
}

/**
 * Sends a request to every service of a route.
 *
 * @param inbound The client's request.
 * @param route Its route.
 * @param body Its body, to be shared.
 * @param options The means, and whom to tell.
 * @returns The live list of attempts; all have been started.
 */
export function fanOut(inbound: Inbound, route: Route, body: RequestBody, options: FanOutOptions): FanOut {
  let settled = 0;
  let released: { selected: Attempt | undefined } | undefined;
  let waiter = Promise.withResolvers<void>();
  const discard = (attempt: RunningAttempt) => {
    const stream = attempt.outcome?.ok ? attempt.outcome.response.body : null;
    if (stream instanceof ReadableStream && attempt !== released?.selected) {
      drainBody(stream, attempt.deadline).then(attempt.over);
    }
  };
  const attempts = route.members.map((member) =>
    startAttempt(inbound, route, member, body, options, (attempt) => {
      attempt.settledOrder = ++settled;
      options.onSettle(attempt);
      if (released !== undefined || attempt.role === "shadow") discard(attempt);
      waiter.resolve();
      waiter = Promise.withResolvers();
    })
  );
  if (body instanceof BodyFanOut) body.pump();
  return {
    attempts,
    nextSettled: () => waiter.promise,
    abort() {
      for (const attempt of attempts) if (attempt.role !== "shadow") attempt.end("aborted");
    },
    release(selected) {
      released = { selected };
      for (const attempt of attempts) if (attempt.role !== "shadow") discard(attempt);
    },
  };
}

/** A running attempt before it is handed out: the fields that settling fills. */
interface MutableAttempt extends RunningAttempt {
  outcome: Outcome | undefined;
  settledOrder: number;
  durationMs: number;
  endedBy: FailureKind | undefined;
}

function startAttempt(
  inbound: Inbound,
  route: Route,
  member: Member,
  body: RequestBody,
  options: FanOutOptions,
  onSettle: (attempt: MutableAttempt) => void,
): MutableAttempt {
  const { service, role } = member;
  const controller = new AbortController();
  const startedMs = options.now();
  const place = options.inFlight.take(service.name, options.maxPerService);
  const deadline = options.deadlines.start(service.timeoutMs, () => attempt.end("timeout"));
  const settle = (outcome: Outcome) => {
    deadline.stop();
    attempt.outcome = outcome;
    attempt.durationMs = options.now() - startedMs;
    if (!(outcome.ok && outcome.response.body instanceof ReadableStream)) attempt.over();
    onSettle(attempt);
  };
  const attempt: MutableAttempt = {
    service,
    role,
    deadline,
    signal: controller.signal,
    outcome: undefined,
    settledOrder: 0,
    durationMs: 0,
    endedBy: undefined,
    end(kind) {
      attempt.endedBy ??= kind;
      if (attempt.outcome === undefined) settle({ ok: false, kind });
      deadline.stop();
      controller.abort();
      attempt.over();
    },
    over: () => place?.(),
  };
  options.onAttempt(attempt);
  if (place === undefined) {
    attempt.end("overloaded");
    return attempt;
  }
  const hooks = {
    onProgress: () => void (isPending(attempt) && deadline.touch()),
    onStarved: () => void (isPending(attempt) && deadline.stop()),
    onBreak: (kind: FailureKind) => attempt.end(kind),
  };
  const request = {
    ...outboundFor(inbound, route, member),
    body: body instanceof BodyFanOut ? body.branch(role, hooks) : body,
    ca: service.ca,
    signal: controller.signal,
  };
  send(options.transport, request, hooks.onProgress).then((result) => {
    if (!isPending(attempt)) return abandon(result);
    settle(result.ok ? { ...result, success: isSuccess(result.response.status, service.failOn) } : result);
  });
  return attempt;
}

function isPending(attempt: Attempt): boolean {
  return attempt.outcome === undefined;
}

/** Transports promise not to reject; one that does all the same must not leave an attempt hanging. */
async function send(transport: Transport, request: TransportRequest, onHead: () => void): Promise<TransportResult> {
  try {
    return await completeSmallBody(await transport(request), onHead);
  } catch {
    return { ok: false, kind: "protocol" };
  }
}

/**
 * A small body belongs to the attempt: one that breaks off before its end still leaves the fallback. It has the
 * time-out once more, as a whole: a body that drips must not hold up everybody else's answer.
 */
async function completeSmallBody(result: TransportResult, onHead: () => void): Promise<TransportResult> {
  if (!result.ok || !(result.response.body instanceof ReadableStream)) return result;
  const { headers, body } = result.response;
  const length = fieldValue(headers, "content-length");
  if (length === undefined || !/^\d+$/.test(length) || Number(length) > SMALL_BODY_BYTES) return result;
  onHead();
  const bytes = await readWhole(body, Number(length));
  if (bytes === undefined) return { ok: false, kind: "reset" };
  const response: UpstreamResponse = { ...result.response, body: bytes };
  return { ok: true, response };
}

/** A response that came after its attempt had been given up. */
function abandon(result: TransportResult): void {
  if (result.ok && result.response.body instanceof ReadableStream) result.response.body.cancel().catch(() => {});
}
