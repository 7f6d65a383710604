/** One service's answer, kept as it passes. */

import type { Attempt, FailureKind } from "../exchange/attempt.ts";
import type { BodyTap } from "../exchange/body_tap.ts";
import type { CapturedAnswer, CapturedBody } from "./answer.ts";
import type { CaptureBudget } from "./capture_budget.ts";

/** An attempt as far as capturing looks at it. */
export interface CapturedAttempt extends Attempt {
  /** From its start until it settled, in milliseconds. */
  readonly durationMs: number;
  /** What broke it off from our side; `undefined` where nothing did. */
  readonly endedBy: FailureKind | undefined;
}

/** Failures that say nothing about the service: it was not asked, or not listened to until its end. */
const OURS: ReadonlySet<FailureKind> = new Set(["aborted", "lagging", "open-circuit", "overloaded"]);
const NOTHING = new Uint8Array(0);

/** Sees an attempt's body and keeps the beginning of it. */
export class AnswerCapture implements BodyTap {
  /** How much is kept, in bytes. */
  readonly maxBytes: number;
  /** The attempt. */
  readonly attempt: CapturedAttempt;
  readonly #budget: CaptureBudget;
  readonly #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  #isWhole = false;
  #isCut = false;

  /**
   * Starts to look on.
   *
   * @param attempt The attempt.
   * @param maxBytes How much of its body to keep, in bytes.
   * @param budget What the memory is taken from.
   */
  constructor(attempt: CapturedAttempt, maxBytes: number, budget: CaptureBudget) {
    this.attempt = attempt;
    this.maxBytes = maxBytes;
    this.#budget = budget;
  }

  /**
   * Keeps a piece, as far as there is room.
   *
   * @param piece The bytes.
   */
  see(piece: Uint8Array): void {
    if (this.#isCut) return;
    const kept = Math.min(piece.length, this.maxBytes - this.#heldBytes);
    if (kept > 0 && !this.#budget.take(kept)) {
      this.#isCut = true;
      return;
    }
    this.#isCut = kept < piece.length;
    this.#heldBytes += kept;
    if (kept > 0) this.#pieces.push(piece.slice(0, kept));
  }

  /** Takes note that the body is whole. */
  end(): void {
    this.#isWhole = true;
  }

  /**
   * Tells what was captured, when the attempt is over.
   *
   * @returns The answer; `undefined` where it says nothing about the service.
   */
  answer(): CapturedAnswer | undefined {
    const { outcome, durationMs, endedBy } = this.attempt;
    if (outcome === undefined) return undefined;
    if (!outcome.ok) return OURS.has(outcome.kind) ? undefined : { ok: false, kind: outcome.kind, durationMs };
    const { status, headers, body } = outcome.response;
    if (body instanceof ReadableStream && !this.#isWhole && !this.#isCut && endedBy !== undefined) return undefined;
    return { ok: true, response: { status, headers, body: this.#body(body), durationMs } };
  }

  /** Gives the memory back. */
  release(): void {
    this.#budget.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
    this.#pieces.length = 0;
  }

  #body(body: Uint8Array | ReadableStream | null): CapturedBody | undefined {
    if (!(body instanceof ReadableStream)) {
      const whole = body ?? NOTHING;
      const bytes = whole.subarray(0, this.maxBytes);
      return { bytes, length: whole.length, cut: bytes.length < whole.length };
    }
    if (!this.#isWhole && !this.#isCut) return undefined;
    return { bytes: joined(this.#pieces, this.#heldBytes), length: this.#heldBytes, cut: this.#isCut };
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
