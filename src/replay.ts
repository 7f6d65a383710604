/** Asks a primary again what it has just answered, to learn what differs by itself. */

import type { Route, Service } from "./config/config.ts";
import type { SkipReason } from "./exchange/attempt.ts";
import type { Inbound } from "./exchange/inbound.ts";
import type { RunningAttempt } from "./exchange/running_attempt.ts";
import { fanOut, type FanOutOptions } from "./fan_out.ts";

/** The means of sending, and who looks at the answer. */
export interface ReplayOptions
  extends Pick<FanOutOptions, "transport" | "deadlines" | "now" | "inFlight" | "placesPerService"> {
  /** Why the service is left alone; `undefined` where it is not. */
  reason(service: Service): SkipReason | undefined;
  /** Told of the attempt when it starts. */
  onAttempt(attempt: RunningAttempt): void;
  /** Told of it when its answer has been read or given up. */
  onOver(attempt: RunningAttempt): void;
}

/**
 * Sends a request without a body again to one service of its route, as a copy: nobody waits for it.
 *
 * @param inbound The request.
 * @param route Its route.
 * @param service The service.
 * @param options The means of sending, and who looks at the answer.
 */
export function replay(inbound: Inbound, route: Route, service: Service, options: ReplayOptions): void {
  const { reason, onAttempt, onOver, ...means } = options;
  fanOut(inbound, { ...route, members: [{ service, role: "shadow" }] }, null, {
    ...means,
    reclaims: false,
    gate: ({ service }) => reason(service),
    onSkip() {},
    onAttempt,
    onSettle() {},
    onOver,
  });
}
