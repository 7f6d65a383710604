/** A backend's response body: read whole where it is small, relayed where it is selected, drained where it lost. */

import type { Service } from "../config/config.ts";
import { discardResponse, isStreamed, type UpstreamResponse } from "./attempt.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { BodyTap } from "../body/body_tap.ts";
import type { CancellationSignal } from "../lib/cancellation.ts";
import type { Deadline } from "../lib/timeout_queues.ts";
import { getHeader } from "../http/headers.ts";
import type { Attempt } from "./running_attempt.ts";
import { streamFailureKind } from "./upstream_failure.ts";

type Chunks = ReadableStream<Uint8Array<ArrayBuffer>>;

/** What a loser may still send so that its connection can be used again, in bytes; past that it is cheaper to close it. */
const DRAIN_BYTES = 65_536;
/** So many answers in a row that sent more than that show what a service's answers are like: the next are not begun. */
const MAX_CUTS = 8;
/** Of the answers that follow, one in so many is read all the same, to see whether they are smaller now. */
const PROBE_EVERY = 16;

/** How many answers, of a length that was not known to be too much, have not come to their end in a row. */
const overlongStreak = new WeakMap<Service, number>();

/**
 * Tells whether a service's unwanted answers are too long to be read: then each costs its connection, and the next request
 * another one.
 *
 * @param service The service.
 * @returns Whether those before were given up.
 */
export function isExpensiveToDrain(service: Service): boolean {
  return (overlongStreak.get(service) ?? 0) >= MAX_CUTS;
}

/** What bounds the reading of a body that nobody waits for. */
export type DrainBounds = Pick<Attempt, "deadline" | "cancellation">;

/** Who is told what becomes of a relayed body. */
export interface RelayHooks {
  /** Tells when the attempt is broken off from our side. */
  readonly cancellation: CancellationSignal;
  /** Who looks on; `undefined`: nobody. */
  readonly tap: BodyTap | undefined;
  /** The backend's stream failed, or was broken off from our side: the client's connection is cut. */
  onBroken(kind: FailureKind): void;
  /** The client went away before the end. */
  onCancel(): void;
  /** Nothing more comes: it has been relayed whole, broke off, or is not wanted any more. So many bytes had come. */
  onEnd(relayedBytes: number): void;
}

/** What a relayed stream fails with. It has been told to the observer, so a server has nothing to add to it. */
export class BrokenResponseError extends Error {
  /** The error's name. */
  override readonly name = "BrokenResponseError";

  /** Says no more than that: the reason may hold an address. */
  constructor() {
    super("Cannot relay the response to its end as the service broke it off");
  }
}

/**
 * Reads a small body to its end.
 *
 * @param body The stream.
 * @param lengthBytes Content-Length of the response.
 * @returns The bytes, or the failure: `reset` if the length differs.
 */
export async function readWhole(body: Chunks, lengthBytes: number): Promise<Uint8Array<ArrayBuffer> | FailureKind> {
  // Pieces are copied as they arrive, because a piece of one byte may hold a buffer of 64 KiB.
  const bytes = new Uint8Array(lengthBytes);
  const reader = body.getReader();
  try {
    for (let length = 0;;) {
      const { done, value } = await reader.read();
      if (done) return length === lengthBytes ? bytes : "reset";
      if (length + value.length > lengthBytes) {
        reader.cancel().catch(() => {});
        return "reset";
      }
      bytes.set(value, length);
      length += value.length;
    }
  } catch (error) {
    return streamFailureKind(error);
  }
}

/**
 * Passes a body on chunk by chunk, at the client's pace. An upstream's error is passed on as an error, so that a
 * truncated body never looks complete. A client that takes nothing for the whole time-out holds the service up no longer.
 *
 * @param body The selected response's stream.
 * @param deadline Bounds the silence between two chunks, on either side; it breaks the attempt off.
 * @param hooks Who is told how it ends, and what tells that the attempt was broken off.
 * @returns The stream for the client.
 */
export function relayBody(body: Chunks, deadline: Deadline, hooks: RelayHooks): Chunks {
  const reader = body.getReader();
  let isOver = false;
  let relayedBytes = 0;
  let onAbort = () => {};
  const end = (act: () => void) => {
    if (isOver) return;
    isOver = true;
    deadline.stop();
    hooks.cancellation.removeEventListener("abort", onAbort);
    act();
    hooks.onEnd(relayedBytes);
  };
  const breakOff = (controller: ReadableStreamDefaultController, kind: FailureKind) =>
    end(() => {
      hooks.onBroken(kind);
      controller.error(new BrokenResponseError());
      // An aborted fetch does not always tell its body, where nobody is reading that at the moment.
      reader.cancel().catch(() => {});
    });
  return new ReadableStream({
    start(controller) {
      onAbort = () => breakOff(controller, "aborted");
      hooks.cancellation.addEventListener("abort", onAbort);
    },
    async pull(controller) {
      deadline.refresh();
      try {
        const { done, value } = await reader.read();
        if (isOver) return;
        if (done) {
          hooks.tap?.end();
          return end(() => controller.close());
        }
        deadline.refresh();
        hooks.tap?.onChunk(value);
        relayedBytes += value.length;
        controller.enqueue(value);
      } catch (error) {
        breakOff(controller, streamFailureKind(error));
      }
    },
    async cancel() {
      end(() => hooks.onCancel());
      await reader.cancel().catch(() => {});
    },
  }, { highWaterMark: 0 });
}

/**
 * Reads what is left of an unwanted body, within a bound, and gives the rest up. Never rejects.
 *
 * @param body The loser's stream.
 * @param bounds What bounds all of it (nobody waits for the rest, and one that drips must not keep its place for hours), and
 * tells that it is broken off.
 * @param tap Who looks on; absent: nobody.
 * @returns Whether it came to its end, so that its connection can be used again.
 */
export async function drainBody(
  body: Chunks,
  { deadline, cancellation }: DrainBounds,
  tap?: BodyTap,
): Promise<boolean> {
  const reader = body.getReader();
  // An aborted fetch does not always tell its body, where nobody is reading that at the moment.
  const onAbort = () => void reader.cancel().catch(() => {});
  if (cancellation.aborted) onAbort();
  else cancellation.addEventListener("abort", onAbort);
  const maxBytes = Math.max(DRAIN_BYTES, tap?.maxBytes ?? 0);
  deadline.refresh();
  try {
    for (let drained = 0; drained <= maxBytes;) {
      const { done, value } = await reader.read();
      if (done) {
        if (cancellation.aborted) return false;
        tap?.end();
        return true;
      }
      drained += value.length;
      tap?.onChunk(value);
    }
    await reader.cancel();
  } catch {
    // Whatever broke it off has freed the connection too.
  } finally {
    deadline.stop();
    cancellation.removeEventListener("abort", onAbort);
  }
  return false;
}

/**
 * Drains a loser's answer, unless it is known, or likely, that there is more than is read: then it is given up at once, as
 * its connection would be lost all the same. What somebody looks at is read in any case. Never rejects.
 *
 * @param response The loser.
 * @param attempt Its attempt.
 */
export async function drainResponse(
  response: UpstreamResponse,
  attempt: DrainBounds & Pick<Attempt, "service" | "tap">,
): Promise<void> {
  const { service, tap } = attempt;
  if (!isStreamed(response)) return;
  // It says nothing of how long its service's answers are.
  if (attempt.cancellation.aborted) return discardResponse(response);
  if (tap !== undefined) return void await drainBody(response.body as Chunks, attempt, tap);
  if (Number(getHeader(response.headers, "content-length")) > DRAIN_BYTES) return discardResponse(response);
  const isProbe = (overlongStreak.get(service) ?? 0) % PROBE_EVERY === 0;
  if (isExpensiveToDrain(service) && !isProbe) discardResponse(response);
  else if (await drainBody(response.body as Chunks, attempt)) return void overlongStreak.delete(service);
  overlongStreak.set(service, (overlongStreak.get(service) ?? 0) + 1);
}
