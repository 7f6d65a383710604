/**
 * Reading of response bodies: whole if small, relayed if selected, otherwise drained or discarded.
 *
 * Not part of `src/body/`, which knows only request bodies: everything here depends on the responses and the failures
 * of transports.
 */

import type { Service } from "../config/config.ts";
import { getHeader } from "../http/headers.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { CancellationSignal } from "../lib/cancellation.ts";
import { plainBytes } from "../lib/foreign_bytes.ts";
import type { Deadline } from "../lib/timeout_queues.ts";
import { type Attempt, type BodyTap, discardResponse, isStreamed, type UpstreamResponse } from "./attempt.ts";
import { streamFailure, type TransportFailure, UpstreamFailure } from "./transport.ts";

type Chunks = ReadableStream<Uint8Array<ArrayBuffer>>;

/** Maximum bytes drained to keep a connection. For a longer body, closing the connection is cheaper. */
const MAX_DRAINED_BYTES = 65_536;
/** Consecutive overlong responses from which the responses of a service are discarded without reading. */
const MAX_OVERLONG = 8;
/** Interval at which such a response is drained nevertheless, to detect that they have become shorter. */
const PROBE_EVERY = 16;

/**
 * Counts consecutive unselected responses of each service that were too long to drain. Such a service costs a new
 * connection for each request. Keyed by objects of the configuration, so that a reload starts anew.
 */
export class DrainHistory {
  readonly #overlong = new WeakMap<Service, number>();

  /** Reports whether each unselected response of a service is likely to cost its connection. */
  isExpensive(service: Service): boolean {
    return (this.#overlong.get(service) ?? 0) >= MAX_OVERLONG;
  }

  /** Reports whether the next response should be drained, because it may be short. */
  shouldDrain(service: Service): boolean {
    const overlong = this.#overlong.get(service) ?? 0;
    return overlong < MAX_OVERLONG || overlong % PROBE_EVERY === 0;
  }

  /** Records a response that was drained to its end, or not. */
  record(service: Service, wasComplete: boolean): void {
    if (wasComplete) this.#overlong.delete(service);
    else this.#overlong.set(service, (this.#overlong.get(service) ?? 0) + 1);
  }
}

/** Timeout and cancellation of a drained body. */
export type DrainLimits = Pick<Attempt, "deadline" | "cancellation">;

/** Listener of a relayed body. `onEnd` is called last; `onBroken` or `onCancel` may precede it. */
export interface RelayListener {
  /** Cancellation of the attempt. */
  readonly cancellation: CancellationSignal;
  readonly tap: BodyTap | undefined;
  /** Called when the stream of the service failed, or the attempt was aborted. The connection of the client is cut. */
  onBroken(kind: FailureKind, error: string | undefined): void;
  /** Called when the client disconnected before the end. */
  onCancel(): void;
  /** Called when no more bytes follow. */
  onEnd(relayedBytes: number): void;
}

/** Error of a relayed stream. It has been reported to the observer, so servers need not log it. */
export class BrokenResponseError extends Error {
  override readonly name = "BrokenResponseError";

  /** The message contains no cause, because the cause may contain an address. */
  constructor() {
    super("Cannot relay the complete response: the service broke it off");
  }
}

/**
 * Reads a small body completely. Returns the failure instead if its length differs from Content-Length, or it fails.
 */
export async function readWhole(
  body: Chunks,
  lengthBytes: number,
): Promise<Uint8Array<ArrayBuffer> | TransportFailure> {
  // Pieces are copied as they arrive, because a piece of one byte may hold a buffer of 64 KiB.
  const bytes = new Uint8Array(lengthBytes);
  const reader = body.getReader();
  try {
    for (let length = 0;;) {
      const { done, value } = await reader.read();
      if (done) return length === lengthBytes ? bytes : wrongLength(length, lengthBytes);
      requireBytes(value);
      if (length + value.length > lengthBytes) {
        reader.cancel().catch(() => {});
        return wrongLength(length + value.length, lengthBytes);
      }
      bytes.set(value, length);
      length += value.length;
    }
  } catch (error) {
    return streamFailure(error);
  }
}

function wrongLength(receivedBytes: number, lengthBytes: number): TransportFailure {
  return { ok: false, kind: "reset", error: `body of ${receivedBytes} bytes instead of ${lengthBytes}` };
}

/**
 * Checks a chunk. A stream of a custom transport may yield anything, and other values would be lost without an error.
 */
function requireBytes(chunk: unknown): asserts chunk is Uint8Array {
  if (!(chunk instanceof Uint8Array) && plainBytes(chunk) === undefined) {
    throw new UpstreamFailure("protocol", "the transport returned a body that is not a stream of bytes");
  }
}

/**
 * Relays a body at the pace of the client. An error of the service becomes an error of the returned stream, so that a
 * truncated body never looks complete. The deadline limits each pause, so a stalled client does not occupy the service.
 */
export function relayBody(body: Chunks, deadline: Deadline, listener: RelayListener): Chunks {
  const reader = body.getReader();
  let hasEnded = false;
  let relayedBytes = 0;
  let onAbort = () => {};
  const end = (act: () => void) => {
    if (hasEnded) return;
    hasEnded = true;
    deadline.stop();
    listener.cancellation.removeEventListener("abort", onAbort);
    act();
    listener.onEnd(relayedBytes);
  };
  const fail = (controller: ReadableStreamDefaultController, { kind, error }: Omit<TransportFailure, "ok">) =>
    end(() => {
      listener.onBroken(kind, error);
      controller.error(new BrokenResponseError());
      // Runtimes do not always cancel the body of an aborted fetch while no read is pending.
      reader.cancel().catch(() => {});
    });
  return new ReadableStream({
    start(controller) {
      // The embedding program may drop the response without reading it.
      deadline.refresh();
      onAbort = () => fail(controller, { kind: "aborted" });
      listener.cancellation.addEventListener("abort", onAbort);
    },
    async pull(controller) {
      deadline.refresh();
      try {
        const { done, value } = await reader.read();
        if (hasEnded) return;
        if (done) {
          listener.tap?.onEnd();
          return end(() => controller.close());
        }
        requireBytes(value);
        deadline.refresh();
        listener.tap?.onChunk(value);
        relayedBytes += value.length;
        controller.enqueue(value);
      } catch (error) {
        fail(controller, streamFailure(error));
      }
    },
    async cancel() {
      end(() => listener.onCancel());
      await reader.cancel().catch(() => {});
    },
  }, { highWaterMark: 0 });
}

/**
 * Reads a body up to the limit of the drain or of the tap, then cancels it. Returns true if it was complete, so that
 * its connection can be used again. Never rejects. One timeout limits the whole drain, because a slow body must not
 * keep its permit for hours.
 */
export async function drainBody(
  body: Chunks,
  { deadline, cancellation }: DrainLimits,
  tap?: BodyTap,
): Promise<boolean> {
  const reader = body.getReader();
  // Runtimes do not always cancel the body of an aborted fetch while no read is pending.
  const onAbort = () => void reader.cancel().catch(() => {});
  if (cancellation.aborted) onAbort();
  else cancellation.addEventListener("abort", onAbort);
  const maxBytes = Math.max(MAX_DRAINED_BYTES, tap?.maxBytes ?? 0);
  deadline.refresh();
  try {
    for (let drainedBytes = 0; drainedBytes <= maxBytes;) {
      const { done, value } = await reader.read();
      if (done) {
        if (cancellation.aborted) return false;
        tap?.onEnd();
        return true;
      }
      drainedBytes += value.length;
      tap?.onChunk(value);
    }
    await reader.cancel();
  } catch {
    // The failed stream has freed its connection.
  } finally {
    deadline.stop();
    cancellation.removeEventListener("abort", onAbort);
  }
  return false;
}

/**
 * Drains an unselected response. Discards it at once if it is too long, or probably is: its connection would be lost
 * anyway. A response with a tap is always read. Never rejects.
 */
export async function drainResponse(
  response: UpstreamResponse,
  attempt: DrainLimits & Pick<Attempt, "service" | "tap">,
  history: DrainHistory,
): Promise<void> {
  const { service, tap } = attempt;
  if (!isStreamed(response)) return;
  if (response.tunnel !== undefined) return discardResponse(response);
  // An aborted response says nothing about the length of the service's responses.
  if (attempt.cancellation.aborted) return discardResponse(response);
  if (tap !== undefined) return void await drainBody(response.body as Chunks, attempt, tap);
  if (Number(getHeader(response.headers, "content-length")) > MAX_DRAINED_BYTES) return discardResponse(response);
  if (history.shouldDrain(service)) history.record(service, await drainBody(response.body as Chunks, attempt));
  else {
    discardResponse(response);
    history.record(service, false);
  }
}
