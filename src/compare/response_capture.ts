/** One service's answer, kept as it passes. */

import type { Service } from "../config/config.ts";
import type { AttemptView, BodyTap, UpstreamResponse } from "../upstream/attempt.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import { GrowingBytes } from "../lib/growing_bytes.ts";
import type { NotComparableReason } from "../observe/events.ts";
import type { CapturedBody, CapturedOutcome } from "./response.ts";
import { decodeBody, type Pause } from "./decode_body.ts";
import { type MemoryBudget, textBytes } from "../lib/memory_budget.ts";

/** An attempt as far as capturing looks at it. */
export interface CapturedAttempt extends AttemptView {
  /** From its start until it settled, in milliseconds. */
  readonly durationMs: number;
  /** What broke it off from our side; `undefined` where nothing did. */
  readonly abortReason: FailureKind | undefined;
}

/** Failures caused by conductor: it did not send the attempt, or aborted it. */
const OURS: ReadonlySet<FailureKind> = new Set([
  "aborted",
  "lagging",
  "open-circuit",
  "overloaded",
  "unsendable",
]);
/** Estimated memory of a capture in bytes, without body and header lines. */
const CAPTURE_BYTES = 1_024;
/** Estimated memory of a header line in bytes, without its texts. */
const LINE_BYTES = 64;

const NO_BYTES = new Uint8Array(0);

/** Keeps a copy of an attempt's body as it passes. */
export class ResponseCapture implements BodyTap {
  /** How much is kept, in bytes. */
  readonly maxBytes: number;
  /** The service. */
  readonly service: Service;
  readonly #budget: MemoryBudget;
  /** Refers to the whole response; dropped when the attempt is over. */
  #attempt: CapturedAttempt | undefined;
  #answer: CapturedOutcome | undefined;
  readonly #kept: GrowingBytes;
  #seenBytes = 0;
  /** Memory taken from the budget for everything except the body, in bytes. */
  #takenBytes = 0;
  #isWhole = false;
  #isLagging = false;
  #cutBy: NotComparableReason | undefined;

  /**
   * Starts to look on.
   *
   * @param attempt The attempt.
   * @param maxBytes How much of its body to keep, in bytes.
   * @param budget What the memory is taken from.
   */
  constructor(attempt: CapturedAttempt, maxBytes: number, budget: MemoryBudget) {
    this.#attempt = attempt;
    this.service = attempt.service;
    this.maxBytes = maxBytes;
    this.#budget = budget;
    this.#kept = new GrowingBytes(maxBytes, budget);
    if (!this.#take(CAPTURE_BYTES)) this.#cut("memory");
  }

  /**
   * Keeps a piece, as far as there is room.
   *
   * @param piece The bytes.
   */
  onChunk(piece: Uint8Array): void {
    this.#seenBytes += piece.length;
    if (this.#cutBy !== undefined || this.#kept.append(piece)) return;
    this.#cut(this.#seenBytes > this.maxBytes ? "too-large" : "memory");
  }

  /** Takes note that the body is whole. */
  onEnd(): void {
    this.#isWhole = true;
  }

  /** Takes note that the attempt is over: a body that is there as a whole is held from now on. */
  over(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    const { outcome, durationMs, abortReason } = attempt!;
    if (outcome === undefined) return;
    if (!outcome.ok) {
      this.#isLagging = outcome.kind === "lagging";
      if (!OURS.has(outcome.kind)) this.#answer = { ok: false, kind: outcome.kind, durationMs };
      return;
    }
    const { status, headers, body } = outcome.response;
    if (body instanceof Uint8Array) this.#keepWhole(body);
    const isComplete = body === null || this.#isWhole || this.#cutBy !== undefined;
    if (!isComplete && abortReason !== undefined && OURS.has(abortReason)) {
      this.#isLagging = abortReason === "lagging";
      return;
    }
    const response = { status, headers: this.#keepHead(headers), body: this.#body(body !== null), durationMs };
    this.#answer = { ok: true, response };
  }

  /**
   * Tells what was captured, when the attempt is over.
   *
   * @returns The answer; `undefined` where it says nothing about the service.
   */
  answer(): CapturedOutcome | undefined {
    return this.#answer;
  }

  /** Reports whether the service was cut off because it read an upload too slowly. That is a result, not a reason to skip it. */
  get isLagging(): boolean {
    return this.#isLagging;
  }

  /** Decodes the body's content codings. Returns `undefined` if nothing has to be waited for. */
  unpack(pause: Pause): Promise<void> | undefined {
    const answer = this.#answer;
    if (!answer?.ok || answer.response.body === undefined) return undefined;
    const { response } = answer;
    const maxBytes = Math.min(this.maxBytes, this.#budget.left);
    const unpacking = decodeBody(answer.response.body, response.headers, maxBytes, pause);
    if (!(unpacking instanceof Promise)) return undefined;
    return unpacking.then((unpacked) => {
      const isKept = this.#take(unpacked.bytes.length);
      const isShort = unpacked.cutBy === "too-large" && maxBytes < this.maxBytes;
      const body = isKept && !isShort
        ? unpacked
        : { ...unpacked, bytes: NO_BYTES, cut: true, cutBy: "memory" as const };
      this.#answer = { ok: true, response: { ...response, body } };
    });
  }

  /** Gives the memory back. */
  release(): void {
    this.#budget.release(this.#takenBytes);
    this.#takenBytes = 0;
    this.#kept.clear();
    this.#answer = undefined;
  }

  /** Keeps a whole body. A small one may be a view on a larger buffer, which must not be held. */
  #keepWhole(body: Uint8Array): void {
    this.#seenBytes = body.length;
    // Not copied: nothing writes into it, and the memory of captured bodies is not reclaimed.
    const isOwn = body.length === body.buffer.byteLength;
    const isKept = this.#cutBy === undefined && this.#kept.adopt(isOwn ? body : body.slice());
    if (!isKept) this.#cut(body.length > this.maxBytes ? "too-large" : "memory");
    this.onEnd();
  }

  /** Takes memory for the header lines. If there is not enough, they are dropped and the response is not comparable. */
  #keepHead(headers: UpstreamResponse["headers"]): UpstreamResponse["headers"] {
    let bytes = 0;
    for (const [name, value] of headers) bytes += LINE_BYTES + textBytes(name, value);
    if (this.#take(bytes)) return headers;
    this.#cut("memory");
    return [];
  }

  #take(bytes: number): boolean {
    if (!this.#budget.reserve(bytes)) return false;
    this.#takenBytes += bytes;
    return true;
  }

  /** Drops the body: an incomplete body is not comparable. */
  #cut(reason: NotComparableReason): void {
    this.#cutBy = reason;
    this.#kept.clear();
  }

  #body(isThere: boolean): CapturedBody | undefined {
    const cutBy = this.#cutBy;
    if (cutBy === "memory" || (isThere && cutBy !== undefined)) {
      return { bytes: NO_BYTES, length: this.#seenBytes, cut: true, cutBy };
    }
    if (!isThere || !this.#isWhole) return undefined;
    const { bytes, length } = this.#kept;
    return { bytes, length, cut: false };
  }
}
