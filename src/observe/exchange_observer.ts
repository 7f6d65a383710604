/** Reports the steps of one exchange as events. */

import type { AttemptView } from "../upstream/attempt.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { LocalReply } from "../http/client_response.ts";
import type { Member, Route } from "../config/config.ts";
import { type DetailedObserver, EventContext } from "./observers.ts";
import {
  type AttemptedEvent,
  type ConductorEvent,
  type FailureDetail,
  type ReceivedEvent,
  type RespondedEvent,
  routePattern,
  type SettledEvent,
  type TunnelClosedEvent,
} from "./events.ts";
import { failureDetail } from "./failure_detail.ts";
import type { Redaction } from "./redaction.ts";

/** Reports the events of one exchange. */
export interface ExchangeObserver {
  /** Reports that the request arrived. */
  received(clientRequest: ReceivedRequest): void;
  /** Reports that an attempt started. */
  attempted(attempt: AttemptView & { readonly hedge: boolean; readonly startedMs: number }): void;
  /** Reports that a service did not get the request, or that its shadow request was cut off. */
  skipped(member: Member, reason: SkipReason): void;
  /** Reports that an attempt settled. */
  settled(attempt: AttemptView & { readonly hedge: boolean }, durationMs: number): void;
  /** Reports that the response of an attempt was selected. */
  responded(status: number, attempt: AttemptView & { readonly hedge: boolean }): void;
  /**
   * Reports a local reply of conductor, and the bytes of its body. `isEnd`: the request was not admitted, so `relayed`
   * does not follow.
   */
  localReply(problem: LocalReply, info: { readonly isEnd: boolean; readonly bytes: number }): void;
  /** Reports that the relayed response broke off. */
  interrupted(attempt: AttemptView, failure: FailureKind): void;
  /** Reports that the service of an attempt switched protocols. */
  tunnelOpened(attempt: AttemptView, protocol: string): void;
  /** Reports bytes that a tunnel has moved since the last report. */
  tunnelProgressed(attempt: AttemptView, clientBytes: number, serviceBytes: number): void;
  /** Reports the end of a tunnel. */
  tunnelClosed(attempt: AttemptView, tunnel: ClosedTunnel): void;
  /** Reports that the relay ended. The attempt is absent for a local reply. */
  relayed(requestBytes: number, responseBytes: number, attempt?: AttemptView): void;
}

/** A tunnel that has ended. */
export type ClosedTunnel =
  & Pick<TunnelClosedEvent, "protocol" | "cause" | "clientBytes" | "serviceBytes" | "durationMs">
  & { readonly closeCode: number | undefined };

/** Saves the events in handlers without an observer, as most embedded handlers are. */
const UNOBSERVED: ExchangeObserver = {
  received() {},
  attempted() {},
  skipped() {},
  settled() {},
  responded() {},
  localReply() {},
  interrupted() {},
  tunnelOpened() {},
  tunnelProgressed() {},
  tunnelClosed() {},
  relayed() {},
};

/** Arrival of a request, the clock that measured it, and the redaction of messages. */
export interface ObserveContext {
  /** Arrival, in milliseconds. */
  readonly startedMs: number;
  /** Returns the current time, in milliseconds. */
  readonly now: () => number;
  /** Removes the secrets of the configuration. */
  readonly redaction: Redaction;
  /** True for a replay to the primary. Default: `false`. */
  readonly isReplay?: boolean;
}

/** Returns the reporter of one exchange. The observer must not throw. */
export function observeExchange(
  observe: DetailedObserver | undefined,
  clientRequest: ReceivedRequest,
  route: Route | undefined,
  context: ObserveContext,
): ExchangeObserver {
  return observe === undefined ? UNOBSERVED : new EventReporter(observe, clientRequest, route, context);
}

/** An event whose rare fields are added one by one. */
type Draft<Event> = { -readonly [Field in keyof Event]: Event[Field] };

/**
 * Keeps only the parts of the request that events need: shadow requests may outlive the response to the client.
 *
 * The events of each exchange are written as one literal: spreads were a tenth of the handler's CPU time.
 */
class EventReporter implements ExchangeObserver {
  readonly #observe: DetailedObserver;
  readonly #requestId: string;
  readonly #method: string;
  readonly #path: string;
  readonly #traceId: string | undefined;
  readonly #startedMs: number;
  readonly #now: () => number;
  readonly #redaction: Redaction;
  readonly #route: string;
  readonly #isReplay: boolean;
  readonly #isMatched: boolean;

  constructor(
    observe: DetailedObserver,
    clientRequest: ReceivedRequest,
    route: Route | undefined,
    context: ObserveContext,
  ) {
    this.#observe = observe;
    this.#requestId = clientRequest.requestId;
    this.#method = clientRequest.method;
    this.#path = clientRequest.path;
    this.#traceId = clientRequest.trace?.traceId;
    this.#startedMs = context.startedMs;
    this.#now = context.now;
    this.#redaction = context.redaction;
    this.#isReplay = context.isReplay === true;
    this.#isMatched = route !== undefined;
    this.#route = route === undefined ? "" : routePattern(route);
  }

  received(clientRequest: ReceivedRequest): void {
    const event: Draft<ReceivedEvent> = { type: "received", requestId: this.#requestId };
    if (this.#isMatched) event.route = this.#route;
    this.#observe(event, new EventContext(this, undefined, clientRequest));
  }

  attempted(attempt: AttemptView & { readonly hedge: boolean; readonly startedMs: number }): void {
    const { service, role, hedge, startedMs } = attempt;
    const event: Draft<AttemptedEvent> = {
      type: "attempted",
      requestId: this.#requestId,
      route: this.#route,
      service: service.name,
      role,
      atMs: startedMs - this.#startedMs,
      hedge,
    };
    if (this.#isReplay) event.replay = true;
    this.#notify(event, attempt);
  }

  skipped(member: Member, reason: SkipReason): void {
    this.#notify({ type: "skipped", ...this.#attemptFields(member), reason });
  }

  settled(attempt: AttemptView & { readonly hedge: boolean }, durationMs: number): void {
    const { outcome, hedge, service, role } = attempt;
    if (outcome === undefined) return;
    const event: Draft<SettledEvent> = outcome.ok
      ? {
        type: "settled",
        requestId: this.#requestId,
        route: this.#route,
        service: service.name,
        role,
        success: outcome.success,
        status: outcome.response.status,
        durationMs,
      }
      : {
        type: "settled",
        ...this.#attemptFields(attempt),
        success: false,
        failure: outcome.kind,
        ...this.#detailOf(attempt, outcome.kind),
        durationMs,
      };
    if (this.#isReplay) event.replay = true;
    if (hedge) event.hedge = hedge;
    this.#notify(event, attempt);
  }

  responded(status: number, attempt: AttemptView & { readonly hedge: boolean }): void {
    const { service, role, hedge } = attempt;
    const event: Draft<RespondedEvent> = {
      type: "responded",
      requestId: this.#requestId,
      method: this.#method,
      path: this.#path,
      route: this.#route,
      status,
      service: service.name,
      role,
      fallback: role !== "primary",
      durationMs: this.#elapsedMs(),
    };
    if (this.#traceId !== undefined) event.traceId = this.#traceId;
    if (hedge) event.hedge = true;
    this.#notify(event, attempt);
  }

  localReply(
    { status, reason }: LocalReply,
    { isEnd, bytes }: { readonly isEnd: boolean; readonly bytes: number },
  ): void {
    const event: ConductorEvent = {
      type: "responded",
      requestId: this.#requestId,
      ...(this.#traceId !== undefined && { traceId: this.#traceId }),
      method: this.#method,
      path: this.#path,
      ...(this.#isMatched && { route: this.#route }),
      status,
      ...(reason !== undefined && { refusal: reason }),
      fallback: false,
      localBytes: bytes,
      durationMs: this.#elapsedMs(),
    };
    this.#observe(event, new EventContext(this, undefined, undefined, isEnd));
  }

  interrupted(attempt: AttemptView, failure: FailureKind): void {
    const { requestId, route, service } = this.#attemptFields(attempt);
    const detail = this.#detailOf(attempt, failure);
    this.#notify({ type: "interrupted", requestId, route, service, failure, ...detail }, attempt);
  }

  tunnelOpened(attempt: AttemptView, protocol: string): void {
    this.#notify({ type: "tunnel-opened", ...this.#attemptFields(attempt), protocol }, attempt);
  }

  tunnelProgressed(attempt: AttemptView, clientBytes: number, serviceBytes: number): void {
    this.#notify({ type: "tunnel-progress", ...this.#attemptFields(attempt), clientBytes, serviceBytes }, attempt);
  }

  tunnelClosed(attempt: AttemptView, { closeCode, ...tunnel }: ClosedTunnel): void {
    const code = closeCode === undefined ? {} : { closeCode };
    this.#notify({ type: "tunnel-closed", ...this.#attemptFields(attempt), ...tunnel, ...code }, attempt);
  }

  relayed(requestBytes: number, responseBytes: number, attempt?: AttemptView): void {
    const requestId = this.#requestId;
    const route = this.#route;
    const durationMs = this.#elapsedMs();
    if (attempt === undefined) {
      return this.#notify({ type: "relayed", requestId, route, requestBytes, responseBytes, durationMs });
    }
    const { service, role } = attempt;
    this.#notify(
      { type: "relayed", requestId, route, service: service.name, role, requestBytes, responseBytes, durationMs },
      attempt,
    );
  }

  #notify(event: ConductorEvent, attempt?: AttemptView): void {
    this.#observe(event, new EventContext(this, attempt));
  }

  #detailOf({ service, error }: AttemptView, kind: FailureKind): FailureDetail {
    return failureDetail(kind, error, { service, redaction: this.#redaction });
  }

  #elapsedMs(): number {
    return this.#now() - this.#startedMs;
  }

  #attemptFields({ service, role }: Member) {
    return { requestId: this.#requestId, route: this.#route, service: service.name, role };
  }
}
