/** Turns what happens to one request into events, and keeps the request safe from whoever listens. */

import type { Attempt, FailureKind, SkipReason } from "../exchange/attempt.ts";
import type { Inbound } from "../exchange/inbound.ts";
import type { Member, Route } from "../config/config.ts";
import type { Observer } from "./events.ts";
import { guarded } from "./guarded.ts";

/** Reports one request's events. */
export interface ExchangeObserver {
  /** A service was given the request. */
  attempted(attempt: Member & { readonly hedge: boolean }): void;
  /** A service was not given the request. */
  skipped(member: Member, reason: SkipReason): void;
  /** An attempt settled after this many milliseconds. */
  settled(attempt: Attempt, durationMs: number): void;
  /** The answer was decided: a service's response, or conductor's own. */
  responded(status: number, attempt?: Attempt): void;
  /** The relayed response broke off. */
  interrupted(attempt: Attempt, failure: FailureKind): void;
}

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
  observe: Observer | undefined,
  inbound: Inbound,
  route: Route | undefined,
  elapsedMs: () => number,
): ExchangeObserver {
  const { requestId, method, path } = inbound;
  const label = route === undefined ? "" : `${route.kind} ${route.path}`;
  const notify = guarded(observe);
  const about = ({ service, role }: Member) => ({ requestId, route: label, service: service.name, role });
  return {
    attempted: (attempt) => notify({ type: "attempted", ...about(attempt), hedge: attempt.hedge }),
    skipped: (member, reason) => notify({ type: "skipped", ...about(member), reason }),
    settled(attempt, durationMs) {
      const { outcome } = attempt;
      if (outcome === undefined) return;
      const result = outcome.ok
        ? { success: outcome.success, status: outcome.response.status }
        : { success: false, failure: outcome.kind };
      notify({ type: "settled", ...about(attempt), ...result, durationMs });
    },
    responded(status, attempt) {
      const chosen = attempt === undefined ? {} : { service: attempt.service.name, role: attempt.role };
      const fallback = attempt !== undefined && attempt.role !== "primary";
      const matched = route === undefined ? {} : { route: label };
      const durationMs = elapsedMs();
      notify({ type: "responded", requestId, method, path, ...matched, status, ...chosen, fallback, durationMs });
    },
    interrupted: (attempt, failure) =>
      notify({ type: "interrupted", requestId, service: attempt.service.name, failure }),
  };
}
