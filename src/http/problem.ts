/** What conductor answers itself: a status and a reason, written as RFC 9457 problem details by respond.ts. */

import type { HeaderLine, Role } from "../config/config.ts";
import type { FailureKind, RefusalReason } from "./outcome_kinds.ts";

/** How one service failed, as a client may know it. */
export interface ServiceFailure {
  /** The service's name; absent with `identify: false`. */
  readonly service?: string;
  /** Its role on the route. */
  readonly role: Role;
  /** The status that counted as a failure; absent where there was no response. */
  readonly status?: number;
  /** Why there was no response. */
  readonly failure?: FailureKind;
}

/** A response of conductor's own. It never contains an upstream's address. */
export interface Problem {
  /** The status code. */
  readonly status: number;
  /** One sentence for the client. */
  readonly detail: string;
  /** Further header lines, `Retry-After` or `Allow`. */
  readonly headers?: readonly HeaderLine[];
  /** Failure of each service, if that is the reason. */
  readonly services?: readonly ServiceFailure[];
  /** Limit that refused the request, for log and metrics; absent for every other problem. */
  readonly reason?: RefusalReason;
  /** True if the connection must be closed without reading the rest of the request. */
  readonly severs?: true;
}
