/** The request of one attempt, created from the matched request that all attempts share. */

import type { HeaderLine, Member, Route } from "../config/config.ts";
import { BodyFanOut } from "../body/body_fan_out.ts";
import type { RequestBody } from "../body/request_body.ts";
import type { SharedBody } from "../body/shared_body.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { upstreamRequestFor } from "../http/upstream_request.ts";
import { relayedTrailers, type Trailers } from "../http/trailers.ts";
import type { CancellationSignal } from "../lib/cancellation.ts";
import { headBytes } from "./response_head.ts";
import type { Attempt } from "./attempt.ts";
import type { TransportRequest } from "./transport.ts";

/** A request with its route and body. Class, not object literal: V8 pretenures literals that survive (decision 022). */
export class MatchedRequest {
  readonly received: ReceivedRequest;
  readonly route: Route;
  readonly body: RequestBody;

  constructor(received: ReceivedRequest, route: Route, body: RequestBody = null) {
    this.received = received;
    this.route = route;
    this.body = body;
  }
}

/** Listener of {@linkcode AttemptRequest}. */
export interface AttemptRequestListener {
  /** Called when a shadow request is cut off before its end. */
  onSkip(attempt: Member, reason: SkipReason): void;
}

/** Lowest common limit on request heads in bytes (nginx, Apache, Tomcat, Jetty). */
const MAX_USUAL_HEAD_BYTES = 8_192;

/** Replaces the header lines once they have been encoded. */
const DROPPED: readonly HeaderLine[] = [];

/** A request to one service. Each service reads the body at its own pace. */
export class AttemptRequest implements TransportRequest {
  readonly method: string;
  readonly origin: string;
  readonly target: string;
  readonly rawTarget: string | undefined;
  readonly host: string | undefined;
  /** Header lines; empty once they have been encoded. */
  headers: readonly HeaderLine[];
  readonly upgrade: readonly string[] | undefined;
  readonly takesTrailers: boolean | undefined;
  readonly trailers: Trailers | undefined;
  readonly body: TransportRequest["body"];
  readonly contentLength: number | undefined;
  readonly tls: TransportRequest["tls"];
  readonly http2: boolean;
  readonly cancellation: CancellationSignal;
  readonly #attempt: Attempt;
  #shared: SharedBody | undefined;
  /** Size of the head as sent, in bytes; 0 if the transport does not report it. */
  #headBytes = 0;

  constructor(attempt: Attempt, { received, route, body }: MatchedRequest, listener: AttemptRequestListener) {
    const { tls, http2, shadow } = attempt.service;
    const head = upstreamRequestFor(received, route, attempt, attempt.span?.traceparent);
    this.#attempt = attempt;
    this.method = head.method;
    this.origin = head.origin;
    this.target = head.target;
    this.rawTarget = head.rawTarget;
    this.host = head.host;
    this.headers = head.headers;
    this.upgrade = head.upgrade;
    this.takesTrailers = head.takesTrailers;
    this.contentLength = received.contentLength;
    this.tls = tls;
    this.http2 = http2;
    this.cancellation = attempt.cancellation;
    if (shadow?.body === false) this.body = null;
    else if (body instanceof BodyFanOut) {
      this.trailers = trailersFor(attempt, received);
      this.body = attempt.upload = body.branch(attempt.role, {
        onProgress: () => this.#refresh(),
        onStarved: () => void (attempt.pending && attempt.deadline.stop()),
        isFinished: () => attempt.isFinished,
        onBreak(kind) {
          if (attempt.role === "shadow" && kind !== "aborted") listener.onSkip(attempt, kind);
          attempt.abort(kind);
        },
      }, shadow?.maxBodyBytes);
    } else {
      this.#shared = body ?? undefined;
      this.body = body?.acquire() ?? null;
    }
  }

  onConnecting(): void {
    this.#attempt.phase = "connecting";
  }

  /** Drops the header lines, which are a third of the memory of a waiting attempt. */
  onEncoded(sizeBytes: number): void {
    this.headers = DROPPED;
    this.#attempt.phase = "waiting";
    this.#headBytes = sizeBytes;
  }

  /**
   * Reports whether a healthy server may close the connection instead of responding: because the head is large, or the
   * body may be too large or too slow. Over HTTP/2, all clients share a connection, which servers close when one client
   * cancels many requests.
   */
  get mayCauseReset(): boolean {
    if (this.http2 || this.body instanceof ReadableStream) return true;
    return (this.#headBytes || this.target.length + headBytes(this.headers)) > MAX_USUAL_HEAD_BYTES;
  }

  /** Called when the body has been sent. */
  onSent(): void {
    this.#shared?.release();
    this.#shared = undefined;
  }

  /** Created on first access, because most transports use `cancellation`. */
  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get maxConnectionAgeMs(): number {
    return this.#attempt.service.maxConnectionAgeMs;
  }

  /** Restarts the timeout for the body, because the service has responded. */
  onHead(): void {
    this.#attempt.phase = "reading";
    this.#refresh();
  }

  /** Restarts the timeout, because the service has made progress. */
  #refresh(): void {
    if (this.#attempt.pending) this.#attempt.deadline.refresh();
  }
}

/** Returns the trailers for a service, without fields that the configuration sets, removes or hides as credentials. */
function trailersFor({ service }: Attempt, { trailers }: ReceivedRequest): Trailers | undefined {
  if (trailers === undefined || service.shadow?.credentials === false) return undefined;
  return relayedTrailers(trailers, [...service.removeHeaders, ...service.headers.map(([name]) => name)]);
}
