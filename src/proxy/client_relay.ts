/** The selected response on its way to the client, and who is told how that ends. */

import type { FailureKind } from "../http/outcome_kinds.ts";
import type { CancellationSignal } from "../lib/cancellation.ts";
import type { Attempt, BodyTap } from "../upstream/attempt.ts";
import type { Deadline } from "../lib/timeout_queues.ts";
import type { RelayOptions } from "./respond.ts";
import type { Exchange } from "./exchange.ts";

/** What is said beside the response. */
export type RelayAdditions = Pick<RelayOptions, "identify" | "timing">;

/** Relays one exchange's answer. */
export class ClientRelay implements RelayOptions {
  /** The request method. */
  readonly method: string;
  /** Whether the answering service is named. */
  readonly identify: boolean;
  /** What is said in `Server-Timing`; `undefined`: nothing. */
  readonly timing: string | undefined;
  readonly #exchange: Exchange;
  readonly #attempt: Attempt;

  /**
   * Begins.
   *
   * @param exchange The exchange.
   * @param attempt The selected attempt.
   * @param additions What is said beside its response.
   */
  constructor(exchange: Exchange, attempt: Attempt, { identify, timing }: RelayAdditions) {
    this.method = exchange.method;
    this.identify = identify;
    this.timing = timing;
    this.#exchange = exchange;
    this.#attempt = attempt;
  }

  /** Bounds the silence while the body streams. */
  get deadline(): Deadline {
    return this.#attempt.deadline;
  }

  /** Tells when the attempt is broken off from our side. */
  get cancellation(): CancellationSignal {
    return this.#attempt.cancellation;
  }

  /** Who looks on as the body passes; `undefined`: nobody. */
  get tap(): BodyTap | undefined {
    return this.#attempt.tap;
  }

  /**
   * The service's stream failed, or was broken off from our side.
   *
   * @param kind How.
   */
  onBroken(kind: FailureKind): void {
    this.#attempt.span?.recordBodyFailure(kind);
    this.#exchange.observer.interrupted(this.#attempt, this.#attempt.abortReason ?? kind);
  }

  /** The client went away before the end. */
  onCancel(): void {
    this.#exchange.abort();
  }

  /**
   * Nothing more comes.
   *
   * @param relayedBytes How much the client was sent.
   */
  onEnd(relayedBytes: number): void {
    this.#attempt.finish();
    this.#exchange.clientDone(relayedBytes, this.#attempt);
  }
}
