/** A comparison that shows the request's path when it is asked for: what tells secrets apart costs more than most comparisons. */

import type { ReceivedRequest } from "../http/received_request.ts";
import type { CapturedOutcome } from "./response.ts";
import type { Comparison } from "./comparison.ts";
import type { Difference } from "./difference.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfPath } from "./sample_text.ts";

/** A comparison as it comes from the comparer. */
export class MadeComparison implements Comparison {
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern. */
  readonly route: string;
  /** The request method. */
  readonly method: string;
  /** The service that was compared with the primary. */
  readonly service: string;
  /** Whether this shows what differs by itself. */
  readonly isNoise: boolean;
  /** The primary's answer. */
  readonly expected: CapturedOutcome;
  /** The service's answer. */
  readonly actual: CapturedOutcome;
  /** How they differ. */
  readonly differences: readonly Difference[];
  readonly #path: string;
  readonly #rules: CompareRules;

  /**
   * Keeps what was found.
   *
   * @param clientRequest The request.
   * @param route The route's pattern.
   * @param found Who was compared, and what came of it.
   * @param rules What is kept out of the path.
   */
  constructor(
    { requestId, method, path }: ReceivedRequest,
    route: string,
    found: Pick<Comparison, "service" | "isNoise" | "expected" | "actual" | "differences">,
    rules: CompareRules,
  ) {
    this.requestId = requestId;
    this.route = route;
    this.method = method;
    this.service = found.service;
    this.isNoise = found.isNoise;
    this.expected = found.expected;
    this.actual = found.actual;
    this.differences = found.differences;
    this.#path = path;
    this.#rules = rules;
  }

  /** The request path without the query, and without secrets. */
  get path(): string {
    return sampleOfPath(this.#path, this.#rules.redactor);
  }
}
