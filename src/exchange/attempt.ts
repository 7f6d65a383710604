/** What one service's try at one request is, and how it can end. */

import type { HeaderLine, Role, Service, StatusRange } from "../config/config.ts";

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

/** A response as it came from a backend, its body not yet passed on. */
export interface UpstreamResponse {
  /** The status code, 200 to 599. */
  readonly status: number;
  /** The header lines in the order in which they came. */
  readonly headers: readonly HeaderLine[];
  /** Bytes where the whole (small) body is there, a stream where it is still coming, `null` where there is none. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

/** How an attempt ended. A failure is data, never an exception. */
export type Outcome =
  | { readonly ok: true; readonly response: UpstreamResponse; readonly success: boolean }
  | { readonly ok: false; readonly kind: FailureKind };

/** One service's try at one request. */
export interface Attempt {
  /** The backend that is tried. */
  readonly service: Service;
  /** Its role on the request's route. */
  readonly role: Role;
  /** How it ended; `undefined` until it has settled. */
  readonly outcome: Outcome | undefined;
  /** When it settled among its siblings, from 1; 0 until then. */
  readonly settledOrder: number;
}

/**
 * Tells whether a status counts as a success.
 *
 * @param status The response's status code.
 * @param failOn The codes that count as a failure.
 * @returns `false` where one of the ranges holds the status.
 */
export function isSuccess(status: number, failOn: readonly StatusRange[]): boolean {
  return !failOn.some(({ from, to }) => status >= from && status <= to);
}
