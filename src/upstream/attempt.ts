/** What one service's try at one request is, and how it can end. */

import type { FailureKind } from "../http/outcome_kinds.ts";
import type { HeaderLine, Role, Service, StatusRange } from "../config/config.ts";

/** A response as it came from a backend, its body not yet passed on. */
export interface UpstreamResponse {
  /** The status code, 200 to 599. */
  readonly status: number;
  /** The header lines in the order in which they came. */
  readonly headers: readonly HeaderLine[];
  /** Bytes where the whole (small) body is there, a stream where it is still coming, `null` where there is none. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Whether the body is a stream, where one is only made when it is asked for; absent: the body tells. */
  readonly isStreamed?: boolean;
  /** Gives up a stream that was never asked for; absent: the body is to be cancelled. */
  giveUp?(): void;
}

/**
 * Tells whether a response's body is still coming.
 *
 * @param response The response.
 * @returns Whether it is a stream. None is made by asking.
 */
export function isStreamed(response: UpstreamResponse): boolean {
  return response.isStreamed ?? response.body instanceof ReadableStream;
}

/**
 * Gives up a response of which nothing has been read, and frees its connection.
 *
 * @param response The response.
 */
export function discardResponse(response: UpstreamResponse): void {
  if (response.giveUp !== undefined) response.giveUp();
  else if (response.body instanceof ReadableStream) response.body.cancel().catch(() => {});
}

/** Outcome of an attempt. A failure is data, never an exception. */
export type Outcome =
  | { readonly ok: true; readonly response: UpstreamResponse; readonly success: boolean }
  | Failure;

/** The end of an attempt without a usable response. */
export interface Failure {
  /** Marks the outcome as a failure. */
  readonly ok: false;
  /** Kind of the failure. */
  readonly kind: FailureKind;
  /** True if the request itself may have made a healthy service fail. The breaker then ignores the failure. */
  readonly provoked?: boolean;
}

/** An attempt that ended with a response. */
export class ResponseOutcome {
  /** Marks the outcome as a failure. */
  readonly ok = true;
  /** The response. */
  readonly response: UpstreamResponse;
  /** Whether it counts as a success. */
  readonly success: boolean;

  /**
   * Refers to a response.
   *
   * @param response The response.
   * @param success Whether it counts as a success.
   */
  constructor(response: UpstreamResponse, success: boolean) {
    this.response = response;
    this.success = success;
  }
}

/** One service's try at one request. */
export interface AttemptView {
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
