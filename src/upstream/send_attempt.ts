/** From a request to the end of its attempt. */

import { discardResponse, isStreamed, isSuccess, ResponseOutcome, type UpstreamResponse } from "./attempt.ts";
import { getHeader } from "../http/headers.ts";
import { SMALL_BODY_BYTES } from "../body/request_body.ts";
import { readWhole } from "./response_body.ts";
import type { Attempt } from "./running_attempt.ts";
import type { Transport, TransportRequest, TransportResult } from "./transport.ts";

/** Request of an attempt. */
export interface SentRequest extends TransportRequest {
  /** True if a healthy server may close the connection instead of responding. */
  readonly isDemanding: boolean;
}

/**
 * Sends an attempt's request, and settles the attempt with the outcome. Transports must not reject, but a rejection
 * must not leave the attempt unsettled.
 *
 * @param attempt The attempt.
 * @param request Request to send.
 * @param transport Transport to use.
 */
export function sendAttempt(attempt: Attempt, request: SentRequest, transport: Transport): void {
  // Two closures: the frame of an async function would be copied by each collection until the answer comes.
  send(attempt, request, transport).then(
    (result) => receive(attempt, request, result),
    () => settle(attempt, request, { ok: false, kind: "protocol" }),
  );
}

function send({ span }: Attempt, request: TransportRequest, transport: Transport): Promise<TransportResult> {
  try {
    return span === undefined ? transport(request) : span.around(() => transport(request));
  } catch (error) {
    return Promise.reject(error);
  }
}

function receive(attempt: Attempt, request: SentRequest, result: TransportResult): void {
  if (!result.ok || !isStreamed(result.response)) return settle(attempt, request, result);
  completeSmallBody(result.response, request).then((completed) => settle(attempt, request, completed));
}

/**
 * A small body belongs to the attempt: one that breaks off before its end still leaves the fallback. It has the
 * time-out once more, as a whole: a body that drips must not hold up everybody else's answer.
 */
async function completeSmallBody(response: UpstreamResponse, request: TransportRequest): Promise<TransportResult> {
  const { status, headers } = response;
  const length = getHeader(headers, "content-length");
  const isSmall = length !== undefined && /^\d+$/.test(length) && Number(length) <= SMALL_BODY_BYTES;
  if (!isSmall) return { ok: true, response };
  const { body } = response;
  if (!(body instanceof ReadableStream)) return { ok: true, response };
  request.onHead?.();
  const bytes = await readWhole(body, Number(length));
  return typeof bytes === "string"
    ? { ok: false, kind: bytes }
    : { ok: true, response: { status, headers, body: bytes } };
}

function settle(attempt: Attempt, request: SentRequest, result: TransportResult): void {
  if (!attempt.pending) return discardLateResponse(result);
  if (!result.ok) {
    const { kind } = result;
    return attempt.settle({ ok: false, kind, provoked: kind === "reset" && request.isDemanding });
  }
  const { response } = result;
  attempt.settle(new ResponseOutcome(response, isSuccess(response.status, attempt.service.failOn)));
}

/** A response that came after its attempt had been given up. */
function discardLateResponse(result: TransportResult): void {
  if (result.ok && isStreamed(result.response)) discardResponse(result.response);
}
