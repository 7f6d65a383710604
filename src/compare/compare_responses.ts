/** Comparison of two responses to the same request, with a limit on the work. */

import { StepBudget, StepsExceeded } from "../lib/step_budget.ts";
import { NotComparableError, type NotComparableReason } from "../observe/not_comparable.ts";
import type { CapturedOutcome, CapturedResponse } from "./captured_response.ts";
import { compareBodies } from "./compare_body.ts";
import { compareHeaders } from "./compare_headers.ts";
import { type ComparisonContext, type Difference, DifferenceList } from "./difference.ts";
import type { DifferenceTraits, ValuesByPath } from "./difference_traits.ts";
import type { CompareRules } from "./rules.ts";

/**
 * Maximum steps of one comparison. A step takes 5 to 15 ns, so a comparison takes at most 20 to 60 ms; HTML and XML
 * take the longest. This is enough for 256 KiB of JSON in any order, 4 MiB of JSON that differs only in values, or 128
 * MiB of equal bytes.
 */
export const MAX_COMPARISON_STEPS = 4_000_000;

const NONE: readonly Difference[] = [];

/** Result of a comparison. */
export interface ResponseComparison {
  /** Differences in the order status, header fields, body. Empty if the responses match or are not comparable. */
  readonly differences: readonly Difference[];
  /** Traits of the differences, by path. Absent: none. */
  readonly traits?: DifferenceTraits;
  /** Values that differ in the same form, by path. Absent: none. */
  readonly values?: ValuesByPath;
  /** Reason why the responses are not comparable; `undefined` if they were compared. */
  readonly notComparable: NotComparableReason | undefined;
}

/**
 * Compares status, header fields and body of a candidate with the baseline. A response on only one side is a difference
 * of the outcome. Responses with different status codes always differ, even if their bodies are not comparable.
 *
 * Without `steps`, the work is limited to {@linkcode MAX_COMPARISON_STEPS}.
 */
export function compareResponses(
  expected: CapturedOutcome,
  actual: CapturedOutcome,
  rules: CompareRules,
  steps: StepBudget = new StepBudget(MAX_COMPARISON_STEPS),
): ResponseComparison {
  const differences = new DifferenceList({ hasSamples: rules.hasSamples });
  if (!expected.ok || !actual.ok) {
    const [expectedText, actualText] = [describeOutcome(expected), describeOutcome(actual)];
    if (expectedText !== actualText && !rules.ignores("outcome")) {
      differences.add("outcome", "changed", { expected: () => expectedText, actual: () => actualText });
    }
    return compared(differences);
  }
  const { response: baseline } = expected;
  const { response: candidate } = actual;
  if (!rules.areEquivalentStatuses(baseline.status, candidate.status) && !rules.ignores("status")) {
    differences.add("status", "changed", {
      expected: () => String(baseline.status),
      actual: () => String(candidate.status),
    });
  }
  compareCloseCodes(baseline, candidate, { rules, differences });
  const statusOnly = compared(differences);
  const notComparable = compareHeadersAndBody(baseline, candidate, { rules, differences, steps });
  if (notComparable === undefined) return compared(differences);
  // Only a different status counts here: differing headers may be noise, and an incomplete body proves nothing.
  return statusOnly.differences.length > 0 ? statusOnly : { differences: NONE, notComparable };
}

/** Compares how two WebSockets ended. A connection that conductor closed has no code. */
function compareCloseCodes(
  { closeCode: expected }: CapturedResponse,
  { closeCode: actual }: CapturedResponse,
  { rules, differences }: Pick<ComparisonContext, "rules" | "differences">,
): void {
  if (expected === undefined || actual === undefined || expected === actual || rules.ignores("closeCode")) return;
  differences.add("closeCode", "changed", { expected: () => String(expected), actual: () => String(actual) });
}

/** Returns the reason why the responses are not comparable; `undefined` if they were compared. */
function compareHeadersAndBody(
  expected: CapturedResponse,
  actual: CapturedResponse,
  context: ComparisonContext,
): NotComparableReason | undefined {
  // If memory ran out, the header lines may be missing as well.
  if (expected.body?.cutBy === "memory" || actual.body?.cutBy === "memory") return "memory";
  context.rules.startComparison(context.steps);
  try {
    const isHandshake = expected.status === 101 && actual.status === 101;
    compareHeaders(expected.headers, actual.headers, context, isHandshake);
    return compareBodies(expected, actual, context);
  } catch (error) {
    if (error instanceof NotComparableError) return error.reason;
    if (error instanceof StepsExceeded) return "costly";
    throw error;
  }
}

function compared(differences: DifferenceList): ResponseComparison {
  if (differences.isEmpty) return { differences: NONE, notComparable: undefined };
  const traits = differences.traits();
  const values = differences.values(traits);
  return { differences: differences.toArray(), traits, values, notComparable: undefined };
}

function describeOutcome(outcome: CapturedOutcome): string {
  return outcome.ok ? `response ${outcome.response.status}` : outcome.kind;
}
