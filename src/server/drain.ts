/** Waiting for work in flight, with a timeout. */

/** Outcome of a drain. */
export type DrainEnd = "finished" | "timed-out" | "interrupted";

/** Options of {@linkcode drain}. */
export interface DrainOptions {
  /** Maximum wait in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Ends the wait when it resolves.
   *
   * @default No interruption.
   */
  readonly interruption?: Promise<unknown>;
}

/** Waits for work to finish. Returns the first of: finished, timed out, interrupted. */
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
