/** Bytes to and from a backend: the one interface that every way of talking to one fills. */

import type { UpstreamTls } from "../config/config.ts";
import type { UpstreamResponse } from "./attempt.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { CancellationSignal } from "../lib/cancellation.ts";
import type { UpstreamRequest } from "../http/upstream_request.ts";

/** A request to one service, with its body. */
export interface TransportRequest extends UpstreamRequest {
  /** Bytes, a stream to be read once, or `null` for none. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** How long a stream is, in bytes, where the client said so: it is sent as Content-Length where the transport can. */
  readonly contentLength?: number | undefined;
  /**
   * How an `https` backend proves its name; absent: by the system's authorities, for the host of its origin. A transport
   * that can not do as it says fails with `tls`, or verifies more: never less.
   */
  readonly tls?: UpstreamTls | undefined;
  /** Whether HTTP/2 is to be spoken; absent: no. */
  readonly http2?: boolean | undefined;
  /** Ends the exchange at any point, and frees what it holds. */
  readonly signal: AbortSignal;
  /** The same, for transports that have no need for one of the platform's; it costs less. Absent: the signal tells. */
  readonly cancellation?: CancellationSignal | undefined;
  /**
   * Called when the head has been encoded, if the transport keeps the bytes. `lines` are not read again and may be
   * dropped.
   *
   * @param headBytes Size of the head in bytes.
   */
  onEncoded?(headBytes: number): void;
  /** Called when all of the request has been handed to the connection, where bytes of a body are not looked at again. */
  onSent?(): void;
  /** Called when the response's head is there and a small body is still being waited for. */
  onHead?(): void;
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
