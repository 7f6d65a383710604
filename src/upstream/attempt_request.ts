/** What one attempt sends. */

import type { HeaderLine, Member } from "../config/config.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import { BodyFanOut } from "../body/body_fan_out.ts";
import type { CancellationSignal } from "../lib/cancellation.ts";
import type { MatchedRequest } from "./matched_request.ts";
import { upstreamRequestFor } from "../http/upstream_request.ts";
import type { Attempt } from "./attempt.ts";
import type { SharedBody } from "../body/shared_body.ts";
import { headBytes } from "./response_head.ts";
import type { TransportRequest } from "./transport.ts";

/** Who is told of a copy that does not get to its end. */
export interface AttemptRequestHooks {
  /** Told of the attempt, and why. */
  onSkip(attempt: Member, reason: SkipReason): void;
}

/** Lowest common limit on request heads in bytes (nginx, Apache, Tomcat, Jetty). */
const MAX_USUAL_HEAD_BYTES = 8_192;

/** Replaces header lines that have been sent. */
const SENT: readonly HeaderLine[] = [];

/** The request of one attempt; its body is read as the attempt reads it. */
export class AttemptRequest implements TransportRequest {
  /** The request method. */
  readonly method: string;
  /** Scheme and authority of the backend. */
  readonly origin: string;
  /** Path and query. */
  readonly target: string;
  /** The target with the client's bytes outside ASCII; `undefined` if there are none. */
  readonly rawTarget: string | undefined;
  /** The Host field; `undefined` for the URL's own authority. */
  readonly host: string | undefined;
  /** The header lines, until they have been sent. */
  headers: readonly HeaderLine[];
  /** The service's own reader of the body. */
  readonly body: TransportRequest["body"];
  /** How long a stream is, where the client said so. */
  readonly contentLength: number | undefined;
  /** How the backend proves its name. */
  readonly tls: TransportRequest["tls"];
  /** Whether HTTP/2 is spoken. */
  readonly http2: boolean;
  /** Tells when the attempt is broken off from our side. */
  readonly cancellation: CancellationSignal;
  readonly #attempt: Attempt;
  #shared: SharedBody | undefined;
  /** Size of the head as sent, in bytes; 0 if the transport does not report it. */
  #headBytes = 0;

  /**
   * Makes it from the client's.
   *
   * @param attempt The attempt.
   * @param request The client's request.
   * @param hooks Told why a copy has been cut off on its way.
   */
  constructor(attempt: Attempt, request: MatchedRequest, hooks: AttemptRequestHooks) {
    const { clientRequest, route, body } = request;
    const { tls, http2, shadow } = attempt.service;
    const outbound = upstreamRequestFor(clientRequest, route, attempt, attempt.span?.traceparent);
    this.#attempt = attempt;
    this.method = outbound.method;
    this.origin = outbound.origin;
    this.target = outbound.target;
    this.rawTarget = outbound.rawTarget;
    this.host = outbound.host;
    this.headers = outbound.headers;
    this.contentLength = clientRequest.contentLength;
    this.tls = tls;
    this.http2 = http2;
    this.cancellation = attempt.cancellation;
    if (shadow?.body === false) this.body = null;
    else if (body instanceof BodyFanOut) {
      this.body = attempt.upload = body.branch(attempt.role, {
        onProgress: () => this.onHead(),
        onStarved: () => void (attempt.pending && attempt.deadline.stop()),
        isFinished: () => attempt.isFinished,
        onBreak(kind) {
          if (attempt.role === "shadow" && kind !== "aborted") hooks.onSkip(attempt, kind);
          attempt.abort(kind === "body-too-large" ? "aborted" : kind);
        },
      }, shadow?.maxBodyBytes);
    } else {
      this.#shared = body ?? undefined;
      this.body = body?.acquire() ?? null;
    }
  }

  /** Drops the header lines, which are a third of the memory of a waiting attempt. */
  onEncoded(sizeBytes: number): void {
    this.headers = SENT;
    this.#headBytes = sizeBytes;
  }

  /**
   * Reports whether a healthy server may close the connection instead of responding. It may if the head is large, or if
   * the body may be too large or too slow. Over HTTP/2, all clients share a connection, which servers close when one client
   * cancels many requests.
   */
  get isDemanding(): boolean {
    if (this.http2 || this.body instanceof ReadableStream) return true;
    return (this.#headBytes || this.target.length + headBytes(this.headers)) > MAX_USUAL_HEAD_BYTES;
  }

  /** Its body has been sent. */
  onSent(): void {
    this.#shared?.release();
    this.#shared = undefined;
  }

  /** The same, as a signal of the platform. */
  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  /** Something has happened: the time-out begins anew. */
  onHead(): void {
    if (this.#attempt.pending) this.#attempt.deadline.refresh();
  }
}
