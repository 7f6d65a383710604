/** One service's answer, kept as it passes. */

import type { Attempt, FailureKind } from "../exchange/attempt.ts";
import type { BodyTap } from "../exchange/body_tap.ts";
import { BodyDigest } from "./body_digest.ts";
import type { CapturedAnswer, CapturedBody } from "./answer.ts";
import { joinBytes } from "./join_bytes.ts";
import type { MemoryBudget } from "./memory_budget.ts";

/** An attempt as far as capturing looks at it. */
export interface CapturedAttempt extends Attempt {
  /** From its start until it settled, in milliseconds. */
  readonly durationMs: number;
  /** What broke it off from our side; `undefined` where nothing did. */
  readonly endedBy: FailureKind | undefined;
}

/** Failures that say nothing about the service: it was not asked, or not listened to until its end. */
const OURS: ReadonlySet<FailureKind> = new Set([
  "aborted",
  "lagging",
  "open-circuit",
  "overloaded",
  "unsendable",
]);

/** Sees an attempt's body and keeps the beginning of it. */
export class AnswerCapture implements BodyTap {
  /** How much is kept, in bytes. */
  readonly maxBytes: number;
  /** The attempt. */
  readonly attempt: CapturedAttempt;
  readonly #budget: MemoryBudget;
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
  constructor(attempt: CapturedAttempt, maxBytes: number, budget: MemoryBudget) {
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
    const kept = this.#take(piece.length);
    if (kept > 0) this.#pieces.push(piece.slice(0, kept));
  }

  /** Takes note that the body is whole. */
  end(): void {
    this.#isWhole = true;
  }

  /** Takes note that the attempt is over: a body that is there as a whole is held from now on. */
  over(): void {
    const { outcome } = this.attempt;
    const body = outcome?.ok ? outcome.response.body : null;
    if (!(body instanceof Uint8Array)) return;
    // Nobody writes into it, and no memory of what is looked at is given back.
    const kept = this.#take(body.length);
    if (kept > 0) this.#pieces.push(kept < body.length ? body.slice(0, kept) : body);
    this.end();
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
    const isComplete = body === null || this.#isWhole || this.#isCut;
    if (!isComplete && endedBy !== undefined && OURS.has(endedBy)) return undefined;
    return { ok: true, response: { status, headers, body: this.#body(body !== null), durationMs } };
  }

  /** Gives the memory back. */
  release(): void {
    this.#budget.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
    this.#pieces.length = 0;
  }

  /** @returns How much of so many bytes is kept. */
  #take(bytes: number): number {
    if (this.#isCut) return 0;
    const kept = Math.min(bytes, this.maxBytes - this.#heldBytes);
    this.#isCut = kept < bytes;
    if (kept > 0 && !this.#budget.take(kept)) {
      this.#isCut = true;
      return 0;
    }
    this.#heldBytes += kept;
    return kept;
  }

  #body(isThere: boolean): CapturedBody | undefined {
    if (!isThere || !(this.#isWhole || this.#isCut)) return undefined;
    const bytes = joinBytes(this.#pieces, this.#heldBytes);
    const captured = { bytes, length: bytes.length, cut: this.#isCut };
    if (!this.#isCut) return captured;
    const digest = new BodyDigest();
    digest.update(bytes);
    return { ...captured, digest: digest.toString() };
  }
}
