/** Compares two responses to one request, with a limit on the work. */

import { StepBudget, StepsExceeded } from "../lib/step_budget.ts";
import type { NotComparableReason } from "../observe/events.ts";
import type { CapturedOutcome, CapturedResponse } from "./response.ts";
import { compareBodies } from "./compare_body.ts";
import type { ComparisonContext } from "./comparison_context.ts";
import { compareHeaders } from "./compare_headers.ts";
import type { Difference } from "./difference.ts";
import { DifferenceList } from "./difference_list.ts";
import type { CompareRules } from "./rules.ts";

/**
 * Maximum steps of one comparison. A step takes 5 to 10 ns, so a comparison takes at most 20 to 40 ms. This is enough
 * for ordinary JSON of 256 KiB in any order, for JSON of 4 MiB that differs only in values, or for 128 MiB of equal
 * bytes.
 */
export const MAX_COMPARISON_STEPS = 4_000_000;

const NONE: readonly Difference[] = [];

/** Result of a comparison. */
export interface ResponseComparison {
  /** The differences, in the order status, header fields, body; empty if the responses match or are not comparable. */
  readonly differences: readonly Difference[];
  /** Reason why the responses are not comparable; `undefined` if they were compared. */
  readonly notComparable: NotComparableReason | undefined;
}

/**
 * Finds the differences between two responses to the same request: at most 100, and no path twice. Compares status,
 * header fields and body, and notices a missing response. Responses with different status codes differ, whatever their
 * bodies are.
 *
 * @param expected The primary's response.
 * @param actual The response of the service that is compared with the primary.
 * @param rules What counts as a difference.
 * @param steps Budget for the work. Default: {@linkcode MAX_COMPARISON_STEPS}.
 * @returns The differences, or why the responses are not comparable.
 */
export function compareResponses(
  expected: CapturedOutcome,
  actual: CapturedOutcome,
  rules: CompareRules,
  steps: StepBudget = new StepBudget(MAX_COMPARISON_STEPS),
): ResponseComparison {
  const differences = new DifferenceList({ hasSamples: rules.hasSamples });
  if (!expected.ok || !actual.ok) {
    const [outcome, other] = [outcomeOf(expected), outcomeOf(actual)];
    if (outcome !== other && !rules.ignores("outcome")) {
      differences.add("outcome", "changed", { expected: () => outcome, actual: () => other });
    }
    return made(differences);
  }
  const { response } = expected;
  const { response: other } = actual;
  if (response.status !== other.status && !rules.ignores("status")) {
    differences.add("status", "changed", {
      expected: () => String(response.status),
      actual: () => String(other.status),
    });
  }
  const ofStatus = made(differences);
  const notComparable = compareRest(response, other, { rules, differences, steps });
  if (notComparable === undefined) return made(differences);
  // Only a different status counts here: differing headers may be noise, and an incomplete body proves nothing.
  return ofStatus.differences.length > 0 ? ofStatus : { differences: NONE, notComparable };
}

/** Returns the reason why the responses are not comparable; `undefined` if they were compared. */
function compareRest(
  expected: CapturedResponse,
  actual: CapturedResponse,
  means: ComparisonContext,
): NotComparableReason | undefined {
  // Without memory, the header lines may be missing too.
  if (expected.body?.cutBy === "memory" || actual.body?.cutBy === "memory") return "memory";
  means.rules.startComparison(means.steps);
  try {
    compareHeaders(expected.headers, actual.headers, means);
    return compareBodies(expected, actual, means);
  } catch (error) {
    if (!(error instanceof StepsExceeded)) throw error;
    return "costly";
  }
}

function made(differences: DifferenceList): ResponseComparison {
  return { differences: differences.isEmpty ? NONE : differences.toArray(), notComparable: undefined };
}

function outcomeOf(answer: CapturedOutcome): string {
  return answer.ok ? `response ${answer.response.status}` : answer.kind;
}
