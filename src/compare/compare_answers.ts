/** Did two services answer alike? */

import type { CapturedAnswer } from "./answer.ts";
import { StepsExceeded } from "../lib/step_budget.ts";
import { compareBodies } from "./compare_body.ts";
import { compareHeaders } from "./compare_headers.ts";
import type { Difference } from "./difference.ts";
import { DifferenceList } from "./difference_list.ts";
import type { CompareRules } from "./rules.ts";

const NONE: readonly Difference[] = [];

/**
 * Finds how two answers to the same request differ: status, header fields, body; or that one of them is missing. At most
 * 100 differences, no path twice.
 *
 * @param expected The primary's answer.
 * @param actual The answer of the service that is compared with it.
 * @param rules What counts as a difference.
 * @returns The differences, in the order status, header fields, body; empty where the answers are alike.
 */
export function compareAnswers(
  expected: CapturedAnswer,
  actual: CapturedAnswer,
  rules: CompareRules,
): readonly Difference[] {
  const differences = new DifferenceList({ hasSamples: rules.hasSamples });
  if (!expected.ok || !actual.ok) {
    const [outcome, other] = [outcomeOf(expected), outcomeOf(actual)];
    if (outcome !== other && !rules.ignores("outcome")) {
      differences.add("outcome", "changed", { expected: () => outcome, actual: () => other });
    }
    return differences.toArray();
  }
  const { response } = expected;
  const { response: other } = actual;
  if (response.status !== other.status && !rules.ignores("status")) {
    differences.add("status", "changed", {
      expected: () => String(response.status),
      actual: () => String(other.status),
    });
  }
  rules.startComparison();
  try {
    compareHeaders(response.headers, other.headers, rules, differences);
    compareBodies(response, other, rules, differences);
  } catch (error) {
    if (!(error instanceof StepsExceeded)) throw error;
    // A text that was not compared to its end may differ: it never counts as a match.
    const reason = () => "not compared: the patterns of normalise take too many steps";
    differences.add("body", "changed", { expected: reason, actual: reason });
  }
  return differences.isEmpty ? NONE : differences.toArray();
}

function outcomeOf(answer: CapturedAnswer): string {
  return answer.ok ? `response ${answer.response.status}` : answer.kind;
}
