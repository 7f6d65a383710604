/** Asks a primary again what it has just answered, to learn what differs by itself. */

import type { ExchangeCapture } from "../compare/exchange_capture.ts";
import type { Service } from "../config/config.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import { MatchedRequest } from "../upstream/matched_request.ts";
import { fanOut, type FanOutMeans } from "./fan_out.ts";
import { untraced } from "../observe/telemetry.ts";
import type { Transport } from "../upstream/transport.ts";

/**
 * Sends a request without a body again to one service of its route, as a copy: nobody waits for it, and no observer is
 * told of it.
 *
 * @param capture The request, and what sees the answer.
 * @param service The service.
 * @param means The means of the handler.
 * @param reason Why the service is left alone; `undefined` where it is not.
 */
export function replay(
  capture: ExchangeCapture,
  service: Service,
  means: FanOutMeans,
  reason: (service: Service) => SkipReason | undefined,
): void {
  const transport: Transport = (request) => untraced(() => means.transport(request));
  const route = { ...capture.route, members: [{ service, role: "shadow" }] } as const;
  fanOut(new MatchedRequest(capture.clientRequest, route), { ...means, transport, detachBuffers: false }, {
    gate: ({ service }) => reason(service),
    onSkip() {},
    onAttempt: (attempt) => capture.started(attempt),
    startSpan: () => undefined,
    onSettle() {},
    onOver: (attempt) => capture.finished(attempt),
  });
}
