/** Captures the response of one service while its body is read. */

import type { Service } from "../config/config.ts";
import { type FailureKind, isOverload, NOT_SENT_KINDS } from "../http/outcome_kinds.ts";
import { Digest, type DigestKey } from "../lib/digest.ts";
import { GrowingBytes } from "../lib/growing_bytes.ts";
import { type MemoryBudget, textBytes } from "../lib/memory_budget.ts";
import type { NotComparableReason } from "../observe/not_comparable.ts";
import type { AttemptView, BodyTap, UpstreamResponse } from "../upstream/attempt.ts";
import type { CapturedBody, CapturedOutcome } from "./captured_response.ts";
import { codingsOf, decodeBody, type Pause } from "./decode_body.ts";

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

/** Minimum of the limit for the size of a body that is read to its end, to compare its length and digest. */
const MIN_READ_BYTES = 16_777_216;
/** Encoded bytes that are kept for each byte of `maxBody`. They are decoded later, and their beginning is kept. */
const ENCODED_FACTOR = 4;

/** Options of {@linkcode ResponseCapture}. */
export interface ResponseCaptureOptions {
  /** Maximum bytes of the body to keep. Of further bytes, length and digest are kept. */
  readonly maxBytes: number;
  /** Budget from which the memory is reserved. */
  readonly budget: MemoryBudget;
  /** Key of the digests. Digests are compared, so all captures of an engine have the same key. */
  readonly key: DigestKey;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Keeps a copy of the beginning of a response's body, and a digest of the rest, while it is read. */
export class ResponseCapture implements BodyTap {
  /** Maximum size in bytes of a body that is read to its end. Of larger ones, only the Content-Length is compared. */
  readonly maxBytes: number;
  /** The service that sends the response. */
  readonly service: Service;
  readonly #options: ResponseCaptureOptions;
  /** Refers to the whole response, so it is dropped when the attempt has finished. */
  #attempt: CapturedAttempt | undefined;
  #outcome: CapturedOutcome | undefined;
  /** Created when the coding of the body is known. */
  #body: GrowingBytes | undefined;
  #keptBytes = 0;
  #rest: Digest | undefined;
  #seenBytes = 0;
  /** Memory reserved for everything except the body, in bytes. */
  #reservedBytes = 0;
  readonly #startedMs: number;
  /** Time from the start of the attempt to the end of a streamed body. */
  #streamedMs: number | undefined;
  #isWhole = false;
  #lostBy: NotComparableReason | undefined;
  #status: number | undefined;
  #isDecoded = false;
  #cutBy: NotComparableReason | undefined;

  /** Starts capturing. */
  constructor(attempt: CapturedAttempt, options: ResponseCaptureOptions) {
    this.#attempt = attempt;
    this.service = attempt.service;
    this.maxBytes = Math.max(MIN_READ_BYTES, options.maxBytes);
    this.#options = options;
    this.#startedMs = options.now();
    if (!this.#reserve(CAPTURE_BYTES)) this.#cut("memory");
  }

  /** Called with each chunk of the body. */
  onChunk(chunk: Uint8Array): void {
    this.#seenBytes += chunk.length;
    if (this.#cutBy !== undefined) return;
    if (this.#seenBytes > this.maxBytes) return this.#cut("too-large");
    const body = this.#openBody();
    const freeBytes = this.#keptBytes - body.length;
    const kept = chunk.length <= freeBytes ? chunk : chunk.subarray(0, freeBytes);
    if (!body.append(kept)) return this.#cut("memory");
    this.#digestRest(chunk, kept.length);
  }

  /** Called at the end of the body. */
  onEnd(): void {
    this.#isWhole = true;
    this.#streamedMs = this.#options.now() - this.#startedMs;
  }

  /** Called when the attempt has finished. */
  finish(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    const { outcome, durationMs, abortReason } = attempt!;
    if (outcome === undefined) return this.#lose(abortReason);
    if (!outcome.ok) {
      this.#lose(outcome.kind);
      if (!OURS.has(outcome.kind)) this.#outcome = { ok: false, kind: outcome.kind, durationMs };
      return;
    }
    const { status, headers, body, closeCode } = outcome.response;
    this.#status = status;
    if (body instanceof Uint8Array) this.#captureWhole(body, attempt!);
    const isComplete = body === null || this.#isWhole || this.#cutBy !== undefined;
    if (!isComplete && abortReason !== undefined && OURS.has(abortReason)) {
      return this.#lose(abortReason);
    }
    const capturedHeaders = this.#captureHeaders(headers);
    const capturedBody = this.#capturedBody(body !== null);
    const cutOffMs = !isComplete && abortReason === "timeout" ? this.#options.now() - this.#startedMs : undefined;
    const totalMs = this.#streamedMs ?? (body === null || this.#isWhole ? durationMs : undefined);
    this.#outcome = {
      ok: true,
      response: { status, headers: capturedHeaders, body: capturedBody, closeCode, durationMs, totalMs, cutOffMs },
    };
  }

  /** The outcome, after the attempt has finished. `undefined` if it says nothing about the service. */
  get outcome(): CapturedOutcome | undefined {
    return this.#outcome;
  }

  /** The reason why there is no outcome. `undefined` if there is one, or if the request was not sent. */
  get lostBy(): NotComparableReason | undefined {
    return this.#lostBy;
  }

  /** The status of the response. Also known if the response is lost after its head; otherwise `undefined`. */
  get status(): number | undefined {
    return this.#status;
  }

  /** Reports whether the body has been decoded. */
  get isDecoded(): boolean {
    return this.#isDecoded;
  }

  /** Decodes the body's content codings. Returns `undefined` if there is nothing to wait for. */
  decode(pause: Pause): Promise<void> | undefined {
    const outcome = this.#outcome;
    if (this.#isDecoded || !outcome?.ok || outcome.response.body === undefined) return undefined;
    this.#isDecoded = true;
    const { response } = outcome;
    const { budget, key } = this.#options;
    const maxBytes = Math.min(this.#options.maxBytes, budget.freeBytes);
    const decoding = decodeBody(outcome.response.body, response.headers, { maxBytes, key, pause });
    if (!(decoding instanceof Promise)) return undefined;
    return decoding.then((decoded) => {
      const isReserved = this.#reserve(decoded.bytes.length);
      const isLimitedByMemory = decoded.rest !== undefined && maxBytes < this.#options.maxBytes;
      const body = isReserved && !isLimitedByMemory
        ? decoded
        : { bytes: NO_BYTES, length: decoded.length, cut: true, cutBy: "memory" as const };
      this.#outcome = { ok: true, response: { ...response, body } };
    });
  }

  /** Drops the outcome, and releases its memory. */
  release(): void {
    this.#options.budget.release(this.#reservedBytes);
    this.#reservedBytes = 0;
    this.#body?.clear();
    this.#outcome = undefined;
  }

  /** Captures a body that was read at once. A view on a larger buffer is copied, so that the buffer is not retained. */
  #captureWhole(body: Uint8Array, attempt: CapturedAttempt): void {
    this.#seenBytes = body.length;
    this.#isWhole = true;
    if (this.#cutBy !== undefined) return;
    const kept = this.#openBody(attempt);
    const bytes = body.subarray(0, this.#keptBytes);
    // A body with a buffer of its own is not copied: nothing writes into it, and captured buffers are not reused.
    const ownsBuffer = bytes.length === body.buffer.byteLength;
    if (kept.adopt(ownsBuffer ? bytes : bytes.slice())) this.#digestRest(body, bytes.length);
    else this.#cut("memory");
  }

  #lose(cause: FailureKind | undefined): void {
    if (cause === "body-lag") this.#lostBy = "body-lag";
    else if (cause === "aborted") this.#lostBy = "unfinished";
    else if (cause !== undefined && isOverload(cause)) this.#lostBy = "not-sent";
  }

  #openBody(attempt = this.#attempt): GrowingBytes {
    if (this.#body !== undefined) return this.#body;
    const outcome = attempt?.outcome;
    const isEncoded = outcome?.ok === true && codingsOf(outcome.response.headers).length > 0;
    this.#keptBytes = Math.min(this.maxBytes, this.#options.maxBytes * (isEncoded ? ENCODED_FACTOR : 1));
    return this.#body = new GrowingBytes(this.#keptBytes, this.#options.budget);
  }

  #digestRest(chunk: Uint8Array, from: number): void {
    if (from < chunk.length) (this.#rest ??= new Digest(this.#options.key)).update(chunk.subarray(from));
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
    if (!this.#options.budget.reserve(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** Drops the body, because an incomplete body is not comparable. */
  #cut(reason: NotComparableReason): void {
    this.#cutBy = reason;
    this.#body?.clear();
    this.#rest = undefined;
  }

  #capturedBody(hasBody: boolean): CapturedBody | undefined {
    const cutBy = this.#cutBy;
    if (cutBy === "memory" || (hasBody && cutBy !== undefined)) {
      return { bytes: NO_BYTES, length: this.#seenBytes, cut: true, cutBy };
    }
    if (!hasBody || !this.#isWhole) return undefined;
    const rest = this.#rest;
    return {
      bytes: this.#body?.bytes ?? NO_BYTES,
      length: this.#seenBytes,
      cut: false,
      ...(rest !== undefined && { rest: { length: rest.length, digest: rest.toString() } }),
    };
  }
}
