/** Whether a service is sent a request: copies within their bounds, and nobody who is down. */

import type { Config, Member, Service } from "../config/config.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import type { BreakersOptions, ServiceBreakers } from "./breakers.ts";
import type { Health } from "./health.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { SharedState } from "./shared_state.ts";
import type { Attempt } from "../upstream/running_attempt.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import { ShadowGate } from "./shadow_gate.ts";

/** What the gate needs. */
export interface AvailabilityOptions {
  /** What outlives the configuration. */
  readonly instance: SharedState;
  /** Whose forwarding fields are believed. */
  readonly isTrusted: AddressMatcher;
  /** The clock, in milliseconds. */
  readonly now: () => number;
  /** Told of each breaker's change of state. */
  readonly onBreaker: BreakersOptions["onChange"];
}

/** Decides on every attempt of one configuration, and learns from how they end. */
export class Availability {
  readonly #shadows: ShadowGate;
  readonly #health: Health;
  readonly #breakers: ServiceBreakers;

  /**
   * Goes on where the former configuration was.
   *
   * @param config The configuration.
   * @param options What outlives it, and whom to tell.
   */
  constructor(config: Pick<Config, "services">, { instance, isTrusted, now, onBreaker }: AvailabilityOptions) {
    this.#shadows = new ShadowGate(config, { states: instance.shadows, isTrusted, now });
    this.#health = instance.health;
    this.#breakers = instance.breakers.reconfigure(config.services, { now, onChange: onBreaker });
  }

  /**
   * Decides whether a service is sent a request.
   *
   * @param member The service and its role.
   * @param clientRequest The request.
   * @param isUpload Whether its body is still arriving.
   * @returns Why it is not; `undefined` where it is.
   */
  check(member: Member, clientRequest: ReceivedRequest, isUpload = false): SkipReason | undefined {
    return this.#shadows.check(member, clientRequest) ?? this.unavailableReason(member.service, isUpload);
  }

  /**
   * Tells whether a service is left alone, whatever the request.
   *
   * @param service The service.
   * @param isUpload Whether the request's body is still arriving.
   * @returns Why it is; `undefined` where it is not.
   */
  unavailableReason(service: Service, isUpload = false): SkipReason | undefined {
    return this.#health.unavailableReason(service) ?? this.#breakers.unavailableReason(service, isUpload);
  }

  /**
   * Takes note of an attempt that starts, whether it will be sent or not.
   *
   * @param attempt The attempt.
   * @param isUpload Whether the request's body is still arriving.
   */
  started(attempt: Attempt, isUpload = false): void {
    this.#shadows.started(attempt);
    // One that is about to fail for its service's health must not be taken for the probe.
    if (this.#health.unavailableReason(attempt.service) === undefined) this.#breakers.enter(attempt, isUpload);
  }

  /**
   * Takes note of how an attempt has settled.
   *
   * @param attempt The attempt.
   */
  settled(attempt: Attempt): void {
    this.#breakers.leave(attempt);
  }

  /**
   * Takes note of the end of an attempt.
   *
   * @param attempt The attempt, when its answer has been read or given up.
   */
  over(attempt: Attempt): void {
    this.#shadows.over(attempt);
  }
}
