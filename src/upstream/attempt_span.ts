/** What the recording of an attempt has to do with the attempt, where spans are recorded at all. */

import type { AttemptView } from "./attempt.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";

/** The span of one attempt. */
export interface AttemptSpan {
  /** What the service is told of it, as the value of `traceparent`. */
  readonly traceparent: string;
  /**
   * Sends the request so that whoever records what the runtime sends leaves it alone.
   *
   * @param send Sends it.
   * @returns What that returns.
   */
  around<T>(send: () => T): T;
  /** The body of its response broke off. */
  broken(kind: FailureKind): void;
  /** It is not in flight any more: how it ended is known. */
  over(attempt: AttemptView & { readonly abortReason: FailureKind | undefined }): void;
  /** The choice among the attempts has been made; shadows are not told. */
  decided(isSelected: boolean): void;
}
