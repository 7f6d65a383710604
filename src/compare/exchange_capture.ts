/** Captures the responses to one request, until the last attempt has finished. */

import type { Route, Service } from "../config/config.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import type { BodyTap } from "../upstream/attempt.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { type CapturedAttempt, ResponseCapture, type ResponseCaptureOptions } from "./response_capture.ts";

/** An attempt whose response body can be observed. */
export interface TappedAttempt extends CapturedAttempt {
  /** Observer of the response body; `undefined`: none. */
  tap: BodyTap | undefined;
}

/** Options of {@linkcode ExchangeCapture}. */
export interface ExchangeCaptureOptions extends ResponseCaptureOptions {
  /** The request. */
  readonly clientRequest: ReceivedRequest;
  /** The route of the request. */
  readonly route: Route;
  /** True if the request has a body. */
  readonly hasBody: boolean;
  /** A copy of the body, if it is needed after the exchange. */
  readonly requestBody?: Uint8Array<ArrayBuffer> | undefined;
  /** Memory reserved for the request, in bytes. */
  readonly heldBytes: number;
  /** Services whose responses are captured. */
  readonly captured: ReadonlySet<Service>;
  /** True if no response is captured, for lack of time or memory. The services that are sent the request are recorded. */
  readonly isRefused?: boolean;
  /** Called once, after the exchange is sealed and all captured attempts have finished. */
  onComplete(capture: ExchangeCapture): void;
}

/** The captured responses to one request. */
export class ExchangeCapture {
  /** The request. */
  readonly clientRequest: ReceivedRequest;
  /** The route of the request. */
  readonly route: Route;
  /** True if the request has a body. */
  readonly hasBody: boolean;
  /** A copy of the body; `undefined` if there is none, or if it is not needed. */
  readonly requestBody: Uint8Array<ArrayBuffer> | undefined;
  /** Captured responses in the order in which their attempts started. */
  readonly responses: ResponseCapture[] = [];
  /** Services that were sent the request, and whose responses are compared. */
  readonly sent: Set<Service> = new Set();
  readonly #options: ExchangeCaptureOptions;
  #running = 0;
  #isSealed = false;
  #isComplete = false;
  #heldBytes: number;
  #skips: Map<Service, SkipReason> | undefined;

  /** Creates a capture without attempts. */
  constructor(options: ExchangeCaptureOptions) {
    this.clientRequest = options.clientRequest;
    this.route = options.route;
    this.hasBody = options.hasBody;
    this.requestBody = options.requestBody;
    this.#options = options;
    this.#heldBytes = options.heldBytes;
  }

  /** Called when an attempt starts. Captures its response if the service is one of the captured ones. */
  started(attempt: TappedAttempt): void {
    if (this.#isComplete || !this.#options.captured.has(attempt.service)) return;
    this.sent.add(attempt.service);
    if (this.#options.isRefused) return;
    this.#running++;
    const capture = new ResponseCapture(attempt, this.#options);
    attempt.tap = capture;
    this.responses.push(capture);
  }

  /** Called when a service is skipped. */
  skipped(service: Service, reason: SkipReason): void {
    if (!this.#isComplete && this.#options.captured.has(service)) (this.#skips ??= new Map()).set(service, reason);
  }

  /** Returns the reason why a captured service was skipped; `undefined` if it was not. */
  skipReasonOf(service: Service): SkipReason | undefined {
    return this.#skips?.get(service);
  }

  /** Called when an attempt has finished: its response has been read or discarded. */
  finished(attempt: TappedAttempt): void {
    const capture = attempt.tap;
    if (!(capture instanceof ResponseCapture)) return;
    capture.finish();
    this.#running--;
    this.#completeOnce();
  }

  /** Called when the client's response is selected. Attempts that have not started until then may never start. */
  seal(): void {
    this.#isSealed = true;
    this.#completeOnce();
  }

  /** Releases all memory. */
  release(): void {
    for (const response of this.responses) response.release();
    this.#options.budget.release(this.#heldBytes);
    this.#heldBytes = 0;
  }

  #completeOnce(): void {
    if (!this.#isSealed || this.#running > 0 || this.#isComplete) return;
    this.#isComplete = true;
    this.#options.onComplete(this);
  }
}
