/** Interface to the services: a transport sends one request and returns the response or the kind of failure. */

import type { UpstreamTls } from "../config/config.ts";
import { SAFE_METHODS } from "../config/schema/http.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { Trailers } from "../http/trailers.ts";
import type { UpstreamRequest } from "../http/upstream_request.ts";
import type { CancellationSignal } from "../lib/cancellation.ts";
import type { UpstreamResponse } from "./attempt.ts";

/** Request to one service. */
export interface TransportRequest extends UpstreamRequest {
  /** Bytes, a stream that can be read once, or `null` for no body. */
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Length of a stream in bytes, if the client sent it. Transports send it as Content-Length if they can. */
  readonly contentLength?: number | undefined;
  /** Trailers of a stream without a length, for transports that can send them. Absent: none. */
  readonly trailers?: Trailers | undefined;
  /**
   * Verification of an `https` service. Absent: the system's certificate authorities, and the host name of the origin.
   * A transport that cannot apply a setting fails with `tls` or verifies more strictly, never less.
   */
  readonly tls?: UpstreamTls | undefined;
  /** Use HTTP/2. Absent: HTTP/1.1. */
  readonly http2?: boolean | undefined;
  /** Maximum age in milliseconds of a connection that is reused for the request. Absent: no maximum. */
  readonly maxConnectionAgeMs?: number | undefined;
  /** Aborts the exchange at any point, and frees its resources. */
  readonly signal: AbortSignal;
  /** Cheaper equivalent of `signal`, for transports that need no `AbortSignal`. Absent: use `signal`. */
  readonly cancellation?: CancellationSignal | undefined;
  /** Called before a new connection is opened, if the transport reports it. */
  onConnecting?(): void;
  /**
   * Called when the head has been encoded, if the transport keeps the bytes. The header list may be dropped then,
   * because it is not read again.
   *
   * @param headBytes Size of the head in bytes.
   */
  onEncoded?(headBytes: number): void;
  /** Called when the whole request has been written. The bytes of the body are not read again. */
  onSent?(): void;
  /** Called when the response head has arrived and the transport waits for a small body. */
  onHead?(): void;
}

/** Result of a request: the response with its body unread, or the kind of failure. */
export type TransportResult =
  | { readonly ok: true; readonly response: UpstreamResponse }
  | TransportFailure;

/** Result without a response. */
export interface TransportFailure {
  /** Always false. */
  readonly ok: false;
  /** Kind of the failure. */
  readonly kind: FailureKind;
  /** Words of the platform about the cause. They may contain an address. Absent: none. */
  readonly error?: string | undefined;
}

/**
 * Sends a request to a service. A transport follows no redirects, repeats only safe requests, and keeps content codings
 * and the headers that describe them consistent. It never rejects: a failing service is data.
 */
export type Transport = (request: TransportRequest) => Promise<TransportResult>;

/** Reports whether a request may be sent again on a new connection: safe (RFC 9110 §9.2.2), and without a body. */
export function isRepeatable({ method, body }: Pick<TransportRequest, "method" | "body">): boolean {
  return body === null && SAFE_METHODS.includes(method);
}

/** Error of a response stream. Also thrown inside transports, which return its kind. */
export class UpstreamFailure extends Error {
  override readonly name = "UpstreamFailure";
  readonly kind: FailureKind;
  /** Words of the platform about the cause; `undefined`: none. */
  readonly error: string | undefined;

  /** The message contains only the kind, because `error` may contain an address. */
  constructor(kind: FailureKind, error?: string) {
    super(`Cannot complete the exchange with the service: ${kind}`);
    this.kind = kind;
    this.error = error;
  }
}

/** Returns the failure of an error of a response stream. Foreign errors count as `reset`. */
export function streamFailure(error: unknown): TransportFailure {
  if (error instanceof UpstreamFailure) return { ok: false, kind: error.kind, error: error.error };
  return { ok: false, kind: "reset", error: errorWords(error) };
}

/**
 * Returns the messages of an error and its causes, without URLs, most of whose text clients control, and without the
 * words that all messages of `fetch` have.
 */
export function errorWords(error: unknown): string {
  const words: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && words.length < 8; cause = cause.cause) {
    // The messages of Deno's system errors have a number instead of the code.
    words.push(cause.message, "code" in cause && !cause.message.includes("(os error") ? String(cause.code) : "");
  }
  return words.join(" ").split(/\s/).filter((word) => word !== "" && !word.includes("://")).join(" ");
}
