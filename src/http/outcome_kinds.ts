/** Failure kinds and skip reasons: one declaration for log, metrics, responses and documentation. */

/** How an attempt failed without a usable response. */
export type FailureKind =
  | "timeout"
  | "refused"
  | "reset"
  | "dns"
  | "tls"
  | "protocol"
  | "head-too-large"
  | "unsendable"
  | "aborted"
  | "lagging"
  | "open-circuit"
  | "overloaded";

/** Why a service was not sent a request that its route matched. */
export type SkipReason =
  | "sampled"
  | "method"
  | "overloaded"
  | "rate"
  | "lagging"
  | "open-circuit"
  | "unhealthy"
  | "body-too-large"
  | "hedge-budget";
