/** The client's side of an exchange until its answer is decided: it may go away, or break its body off. */

import type { Problem } from "./problem.ts";

/** Nobody reads this answer; 499 is nginx's word for it in the log. */
const CLIENT_GONE: Problem = { status: 499, detail: "The client went away" };

/** What has become of a client. */
export interface ClientWatch {
  /** The first thing that went wrong on the client's side; `undefined` as long as nothing has. */
  readonly problem: Problem | undefined;
  /** Takes note of something that went wrong. */
  readonly report: (problem: Problem) => void;
  /** Ends the watch: from then on Deno aborts the signal of a request that was answered well, too (denoland/deno#28850). */
  stop(): void;
}

/**
 * Watches a client.
 *
 * @param signal The request's signal.
 * @param onProblem Called each time that something went wrong.
 * @returns What is known of the client.
 */
export function watchClient(signal: AbortSignal, onProblem: () => void): ClientWatch {
  let first: Problem | undefined;
  const report = (problem: Problem) => {
    first ??= problem;
    onProblem();
  };
  const onGone = () => report(CLIENT_GONE);
  signal.addEventListener("abort", onGone);
  return {
    get problem() {
      return first;
    },
    report,
    stop: () => signal.removeEventListener("abort", onGone),
  };
}
