/** Letting what is in flight finish, within a bound. */

/** How a drain ended. */
export type DrainEnd = "finished" | "timed-out" | "interrupted";

/** What a drain waits for, and no longer than. */
export interface DrainOptions {
  /** The longest time to wait, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Ends the waiting at once when it is fulfilled.
   *
   * @default Nothing does.
   */
  readonly interruption?: Promise<unknown>;
}

/**
 * Waits for work to finish.
 *
 * @param work What is to finish.
 * @param options The bound.
 * @returns Whether it finished, or what came first.
 */
export async function drain(work: Promise<unknown>, options: DrainOptions): Promise<DrainEnd> {
  const { timeoutMs, interruption = new Promise<never>(() => {}) } = options;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      work.then((): DrainEnd => "finished"),
      interruption.then((): DrainEnd => "interrupted"),
      new Promise<DrainEnd>((resolve) => {
        timer = setTimeout(() => resolve("timed-out"), timeoutMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
