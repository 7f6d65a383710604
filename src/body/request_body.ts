/** The client's body in the form that suits its size: none, bytes for all, or a stream with a branch for each. */

import type { Config } from "../config/config.ts";
import { BodyFanOut } from "./body_fan_out.ts";
import { BodySource } from "./body_source.ts";
import type { LoopTurns } from "../lib/loop_turns.ts";
import type { TimeoutQueues } from "../lib/timeout_queues.ts";
import type { ClientRequest } from "../http/client_request.ts";
import type { LocalReply } from "../http/client_response.ts";
import { SharedBody } from "./shared_body.ts";
import { type UploadBounds, type UploadListener, UploadWatch } from "./upload_watch.ts";

/** Bodies whose length is known and no larger are read once and shared, in bytes (SPEC §4). */
export const SMALL_BODY_BYTES = 65_536;

/** A body that several services can be given. */
export type RequestBody = null | SharedBody | BodyFanOut;

/**
 * Tells how much of a body has been read.
 *
 * @param body The body; `undefined` where it could not be opened.
 * @returns Bytes.
 */
export function receivedBytes(body: RequestBody | undefined): number {
  if (body === null || body === undefined) return 0;
  return body instanceof BodyFanOut ? body.receivedBytes : body.length;
}

/** State and settings that all bodies of a handler share. */
export interface BodyMeans {
  /** Limits and times. */
  readonly config: Pick<Config, "maxBodyBytes" | "bodyWindowBytes" | "timeoutMs">;
  /** The handler's timeouts. */
  readonly deadlines: TimeoutQueues;
  /** Turns of the event loop for all bodies of the handler. */
  readonly turns: LoopTurns;
  /** Limits of every upload. */
  readonly uploadBounds: UploadBounds;
  /** True if only native code reads the body's pieces, so that their memory can be returned. */
  readonly reclaims: boolean;
}

/** Exchange that the body belongs to. */
export interface BodyListener extends UploadListener {
  /** Length of the body in bytes, if the client sent it. */
  readonly contentLength: number | undefined;
  /** Called once if the body cannot be read completely. */
  onProblem(problem: LocalReply): void;
}

/**
 * Opens a request's body. A small one has been read when this settles; what is larger, or of unknown length, is read
 * by {@linkcode BodyFanOut.pump}.
 *
 * @param request The client's request.
 * @param owner Its exchange, told of what goes wrong.
 * @param means Limits and times.
 * @returns The body; `null` where there is none, or where it could not be read, which `onProblem` has then been told.
 */
export async function openBody(
  request: Pick<ClientRequest, "body">,
  owner: BodyListener,
  means: BodyMeans,
): Promise<RequestBody> {
  const { config, deadlines, turns, uploadBounds, reclaims } = means;
  const { contentLength } = owner;
  if (request.body === null || contentLength === 0) return null;
  const { maxBodyBytes: maxBytes, timeoutMs } = config;
  const watch = new UploadWatch(owner, uploadBounds);
  const source = new BodySource(request.body, { maxBytes, timeoutMs, deadlines, turns, watch });
  if (contentLength === undefined && await source.isEmpty()) return null;
  if (contentLength === undefined || contentLength > SMALL_BODY_BYTES) {
    const onProblem = (problem: LocalReply) => owner.onProblem(problem);
    const { bodyWindowBytes: windowBytes } = config;
    return new BodyFanOut(source, { windowBytes, reclaims, deadlines, timeoutMs, onProblem });
  }
  const whole = await source.readWhole(contentLength);
  if (whole instanceof Uint8Array) return new SharedBody(whole, reclaims);
  source.cancel();
  owner.onProblem(whole);
  return null;
}
