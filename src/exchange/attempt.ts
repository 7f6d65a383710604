/** What one service's try at one request is, and how it can end. */

import type { HeaderLine, Role, Service } from "../config/config.ts";

/** How an attempt failed without a usable response. */
export type FailureKind =
  | "timeout"
  | "refused"
  | "reset"
  | "dns"
  | "tls"
  | "protocol"
  | "aborted"
  | "lagging"
  | "open-circuit"
  | "overloaded";
