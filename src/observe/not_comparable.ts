/** Reasons why responses are not comparable: one declaration for types, statistics, report, metrics and documentation. */

/**
 * Origin of a reason. `request`: the request itself, whatever the service does. `response`: one of the two responses.
 * `limit`: a limit of conductor. `sample`: a random choice before the responses are known.
 */
export type NotComparableOrigin = "request" | "response" | "limit" | "sample";

/** Facts about a reason. */
export interface NotComparableInfo {
  /** Cause, in one sentence. */
  readonly description: string;
  /** Origin of the reason. Only `response` and `limit` say that too little was compared. */
  readonly origin: NotComparableOrigin;
}

/** Every reason with its facts. */
export const NOT_COMPARABLE_REASONS = {
  "too-large": {
    description:
      "A body is larger than `maxBody`, as sent or decoded, and rules such as `ignore` may apply to the bytes that differ.",
    origin: "response",
  },
  "undecodable": {
    description: "The encoding of a body is unknown, the runtime cannot decode it, or both bodies are broken.",
    origin: "response",
  },
  "array-too-long": {
    description: "Arrays whose order is ignored are too long, or too different, to pair their elements.",
    origin: "response",
  },
  "unmapped-id": {
    description: "The request names a resource whose identifier in the compared service is unknown.",
    origin: "request",
  },
  "precondition": {
    description:
      "The request has a precondition such as `If-None-Match`, which held for only one of the services (304 or 412).",
    origin: "request",
  },
  "range": {
    description: "The request has a `Range`, and the services did not respond with the same kind of response (206).",
    origin: "request",
  },
  "unfinished": {
    description: "conductor aborted a response before its end, for example because the client disconnected.",
    origin: "request",
  },
  "body-lag": {
    description:
      "The service read an upload more than `bodyWindow` too slowly, and was cut off before it had responded.",
    origin: "response",
  },
  "costly": {
    description:
      "The comparison needs more than 4 million steps (20 to 60 ms), for example several MiB of JSON with different shapes.",
    origin: "response",
  },
  "not-sent": {
    description:
      "The service was not sent the request, because earlier ones were in flight: a limit such as `maxInFlight` was reached.",
    origin: "limit",
  },
  "memory": { description: "`maxMemory` was used up.", origin: "limit" },
  "busy": {
    description:
      "1,000 requests were already waiting for their comparison, because comparisons get 100 ms of each second.",
    origin: "limit",
  },
  "no-time": {
    description:
      "The request was left out at random before its responses were known, because comparisons get 100 ms of each second.",
    origin: "sample",
  },
} as const satisfies Record<string, NotComparableInfo>;

/** Reason why two responses are not comparable. The reference of outcomes describes each. */
export type NotComparableReason = keyof typeof NOT_COMPARABLE_REASONS;

/** Counts by reason. A reason without cases is absent. */
export type NotComparableCounts = Readonly<Partial<Record<NotComparableReason, number>>>;

/** Returns the sum of the counts; with `origin`, only of reasons with this origin. Default: all except `sample`. */
export function countNotComparable(counts: NotComparableCounts, origin?: NotComparableOrigin): number {
  let sum = 0;
  for (const [reason, count] of Object.entries(counts) as [NotComparableReason, number][]) {
    const found = NOT_COMPARABLE_REASONS[reason].origin;
    if (origin === undefined ? found !== "sample" : found === origin) sum += count;
  }
  return sum;
}

/** Returns the sum of two counts. */
export function addNotComparable(first: NotComparableCounts, second: NotComparableCounts): NotComparableCounts {
  const sum = { ...first };
  for (const [reason, count] of Object.entries(second) as [NotComparableReason, number][]) {
    sum[reason] = (sum[reason] ?? 0) + count;
  }
  return sum;
}

/** Ends a comparison from within. Thrown by the comparison of any part, caught by `compareResponses`. */
export class NotComparableError extends Error {
  override readonly name = "NotComparableError";
  /** The reason. */
  readonly reason: NotComparableReason;

  /** Creates an error with its reason. */
  constructor(reason: NotComparableReason) {
    super(`Cannot compare the responses: ${NOT_COMPARABLE_REASONS[reason].description}`);
    this.reason = reason;
  }
}
