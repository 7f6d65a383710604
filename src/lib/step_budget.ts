/** A bound on work that does not depend on a clock: the same input always costs the same number of steps. */

/** Thrown when a {@linkcode StepBudget} has been used up. */
export class StepsExceeded extends Error {
  override readonly name = "StepsExceeded";
}

/** Counts the steps of one piece of work. An exception ends the work when there are too many. */
export class StepBudget {
  #left: number;

  /** Starts with all steps. Default: no bound. */
  constructor(maxSteps: number = Infinity) {
    this.#left = maxSteps;
  }

  /** Steps that may still be taken. */
  get left(): number {
    return this.#left;
  }

  /** Takes steps, before the work that they pay for. Throws {@linkcode StepsExceeded} when fewer are left. */
  take(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new StepsExceeded("Cannot go on: the step budget is used up");
  }
}
