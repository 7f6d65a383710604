/**
 * Selects the attempt whose response the client receives. A pure function, called again whenever an attempt settles.
 */

import type { WaitMode } from "../config/config.ts";
import type { AttemptView } from "../upstream/attempt.ts";

/** Settings of the selection. */
export interface SelectOptions {
  /** Wait for all attempts, or until the selection is decided. */
  readonly wait: WaitMode;
  /** Relay a failing response if no response succeeded. */
  readonly relayFailures: boolean;
}

/**
 * Returns the attempt whose response is relayed: the first primary to succeed, otherwise the first secondary to
 * succeed. Without a success, it is the first failing response if failures are relayed or if there is only one
 * candidate, with primaries first. Shadow requests are never selected.
 *
 * Returns `"none"` if there is no such response, and `undefined` if a pending attempt may still decide.
 */
export function selectAttempt<A extends AttemptView>(
  attempts: readonly A[],
  options: SelectOptions,
): A | "none" | undefined {
  // A single loop, because this runs whenever an attempt settles.
  let candidates = 0;
  let pending = false;
  let primaryPending = false;
  let primary: A | undefined;
  let fallback: A | undefined;
  let primaryResponse: A | undefined;
  let response: A | undefined;
  for (const attempt of attempts) {
    const { role, outcome } = attempt;
    if (role === "shadow") continue;
    candidates++;
    if (outcome === undefined) {
      pending = true;
      primaryPending ||= role === "primary";
    } else if (outcome.ok) {
      if (outcome.success) fallback = earlier(attempt, fallback);
      if (outcome.success && role === "primary") primary = earlier(attempt, primary);
      response = earlier(attempt, response);
      if (role === "primary") primaryResponse = earlier(attempt, primaryResponse);
    }
  }
  if (pending && options.wait === "all") return undefined;
  if (primary !== undefined) return primary;
  if (primaryPending) return undefined;
  if (fallback !== undefined) return fallback;
  if (pending) return undefined;
  if (!options.relayFailures && candidates > 1) return "none";
  return primaryResponse ?? response ?? "none";
}

function earlier<A extends AttemptView>(attempt: A, other: A | undefined): A {
  return other === undefined || attempt.settledOrder < other.settledOrder ? attempt : other;
}
