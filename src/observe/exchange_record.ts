/** One exchange as people look at it later: who was asked, when, and what came of it. */

import type { HeaderLine, Role } from "../config/config.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";

/** One service's part in an exchange. */
export interface AttemptRecord {
  /** The service's configured name. */
  readonly service: string;
  /** The service's role on the route. */
  readonly role: Role;
  /** Why it was not sent the request; absent where it was. */
  readonly skipped?: SkipReason;
  /** When its attempt started, in milliseconds after the request had arrived; absent where it was not sent. */
  readonly startMs?: number;
  /** When it settled, in milliseconds after the request had arrived; absent while it has not. */
  readonly endMs?: number;
  /** Whether its response counts as a success; absent while it has not settled. */
  readonly success?: boolean;
  /** The response's status; absent where there was none. */
  readonly status?: number;
  /** Why there was no response; absent where there was one. */
  readonly failure?: FailureKind;
  /** Whether its copy had been held back. */
  readonly hedge: boolean;
  /** Whether its response was the client's answer. */
  readonly selected: boolean;
  /** The response's header lines, secrets redacted. */
  readonly headers?: readonly HeaderLine[];
}

/** One exchange, from its arrival until the last copy has settled. */
export interface ExchangeRecord {
  /** Rises from exchange to exchange; the place to go on from. */
  readonly id: number;
  /** The `X-Request-Id` of the exchange. */
  readonly requestId: string;
  /** When the request arrived, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The request method. */
  readonly method: string;
  /** The request path, without the query; from the wire, and cut where it is very long. */
  readonly path: string;
  /** The matched route's pattern; empty where none matched. */
  readonly route: string;
  /** The request's header lines, secrets redacted. */
  readonly headers: readonly HeaderLine[];
  /** The status that the client got. */
  readonly status: number;
  /** The service whose response the client got; absent where conductor answered itself. */
  readonly service?: string;
  /** Whether the answer came from another than a primary. */
  readonly fallback: boolean;
  /** From the arrival until the answer was decided, in milliseconds. */
  readonly durationMs: number;
  /** What broke the answer off after its head; absent where nothing did. */
  readonly interrupted?: FailureKind;
  /** The services of the route, in the order of the configuration. */
  readonly attempts: readonly AttemptRecord[];
}
