/** What a tally has counted at one moment, as plain data: it goes from worker to main thread, and adds up. */

import type { NotComparableReason } from "../observe/events.ts";
import type { MismatchSample } from "./report.ts";

/** A sample, and what decides whether it stays. */
export interface RankedSample extends MismatchSample {
  /** The five lowest stay. -1 for the first ones, else drawn from 0 to 1: so those kept are an even choice of all. */
  readonly rank: number;
}

/** A field that differed, of one service. */
export interface FieldTally {
  /** Where, as in `Difference`; `$.…`, `header:…` and `form:…` stand for all that there was no room for. */
  readonly path: string;
  /** Comparisons with a difference there. */
  readonly differing: number;
  /** At most five. */
  readonly samples: readonly RankedSample[];
}

/** Comparisons that differed in the same places. */
export interface DifferenceSet {
  /** Where, each path once. */
  readonly paths: readonly string[];
  /** How many. */
  readonly count: number;
}

/** One service at one endpoint. */
export interface EndpointServiceTally {
  /** The service. */
  readonly service: string;
  /** Comparisons, noise aside. */
  readonly compared: number;
  /** The fields that differed. */
  readonly fields: readonly FieldTally[];
  /** The comparisons with differences, by where they differed. */
  readonly sets: readonly DifferenceSet[];
  /** Those that there was no set for: how many, and how many of them differed in each field. */
  readonly others: { readonly count: number; readonly fields: readonly (readonly [path: string, differing: number])[] };
}

/** One endpoint of a route. */
export interface EndpointTally {
  /** The route's pattern. */
  readonly route: string;
  /** The endpoint; `…` stands for all that there was no room for. */
  readonly endpoint: string;
  /** The primary compared with itself: how often, and how many of them differed in each field. */
  readonly noise: {
    readonly compared: number;
    readonly fields: readonly (readonly [path: string, differing: number])[];
  };
  /** The services that are judged. */
  readonly services: readonly EndpointServiceTally[];
}

/** How one side of a service's comparisons answered. */
export interface ResponsesTally {
  /** Answers that were none, and responses with 5xx. */
  readonly errors: number;
  /** Responses by latency, from the start of the attempt until the head: counts by `LATENCY_BUCKETS`. */
  readonly latency: readonly number[];
}

/** One service on one route. */
export interface ServiceTally {
  /** The route's pattern. */
  readonly route: string;
  /** The service. */
  readonly service: string;
  /** Comparisons, noise aside. */
  readonly compared: number;
  /** Pairs of responses that were not comparable, by reason. No other count includes them. */
  readonly notComparable: Readonly<Partial<Record<NotComparableReason, number>>>;
  /** The primary's answers in these comparisons. */
  readonly primary: ResponsesTally;
  /** The service's answers. */
  readonly answers: ResponsesTally;
}

/** Everything that was counted. */
export interface TallySnapshot {
  /** The endpoints, in the order in which they were seen. */
  readonly endpoints: readonly EndpointTally[];
  /** The services, those first that are expected to be compared. */
  readonly services: readonly ServiceTally[];
  /** Samples, fields, endpoints and comparisons that there was no room for, counted together. */
  readonly dropped: number;
}
