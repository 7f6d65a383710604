/** Turns what happens to one request into events, and keeps the request safe from whoever listens. */

import type { Attempt, FailureKind, SkipReason } from "../exchange/attempt.ts";
import type { Inbound } from "../exchange/inbound.ts";
import type { Member, Route } from "../config/config.ts";
import type { DetailedObserver, EventDetail } from "./detail.ts";
import type { ConductorEvent } from "./events.ts";
import { guarded } from "./guarded.ts";
import { routePattern } from "./route_pattern.ts";

/** Reports one request's events. */
export interface ExchangeObserver {
  /** The request arrived. */
  received(): void;
  /** A service was given the request. */
  attempted(attempt: Attempt & { readonly hedge: boolean }): void;
  /** A service was not given the request. */
  skipped(member: Member, reason: SkipReason): void;
  /** An attempt settled after this many milliseconds. */
  settled(attempt: Attempt, durationMs: number): void;
  /** The answer was decided: a service's response, or conductor's own. */
  responded(status: number, attempt?: Attempt & { readonly hedge: boolean }): void;
  /** The relayed response broke off. */
  interrupted(attempt: Attempt, failure: FailureKind): void;
  /** Nothing more is passed on: so many bytes have come from the client, and gone to it. */
  relayed(requestBytes: number, responseBytes: number, attempt?: Attempt): void;
}

/** For most handlers that are part of another program: no event is made for nobody. */
const NOBODY: ExchangeObserver = {
  received() {},
  attempted() {},
  skipped() {},
  settled() {},
  responded() {},
  interrupted() {},
  relayed() {},
};

/**
 * Starts to observe one request.
 *
 * @param observe Who listens; what it throws is dropped. Absent: nobody.
 * @param inbound The request.
 * @param route Its route; absent where none matched.
 * @param elapsedMs Time since the request arrived, in milliseconds.
 * @returns The reporter.
 */
export function observeExchange(
  observe: DetailedObserver | undefined,
  inbound: Inbound,
  route: Route | undefined,
  elapsedMs: () => number,
): ExchangeObserver {
  if (observe === undefined) return NOBODY;
  const { requestId, method, path, trace } = inbound;
  const label = route === undefined ? "" : routePattern(route);
  const matched = route === undefined ? {} : { route: label };
  const tell = guarded(observe);
  const request: EventDetail = { inbound };
  const notify = (event: ConductorEvent, attempt?: Attempt) => {
    tell(event, attempt === undefined ? request : { inbound, attempt });
  };
  const about = ({ service, role }: Member) => ({ requestId, route: label, service: service.name, role });
  return {
    received: () => notify({ type: "received", requestId, ...matched }),
    attempted: (attempt) =>
      notify({ type: "attempted", ...about(attempt), atMs: elapsedMs(), hedge: attempt.hedge }, attempt),
    skipped: (member, reason) => notify({ type: "skipped", ...about(member), reason }),
    settled(attempt, durationMs) {
      const { outcome } = attempt;
      if (outcome === undefined) return;
      const result = outcome.ok
        ? { success: outcome.success, status: outcome.response.status }
        : { success: false, failure: outcome.kind };
      notify({ type: "settled", ...about(attempt), ...result, durationMs }, attempt);
    },
    responded(status, attempt) {
      const chosen = attempt === undefined ? {} : { service: attempt.service.name, role: attempt.role };
      const fallback = attempt !== undefined && attempt.role !== "primary";
      const won = attempt?.hedge ? { hedge: true } : {};
      const durationMs = elapsedMs();
      const traced = trace === undefined ? {} : { traceId: trace.traceId };
      const asked = { requestId, ...traced, method, path, ...matched };
      notify({ type: "responded", ...asked, status, ...chosen, fallback, ...won, durationMs }, attempt);
    },
    interrupted: (attempt, failure) =>
      notify({ type: "interrupted", requestId, route: label, service: attempt.service.name, failure }, attempt),
    relayed(requestBytes, responseBytes, attempt) {
      const chosen = attempt === undefined ? {} : { service: attempt.service.name, role: attempt.role };
      const durationMs = elapsedMs();
      notify({ type: "relayed", requestId, route: label, ...chosen, requestBytes, responseBytes, durationMs }, attempt);
    },
  };
}
