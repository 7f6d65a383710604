/** A limit on work in steps instead of time: the same input always takes the same number of steps. */

/** Thrown when a {@linkcode StepBudget} has been used up. */
export class StepsExceeded extends Error {
  override readonly name = "StepsExceeded";
}

/** Counts the steps of one task. A task that takes too many steps ends with an exception. */
export class StepBudget {
  #left: number;

  /** Creates a budget of `maxSteps`. Default: no limit. */
  constructor(maxSteps: number = Infinity) {
    this.#left = maxSteps;
  }

  /** Remaining steps. */
  get left(): number {
    return this.#left;
  }

  /** Takes steps; called before the work itself. Throws {@linkcode StepsExceeded} if too few are left. */
  take(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new StepsExceeded("Cannot continue: the step budget is used up");
  }
}
