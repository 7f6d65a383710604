/** A limit on work without a clock: the same input always takes the same number of steps. */

/** Thrown when a {@linkcode StepBudget} has been used up. */
export class StepsExceeded extends Error {
  override readonly name = "StepsExceeded";
}

/** Counts the steps of one piece of work. Too many steps end the work with an exception. */
export class StepBudget {
  #left: number;

  /** Starts with a number of steps. Default: no limit. */
  constructor(maxSteps: number = Infinity) {
    this.#left = maxSteps;
  }

  /** Remaining steps. */
  get left(): number {
    return this.#left;
  }

  /** Takes steps before the work that they stand for. Throws {@linkcode StepsExceeded} if fewer are left. */
  take(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new StepsExceeded("Cannot continue: the step budget is used up");
  }
}
