/** Turns what happens to one request into events, and keeps the request safe from whoever listens. */

import type { AttemptView } from "../upstream/attempt.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { LocalReply } from "../http/client_response.ts";
import type { Member, Route } from "../config/config.ts";
import { type DetailedObserver, EventContext } from "./detail.ts";
import type { ConductorEvent } from "./events.ts";
import { routePattern } from "./route_pattern.ts";

/** Reports one request's events. */
export interface ExchangeObserver {
  /** The request arrived. */
  received(clientRequest: ReceivedRequest): void;
  /** A service was given the request. */
  attempted(attempt: AttemptView & { readonly hedge: boolean }): void;
  /** A service was not given the request. */
  skipped(member: Member, reason: SkipReason): void;
  /** An attempt settled after this many milliseconds. */
  settled(attempt: AttemptView, durationMs: number): void;
  /** Records the selected service's response. */
  responded(status: number, attempt: AttemptView & { readonly hedge: boolean }): void;
  /** Records a response of conductor's own. */
  refused(problem: LocalReply): void;
  /** The relayed response broke off. */
  interrupted(attempt: AttemptView, failure: FailureKind): void;
  /** Nothing more is passed on: so many bytes have come from the client, and gone to it. */
  relayed(requestBytes: number, responseBytes: number, attempt?: AttemptView): void;
}

/** For most handlers that are part of another program: no event is made for nobody. */
const NOBODY: ExchangeObserver = {
  received() {},
  attempted() {},
  skipped() {},
  settled() {},
  responded() {},
  refused() {},
  interrupted() {},
  relayed() {},
};

/** When a request arrived, and by which clock, in milliseconds. */
export interface ExchangeClock {
  /** The time at which it arrived. */
  readonly startedMs: number;
  /** The time now. */
  readonly now: () => number;
}

/**
 * Starts to observe one request.
 *
 * @param observe Who listens, and never throws. Absent: nobody.
 * @param clientRequest The request.
 * @param route Its route; absent where none matched.
 * @param clock When it arrived.
 * @returns The reporter.
 */
export function observeExchange(
  observe: DetailedObserver | undefined,
  clientRequest: ReceivedRequest,
  route: Route | undefined,
  clock: ExchangeClock,
): ExchangeObserver {
  return observe === undefined ? NOBODY : new EventReporter(observe, clientRequest, route, clock);
}

/** It keeps no more of the request than it tells: a service may be waited for long after the client has been answered. */
class EventReporter implements ExchangeObserver {
  readonly #tell: DetailedObserver;
  readonly #requestId: string;
  readonly #method: string;
  readonly #path: string;
  readonly #traceId: string | undefined;
  readonly #startedMs: number;
  readonly #now: () => number;
  /** In events that every request has, the route may be absent; in those of an attempt, it never is. */
  readonly #matched: { readonly route?: string };
  readonly #route: string;

  constructor(
    observe: DetailedObserver,
    clientRequest: ReceivedRequest,
    route: Route | undefined,
    clock: ExchangeClock,
  ) {
    this.#tell = observe;
    this.#requestId = clientRequest.requestId;
    this.#method = clientRequest.method;
    this.#path = clientRequest.path;
    this.#traceId = clientRequest.trace?.traceId;
    this.#startedMs = clock.startedMs;
    this.#now = clock.now;
    this.#route = route === undefined ? "" : routePattern(route);
    this.#matched = route === undefined ? {} : { route: this.#route };
  }

  received(clientRequest: ReceivedRequest): void {
    const event = { type: "received", requestId: this.#requestId, ...this.#matched } as const;
    this.#tell(event, new EventContext(this, undefined, clientRequest));
  }

  attempted(attempt: AttemptView & { readonly hedge: boolean }): void {
    const atMs = this.#elapsedMs();
    this.#notify({ type: "attempted", ...this.#about(attempt), atMs, hedge: attempt.hedge }, attempt);
  }

  skipped(member: Member, reason: SkipReason): void {
    this.#notify({ type: "skipped", ...this.#about(member), reason });
  }

  settled(attempt: AttemptView, durationMs: number): void {
    const { outcome } = attempt;
    if (outcome === undefined) return;
    const result = outcome.ok
      ? { success: outcome.success, status: outcome.response.status }
      : { success: false, failure: outcome.kind };
    this.#notify({ type: "settled", ...this.#about(attempt), ...result, durationMs }, attempt);
  }

  responded(status: number, attempt: AttemptView & { readonly hedge: boolean }): void {
    const fallback = attempt.role !== "primary";
    const won = attempt.hedge ? { hedge: true } : {};
    const about = { status, ...chosenOf(attempt), fallback, ...won };
    this.#notify({ type: "responded", ...this.#asked(), ...about, durationMs: this.#elapsedMs() }, attempt);
  }

  refused({ status, reason }: LocalReply): void {
    const refusal = reason === undefined ? {} : { refusal: reason };
    const about = { status, ...refusal, fallback: false, durationMs: this.#elapsedMs() };
    this.#notify({ type: "responded", ...this.#asked(), ...about });
  }

  #asked() {
    const traced = this.#traceId === undefined ? {} : { traceId: this.#traceId };
    return {
      requestId: this.#requestId,
      ...traced,
      method: this.#method,
      path: this.#path,
      ...this.#matched,
    };
  }

  interrupted(attempt: AttemptView, failure: FailureKind): void {
    const { requestId, route, service } = this.#about(attempt);
    this.#notify({ type: "interrupted", requestId, route, service, failure }, attempt);
  }

  relayed(requestBytes: number, responseBytes: number, attempt?: AttemptView): void {
    const bytes = { requestBytes, responseBytes, durationMs: this.#elapsedMs() };
    this.#notify(
      { type: "relayed", requestId: this.#requestId, route: this.#route, ...chosenOf(attempt), ...bytes },
      attempt,
    );
  }

  #notify(event: ConductorEvent, attempt?: AttemptView): void {
    this.#tell(event, new EventContext(this, attempt));
  }

  #elapsedMs(): number {
    return this.#now() - this.#startedMs;
  }

  #about({ service, role }: Member) {
    return { requestId: this.#requestId, route: this.#route, service: service.name, role };
  }
}

function chosenOf(attempt: AttemptView | undefined) {
  return attempt === undefined ? {} : { service: attempt.service.name, role: attempt.role };
}
