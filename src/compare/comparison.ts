/** One comparison that has been made: what the tally, the log and the report are fed with. */

import type { NotComparableReason } from "../observe/events.ts";
import type { CapturedOutcome } from "./response.ts";
import type { Difference } from "./difference.ts";

/** Two answers to the same request, and how they differ. */
export interface Comparison {
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** The route's pattern, for example `pathPrefix /api`. */
  readonly route: string;
  /** The request method. */
  readonly method: string;
  /** The request path, without the query; from the wire. */
  readonly path: string;
  /** The service that was compared with the primary. */
  readonly service: string;
  /** Whether this shows what differs by itself: the service is a control of the primary, or the primary was asked again. */
  readonly isNoise: boolean;
  /** The primary's answer. */
  readonly expected: CapturedOutcome;
  /** The service's answer. */
  readonly actual: CapturedOutcome;
  /** How they differ; empty where they are alike. No path occurs twice. */
  readonly differences: readonly Difference[];
}

/** Two responses to the same request that are not comparable. */
export interface NotComparable extends Pick<Comparison, "requestId" | "route" | "service" | "isNoise"> {
  /** Reason. */
  readonly reason: NotComparableReason;
}
