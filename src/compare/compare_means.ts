/** Means that all parts of a comparison share. */

import type { StepBudget } from "../lib/step_budget.ts";
import type { DifferenceList } from "./difference_list.ts";
import type { CompareRules } from "./rules.ts";

/** Rules of one comparison, its result and its price. */
export interface CompareMeans {
  /** Rules that decide about differences. */
  readonly rules: CompareRules;
  /** Differences found so far. */
  readonly differences: DifferenceList;
  /** Pays for the work, before it is done. */
  readonly steps: StepBudget;
}
