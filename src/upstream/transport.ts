/** Bytes to and from a backend: the one interface that every way of talking to one fills. */

import type { FailureKind, UpstreamResponse } from "../exchange/attempt.ts";
import type { Outbound } from "../exchange/outbound.ts";

/** A request to one service, with its body. */
export interface TransportRequest extends Outbound {
  /** Bytes, a stream to be read once, or `null` for none. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /**
   * PEM text of authorities that may vouch for an `https` backend, beside those that the runtime trusts; absent: none. A
   * transport that can not use it fails with `tls`, as it does for every certificate that it can not verify.
   */
  readonly ca?: string | undefined;
  /** Ends the exchange at any point, and frees what it holds. */
  readonly signal: AbortSignal;
}

/** What came of a request: the response's head with its body to be read, or how it failed. */
export type TransportResult =
  | { readonly ok: true; readonly response: UpstreamResponse }
  | { readonly ok: false; readonly kind: FailureKind };

/**
 * Sends a request to a backend. It follows no redirect, sends nothing twice that is not safe to repeat, changes no
 * coding without changing the headers that describe it, and does not reject: a failing backend is data.
 */
export type Transport = (request: TransportRequest) => Promise<TransportResult>;
