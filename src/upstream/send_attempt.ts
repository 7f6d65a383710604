/** Sends the request of an attempt, and settles the attempt with the outcome. */

import { SMALL_BODY_BYTES } from "../body/request_body.ts";
import { getHeader } from "../http/headers.ts";
import type { StartPacer } from "../lib/start_pacer.ts";
import {
  type Attempt,
  discardResponse,
  isStreamed,
  isSuccess,
  ResponseOutcome,
  type UpstreamResponse,
} from "./attempt.ts";
import { readWhole } from "./response_body.ts";
import { errorWords, type Transport, type TransportRequest, type TransportResult } from "./transport.ts";

/** Request of an attempt. */
export interface SentRequest extends TransportRequest {
  /** True if a healthy server may close the connection instead of responding. */
  readonly mayCauseReset: boolean;
}

/** Dependencies of {@linkcode sendAttempt}. */
export interface SendContext {
  readonly transport: Transport;
  /** Delays attempts that would start together. */
  readonly starts: StartPacer;
}

/**
 * Sends the request of an attempt, and settles the attempt with the outcome. An attempt that is aborted before its
 * start is not sent.
 */
export function sendAttempt(attempt: Attempt, request: SentRequest, context: SendContext): void {
  const start = context.starts.begin();
  if (start === undefined) return transmit(attempt, request, context);
  start.then(() => attempt.pending ? transmit(attempt, request, context) : context.starts.end());
}

/** Transports must not reject, but a rejection must not leave the attempt pending. */
function transmit(attempt: Attempt, request: SentRequest, { transport, starts }: SendContext): void {
  attempt.markSent();
  // Closures, because collections would copy the frame of an async function until the response arrives.
  send(attempt, request, transport).then(
    (result) => {
      starts.end();
      receive(attempt, request, result);
    },
    (error) => {
      starts.end();
      settle(attempt, request, { ok: false, kind: "protocol", error: errorWords(error) });
    },
  );
}

function send({ span }: Attempt, request: TransportRequest, transport: Transport): Promise<TransportResult> {
  try {
    return span === undefined ? transport(request) : span.run(() => transport(request));
  } catch (error) {
    return Promise.reject(error);
  }
}

function receive(attempt: Attempt, request: SentRequest, result: TransportResult): void {
  if (!result.ok || !isStreamed(result.response)) return settle(attempt, request, result);
  completeSmallBody(result.response, request).then(
    (completed) => settle(attempt, request, completed),
    (error) => settle(attempt, request, { ok: false, kind: "protocol", error: errorWords(error) }),
  );
}

/**
 * Reads a small body before the attempt settles, so that the fallback can still replace a body that fails. The whole
 * body has one more timeout, because a slow body must not delay the response to the client.
 */
async function completeSmallBody(response: UpstreamResponse, request: TransportRequest): Promise<TransportResult> {
  const { status, headers } = response;
  if (response.tunnel !== undefined) return { ok: true, response };
  const length = getHeader(headers, "content-length");
  const isSmall = length !== undefined && /^\d+$/.test(length) && Number(length) <= SMALL_BODY_BYTES;
  if (!isSmall) return { ok: true, response };
  const { body } = response;
  if (!(body instanceof ReadableStream)) return { ok: true, response };
  request.onHead?.();
  const bytes = await readWhole(body, Number(length));
  return bytes instanceof Uint8Array ? { ok: true, response: { status, headers, body: bytes } } : bytes;
}

function settle(attempt: Attempt, request: SentRequest, result: TransportResult): void {
  if (!attempt.pending) return discardLateResponse(result);
  if (!result.ok) {
    const { kind, error } = result;
    return attempt.settle({ ok: false, kind, error, provoked: kind === "reset" && request.mayCauseReset });
  }
  const { response } = result;
  attempt.settle(new ResponseOutcome(response, isSuccess(response.status, attempt.service.failOn)));
}

/** Discards a response that arrived after its attempt was aborted. */
function discardLateResponse(result: TransportResult): void {
  if (result.ok && isStreamed(result.response)) discardResponse(result.response);
}
