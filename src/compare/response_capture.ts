/** Captures the response of one service while its body is read. */

import type { Service } from "../config/config.ts";
import { type FailureKind, NOT_SENT_KINDS } from "../http/outcome_kinds.ts";
import { GrowingBytes } from "../lib/growing_bytes.ts";
import { type MemoryBudget, textBytes } from "../lib/memory_budget.ts";
import type { NotComparableReason } from "../observe/events.ts";
import type { AttemptView, BodyTap, UpstreamResponse } from "../upstream/attempt.ts";
import type { CapturedBody, CapturedOutcome } from "./captured_response.ts";
import { decodeBody, type Pause } from "./decode_body.ts";

/** The part of an attempt that capturing needs. */
export interface CapturedAttempt extends AttemptView {
  /** Time from the start of the attempt until it settled, in milliseconds. */
  readonly durationMs: number;
  /** Reason why conductor aborted the attempt; `undefined` if it did not. */
  readonly abortReason: FailureKind | undefined;
}

/** Failures caused by conductor: it did not send the attempt, or aborted it. They say nothing about the service. */
const OURS: ReadonlySet<FailureKind> = new Set([...NOT_SENT_KINDS, "aborted", "body-lag", "body-too-large"]);
/** Estimated memory of a capture in bytes, without body and header lines. */
const CAPTURE_BYTES = 1_024;
/** Estimated memory of a header line in bytes, without its texts. */
const LINE_BYTES = 64;

const NO_BYTES = new Uint8Array(0);

/** Keeps a copy of a response's body while it is read. */
export class ResponseCapture implements BodyTap {
  /** Maximum size of the captured body, in bytes. */
  readonly maxBytes: number;
  /** The service that sends the response. */
  readonly service: Service;
  readonly #budget: MemoryBudget;
  /** Refers to the whole response, so it is dropped when the attempt has finished. */
  #attempt: CapturedAttempt | undefined;
  #outcome: CapturedOutcome | undefined;
  readonly #body: GrowingBytes;
  #seenBytes = 0;
  /** Memory reserved for everything except the body, in bytes. */
  #reservedBytes = 0;
  #isWhole = false;
  #isLagging = false;
  #cutBy: NotComparableReason | undefined;

  /** Starts capturing. Memory is reserved from `budget`. */
  constructor(attempt: CapturedAttempt, maxBytes: number, budget: MemoryBudget) {
    this.#attempt = attempt;
    this.service = attempt.service;
    this.maxBytes = maxBytes;
    this.#budget = budget;
    this.#body = new GrowingBytes(maxBytes, budget);
    if (!this.#reserve(CAPTURE_BYTES)) this.#cut("memory");
  }

  /** Called with each chunk of the body. */
  onChunk(chunk: Uint8Array): void {
    this.#seenBytes += chunk.length;
    if (this.#cutBy !== undefined || this.#body.append(chunk)) return;
    this.#cut(this.#seenBytes > this.maxBytes ? "too-large" : "memory");
  }

  /** Called at the end of the body. */
  onEnd(): void {
    this.#isWhole = true;
  }

  /** Called when the attempt has finished. */
  finish(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    const { outcome, durationMs, abortReason } = attempt!;
    if (outcome === undefined) return;
    if (!outcome.ok) {
      this.#isLagging = outcome.kind === "body-lag";
      if (!OURS.has(outcome.kind)) this.#outcome = { ok: false, kind: outcome.kind, durationMs };
      return;
    }
    const { status, headers, body } = outcome.response;
    if (body instanceof Uint8Array) this.#captureWhole(body);
    const isComplete = body === null || this.#isWhole || this.#cutBy !== undefined;
    if (!isComplete && abortReason !== undefined && OURS.has(abortReason)) {
      this.#isLagging = abortReason === "body-lag";
      return;
    }
    const capturedHeaders = this.#captureHeaders(headers);
    const capturedBody = this.#capturedBody(body !== null);
    this.#outcome = { ok: true, response: { status, headers: capturedHeaders, body: capturedBody, durationMs } };
  }

  /** The outcome, after the attempt has finished. `undefined` if it says nothing about the service. */
  get outcome(): CapturedOutcome | undefined {
    return this.#outcome;
  }

  /**
   * Reports whether conductor cut the service off because it read an upload too slowly. The responses are then counted
   * as not comparable, because the lag is the service's fault.
   */
  get isLagging(): boolean {
    return this.#isLagging;
  }

  /** Decodes the body's content codings. Returns `undefined` if there is nothing to wait for. */
  decode(pause: Pause): Promise<void> | undefined {
    const outcome = this.#outcome;
    if (!outcome?.ok || outcome.response.body === undefined) return undefined;
    const { response } = outcome;
    const maxBytes = Math.min(this.maxBytes, this.#budget.freeBytes);
    const decoding = decodeBody(outcome.response.body, response.headers, maxBytes, pause);
    if (!(decoding instanceof Promise)) return undefined;
    return decoding.then((decoded) => {
      const isReserved = this.#reserve(decoded.bytes.length);
      const isLimitedByMemory = decoded.cutBy === "too-large" && maxBytes < this.maxBytes;
      const body = isReserved && !isLimitedByMemory
        ? decoded
        : { ...decoded, bytes: NO_BYTES, cut: true, cutBy: "memory" as const };
      this.#outcome = { ok: true, response: { ...response, body } };
    });
  }

  /** Drops the outcome, and releases its memory. */
  release(): void {
    this.#budget.release(this.#reservedBytes);
    this.#reservedBytes = 0;
    this.#body.clear();
    this.#outcome = undefined;
  }

  /** Captures a body that was read at once. A view on a larger buffer is copied, so that the buffer is not retained. */
  #captureWhole(body: Uint8Array): void {
    this.#seenBytes = body.length;
    // A body with a buffer of its own is not copied: nothing writes into it, and captured buffers are not reused.
    const ownsBuffer = body.length === body.buffer.byteLength;
    const isKept = this.#cutBy === undefined && this.#body.adopt(ownsBuffer ? body : body.slice());
    if (!isKept) this.#cut(body.length > this.maxBytes ? "too-large" : "memory");
    this.onEnd();
  }

  /** Reserves memory for the header lines. Without it, they are dropped and the response is not comparable. */
  #captureHeaders(headers: UpstreamResponse["headers"]): UpstreamResponse["headers"] {
    let bytes = 0;
    for (const [name, value] of headers) bytes += LINE_BYTES + textBytes(name, value);
    if (this.#reserve(bytes)) return headers;
    this.#cut("memory");
    return [];
  }

  #reserve(bytes: number): boolean {
    if (!this.#budget.reserve(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** Drops the body, because an incomplete body is not comparable. */
  #cut(reason: NotComparableReason): void {
    this.#cutBy = reason;
    this.#body.clear();
  }

  #capturedBody(hasBody: boolean): CapturedBody | undefined {
    const cutBy = this.#cutBy;
    if (cutBy === "memory" || (hasBody && cutBy !== undefined)) {
      return { bytes: NO_BYTES, length: this.#seenBytes, cut: true, cutBy };
    }
    if (!hasBody || !this.#isWhole) return undefined;
    const { bytes, length } = this.#body;
    return { bytes, length, cut: false };
  }
}
