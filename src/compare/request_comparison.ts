/** A comparison whose samples of the request are made when they are read. */

import type { CapturedOutcome } from "./captured_response.ts";
import type { Comparison } from "./comparison.ts";
import type { Candidate } from "./comparison_plan.ts";
import type { Difference } from "./difference.ts";
import type { RequestSample } from "./report.ts";
import { type KeptRequest, sampleOfRequest } from "./request_sample.ts";
import { sampleOfPath } from "./sample_text.ts";

/** Properties of a comparison that do not follow from its request. */
export interface ComparisonResult
  extends Pick<Comparison, "route" | "service" | "isNoise" | "expected" | "actual" | "differences"> {
  /** Version of the candidate. */
  readonly build: string | undefined;
  /** Traits of the differences, by path. */
  readonly traits: Comparison["traits"] | undefined;
  /** Values that differ in the same form, by path. */
  readonly values: Comparison["values"] | undefined;
}

/** A comparison. Class, not object literal: one with getters takes half a microsecond to create. */
export class RequestComparison implements Comparison {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly service: string;
  declare readonly build?: string;
  readonly isNoise: boolean;
  readonly expected: CapturedOutcome;
  readonly actual: CapturedOutcome;
  readonly differences: readonly Difference[];
  declare readonly traits?: NonNullable<Comparison["traits"]>;
  declare readonly values?: NonNullable<Comparison["values"]>;
  readonly #request: KeptRequest;
  readonly #candidate: Pick<Candidate, "settings" | "rules">;
  #sample: RequestSample | undefined;

  /** Takes no sample of the request until it is read. */
  constructor(request: KeptRequest, candidate: Pick<Candidate, "settings" | "rules">, result: ComparisonResult) {
    const { clientRequest } = request;
    this.requestId = clientRequest.requestId;
    this.method = clientRequest.method;
    this.route = result.route;
    this.service = result.service;
    if (result.build !== undefined) this.build = result.build;
    this.isNoise = result.isNoise;
    this.expected = result.expected;
    this.actual = result.actual;
    this.differences = result.differences;
    if (result.traits !== undefined) this.traits = result.traits;
    if (result.values !== undefined) this.values = result.values;
    this.#request = request;
    this.#candidate = candidate;
  }

  get path(): string {
    return sampleOfPath(this.#request.clientRequest.path, this.#candidate.rules.redactor);
  }

  get request(): RequestSample | undefined {
    // Cached, because it is read for each field that differs.
    const { settings, rules } = this.#candidate;
    return settings.samples === "none" ? undefined : this.#sample ??= sampleOfRequest(this.#request, rules.redactor);
  }
}
