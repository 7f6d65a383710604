/** State that all parts of a comparison share. */

import type { StepBudget } from "../lib/step_budget.ts";
import type { DifferenceList } from "./difference_list.ts";
import type { CompareRules } from "./rules.ts";

/** Rules, result and step budget of one comparison. */
export interface ComparisonContext {
  /** Rules that decide about differences. */
  readonly rules: CompareRules;
  /** Differences found so far. */
  readonly differences: DifferenceList;
  /** Budget for the work. Steps are taken before the work is done. */
  readonly steps: StepBudget;
}
