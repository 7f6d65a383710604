/** What is kept of an answer in order to compare it. */

import type { HeaderLine } from "../config/config.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { NotComparableReason } from "../observe/events.ts";

/** The body of an answer, as far as it was kept. */
export interface CapturedBody {
  /** All bytes, after decoding a content coding; empty if `cut`. */
  readonly bytes: Uint8Array;
  /** Length of the body as sent, in bytes; if `cut`, of the part that was seen. */
  readonly length: number;
  /** True if the body could not be kept or decoded. */
  readonly cut: boolean;
  /** Reason for the cut. Default: `too-large`. */
  readonly cutBy?: NotComparableReason;
  /** Digest of the whole body as it was sent; present only if `cut` is set and the whole body was seen. */
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
export type CapturedOutcome =
  | { readonly ok: true; readonly response: CapturedResponse }
  | { readonly ok: false; readonly kind: FailureKind; readonly durationMs: number };
