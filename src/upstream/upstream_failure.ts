/** What a backend's response stream fails with, and what a transport may throw inside; at its edge a failure is data. */

import type { FailureKind } from "../http/outcome_kinds.ts";

/** An exchange with a backend that can not go on. */
export class UpstreamFailure extends Error {
  /** The error's name. */
  override readonly name = "UpstreamFailure";
  /** How it failed. */
  readonly kind: FailureKind;

  /**
   * Says no more than the kind: the reason may hold an address.
   *
   * @param kind How it failed.
   */
  constructor(kind: FailureKind) {
    super(`Cannot complete the exchange with the service: ${kind}`);
    this.kind = kind;
  }
}

/**
 * Tells how a response's stream failed.
 *
 * @param error What it failed with.
 * @returns The kind, where the transport has told one; `reset`, where it broke off without.
 */
export function streamFailureKind(error: unknown): FailureKind {
  return error instanceof UpstreamFailure ? error.kind : "reset";
}
