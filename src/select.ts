/** Which attempt answers the client: a pure question, asked again whenever an attempt settles. */

import type { WaitMode } from "./config/config.ts";
import type { Attempt } from "./exchange/attempt.ts";
import type { RunningAttempt } from "./exchange/running_attempt.ts";
import type { FanOut } from "./fan_out.ts";

/** The outcome of a selection that has been decided. */
export interface Selection<A extends Attempt> {
  /** The attempt whose response is relayed; `undefined` where all have failed. */
  readonly attempt: A | undefined;
}

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
 * @returns The selection, or `undefined` while it is not decided.
 */
export function selectAttempt<A extends Attempt>(
  attempts: readonly A[],
  options: SelectOptions,
): Selection<A> | undefined {
  const candidates = attempts.filter(({ role }) => role !== "shadow");
  const primaries = candidates.filter(({ role }) => role === "primary");
  const pending = candidates.some(({ outcome }) => outcome === undefined);
  if (pending && options.wait === "all") return undefined;

  const primary = firstToSettle(primaries, isSuccessful);
  if (primary !== undefined) return { attempt: primary };
  if (primaries.some(({ outcome }) => outcome === undefined)) return undefined;

  const fallback = firstToSettle(candidates, isSuccessful);
  if (fallback !== undefined) return { attempt: fallback };
  if (pending) return undefined;

  if (!options.relayFailures && candidates.length > 1) return { attempt: undefined };
  return { attempt: firstToSettle(primaries, hasResponse) ?? firstToSettle(candidates, hasResponse) };
}

/**
 * Waits until it is decided which attempt answers (SPEC §2.3).
 *
 * @param fan The live list of attempts.
 * @param options The route's rules.
 * @returns The attempt whose response is relayed; `undefined` where all have failed.
 */
export async function awaitSelection(fan: FanOut, options: SelectOptions): Promise<RunningAttempt | undefined> {
  for (;;) {
    const selection = selectAttempt(fan.attempts, options);
    if (selection !== undefined) return selection.attempt;
    await fan.nextSettled();
  }
}

function isSuccessful({ outcome }: Attempt): boolean {
  return outcome !== undefined && outcome.ok && outcome.success;
}

function hasResponse({ outcome }: Attempt): boolean {
  return outcome !== undefined && outcome.ok;
}

function firstToSettle<A extends Attempt>(
  attempts: readonly A[],
  accept: (attempt: Attempt) => boolean,
): A | undefined {
  let first: A | undefined;
  for (const attempt of attempts) {
    if (accept(attempt) && (first === undefined || attempt.settledOrder < first.settledOrder)) first = attempt;
  }
  return first;
}
