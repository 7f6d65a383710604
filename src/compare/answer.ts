/** What is kept of an answer in order to compare it. */

import type { HeaderLine } from "../config/config.ts";
import type { FailureKind } from "../exchange/attempt.ts";

/** The body of an answer, as far as it was kept. */
export interface CapturedBody {
  /** The first bytes, after decoding a content coding; all of them unless `cut`. */
  readonly bytes: Uint8Array;
  /** Bytes of the body as it was sent, all of them, kept or not. */
  readonly length: number;
  /** Whether there was more than was kept, or it could not be decoded; then only `length` and `digest` can be compared. */
  readonly cut: boolean;
  /** A digest of the whole body as it was sent; absent where the whole was kept. */
  readonly digest?: string;
}

/** A response that was captured. */
export interface CapturedResponse {
  /** The status code. */
  readonly status: number;
  /** The header lines as they came. */
  readonly headers: readonly HeaderLine[];
  /** The body; `undefined` where there is none, or it broke off. */
  readonly body: CapturedBody | undefined;
  /** From the start of the attempt until its head, in milliseconds. */
  readonly durationMs: number;
}

/** How a service answered one request. */
export type CapturedAnswer =
  | { readonly ok: true; readonly response: CapturedResponse }
  | { readonly ok: false; readonly kind: FailureKind; readonly durationMs: number };
