/** All answers to one request, kept until the last of them is over. */

import type { Route, Service } from "../config/config.ts";
import type { BodyTap } from "../body/body_tap.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { type CapturedAttempt, ResponseCapture } from "./response_capture.ts";
import type { MemoryBudget } from "../lib/memory_budget.ts";

/** An attempt that can be looked at. */
export interface TappedAttempt extends CapturedAttempt {
  /** Who looks on as its body passes. */
  tap: BodyTap | undefined;
}

/** How an exchange is captured. */
export interface ExchangeCaptureOptions {
  /** The request. */
  readonly clientRequest: ReceivedRequest;
  /** Its route. */
  readonly route: Route;
  /** Whether the request has a body. */
  readonly hasBody: boolean;
  /** Memory taken from the budget for the request, in bytes. */
  readonly heldBytes: number;
  /** Whose answers are kept. */
  readonly wanted: ReadonlySet<Service>;
  /** How much of each body is kept, in bytes. */
  readonly maxBytes: number;
  /** What the memory is taken from. */
  readonly budget: MemoryBudget;
  /** Told once, when all attempts are over. */
  onComplete(capture: ExchangeCapture): void;
}

/** The answers to one request. */
export class ExchangeCapture {
  /** The request. */
  readonly clientRequest: ReceivedRequest;
  /** Its route. */
  readonly route: Route;
  /** Whether it has a body. */
  readonly hasBody: boolean;
  /** What was captured, in the order in which the attempts were started. */
  readonly answers: ResponseCapture[] = [];
  readonly #options: ExchangeCaptureOptions;
  #running = 0;
  #isSealed = false;
  #isComplete = false;
  #heldBytes: number;

  /**
   * Starts with no attempts.
   *
   * @param options The request, and the bounds.
   */
  constructor(options: ExchangeCaptureOptions) {
    this.clientRequest = options.clientRequest;
    this.route = options.route;
    this.hasBody = options.hasBody;
    this.#options = options;
    this.#heldBytes = options.heldBytes;
  }

  /**
   * Looks on as an attempt is answered, where its answer is to be compared.
   *
   * @param attempt The attempt, when it starts.
   */
  started(attempt: TappedAttempt): void {
    if (this.#isComplete || !this.#options.wanted.has(attempt.service)) return;
    this.#running++;
    const capture = new ResponseCapture(attempt, this.#options.maxBytes, this.#options.budget);
    attempt.tap = capture;
    this.answers.push(capture);
  }

  /**
   * Takes note that an attempt is over: its answer has been read or given up.
   *
   * @param attempt The attempt.
   */
  over(attempt: TappedAttempt): void {
    const capture = attempt.tap;
    if (!(capture instanceof ResponseCapture)) return;
    capture.over();
    this.#running--;
    this.#completeOnce();
  }

  /** Takes note that the answer to the client has been decided: what has not been started by now may never be. */
  seal(): void {
    this.#isSealed = true;
    this.#completeOnce();
  }

  /** Gives all memory back. */
  release(): void {
    for (const answer of this.answers) answer.release();
    this.#options.budget.release(this.#heldBytes);
    this.#heldBytes = 0;
  }

  #completeOnce(): void {
    if (!this.#isSealed || this.#running > 0 || this.#isComplete) return;
    this.#isComplete = true;
    this.#options.onComplete(this);
  }
}
