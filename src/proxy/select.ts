/** Which attempt answers the client: a pure question, asked again whenever an attempt settles. */

import type { WaitMode } from "../config/config.ts";
import type { Attempt, AttemptView } from "../upstream/attempt.ts";
import type { FanOut } from "./fan_out.ts";

/** How a route selects. */
export interface SelectOptions {
  /** Whether to wait for all, or until it is decided. */
  readonly wait: WaitMode;
  /** Whether a failing response is better than none. */
  readonly relayFailures: boolean;
}

/**
 * Selects the attempt to answer with (SPEC §2.3 and §2.4): the first primary to have succeeded, else the first
 * secondary, else, where failures are relayed or there was nothing to choose from, a failing response. Shadows are
 * never waited for and never selected.
 *
 * @param attempts Every attempt of the exchange, settled or not.
 * @param options The route's rules.
 * @returns The attempt whose response is relayed, or `"none"` where all have failed; `undefined` while it is not decided.
 */
export function selectAttempt<A extends AttemptView>(
  attempts: readonly A[],
  options: SelectOptions,
): A | "none" | undefined {
  // One walk, as this is asked whenever an attempt settles.
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

/**
 * Waits until it is decided which attempt answers (SPEC §2.3).
 *
 * @param fan The live list of attempts.
 * @param options The route's rules.
 * @returns The attempt whose response is relayed; `undefined` where all have failed.
 */
export async function awaitSelection(fan: FanOut, options: SelectOptions): Promise<Attempt | undefined> {
  for (;;) {
    const selection = selectAttempt(fan.attempts, options);
    if (selection !== undefined) return selection === "none" ? undefined : selection;
    await fan.nextSettled();
  }
}

function earlier<A extends AttemptView>(attempt: A, other: A | undefined): A {
  return other === undefined || attempt.settledOrder < other.settledOrder ? attempt : other;
}
