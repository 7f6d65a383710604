/** Request bodies in the form that suits their size: none, shared bytes, or a stream with a branch per service. */

import type { Config } from "../config/config.ts";
import type { ClientRequest } from "../http/client_request.ts";
import { BODY_TOO_LARGE, type LocalReply } from "../http/client_response.ts";
import type { LoopTurns } from "../lib/loop_turns.ts";
import type { TimeoutQueues } from "../lib/timeout_queues.ts";
import { BodyFanOut } from "./body_fan_out.ts";
import { BodySource } from "./body_source.ts";
import { SharedBody } from "./shared_body.ts";
import { type UploadBounds, type UploadListener, UploadWatch } from "./upload_watch.ts";

/** Maximum size in bytes of a body of known length that is read into memory and shared. */
export const SMALL_BODY_BYTES = 65_536;

/** A request body for several services. */
export type RequestBody = null | SharedBody | BodyFanOut;

/** Returns the number of bytes read; 0 for a body that could not be opened. */
export function receivedBytes(body: RequestBody | undefined): number {
  if (body === null || body === undefined) return 0;
  return body instanceof BodyFanOut ? body.receivedBytes : body.length;
}

/** State and settings shared by all request bodies of a handler. */
export interface RequestBodyContext {
  /** Limits on size and time. */
  readonly config: Pick<Config, "maxBodyBytes" | "bodyWindowBytes" | "timeoutMs">;
  readonly deadlines: TimeoutQueues;
  /** Turns of the event loop for all bodies of the handler. */
  readonly turns: LoopTurns;
  /** Limits of every upload. */
  readonly uploadBounds: UploadBounds;
  /** Release the memory of pieces as soon as they have been sent. Only if native code alone reads them. */
  readonly detachBuffers: boolean;
}

/** Exchange that a body belongs to. */
export interface BodyListener extends UploadListener {
  /** Content-Length of the request; `undefined` if the client did not send it. */
  readonly contentLength: number | undefined;
  /** Called before the first read. `cancel` ends the opening of the body early. */
  onOpening(source: Pick<BodySource, "cancel">): void;
  /** Called once if the body cannot be read completely. */
  onProblem(problem: LocalReply): void;
}

/**
 * Opens a request's body. A small body of known length has been read when the promise resolves. Any other body is read
 * by {@linkcode BodyFanOut.pump}. Returns `null` for no body, and after `onProblem` was called.
 */
export async function openBody(
  request: Pick<ClientRequest, "body" | "connection">,
  listener: BodyListener,
  context: RequestBodyContext,
): Promise<RequestBody> {
  const { config, deadlines, turns, uploadBounds, detachBuffers } = context;
  const { contentLength } = listener;
  const { body } = request;
  if (body === null || contentLength === 0) return null;
  const { maxBodyBytes: maxBytes, timeoutMs } = config;
  const watch = new UploadWatch(listener, uploadBounds);
  const { connection } = request;
  const isChunked = contentLength === undefined;
  const source = new BodySource(body, { maxBytes, timeoutMs, deadlines, turns, connection, watch, isChunked });
  listener.onOpening(source);
  const isSmall = contentLength !== undefined && contentLength <= SMALL_BODY_BYTES;
  const first = isChunked ? await source.peek() : undefined;
  if (isChunked && first === undefined) return null;
  if (!isSmall && (first === undefined || first instanceof Uint8Array)) {
    const onProblem = (problem: LocalReply) => listener.onProblem(problem);
    const { bodyWindowBytes: windowBytes } = config;
    return new BodyFanOut(source, { windowBytes, detachBuffers, deadlines, timeoutMs, onProblem });
  }
  const whole = isSmall ? await source.readWhole(contentLength) : first as LocalReply;
  if (whole instanceof Uint8Array) return new SharedBody(whole, detachBuffers);
  if (whole === BODY_TOO_LARGE) source.discard();
  else source.cancel();
  listener.onProblem(whole);
  return null;
}
