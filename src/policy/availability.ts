/** Decides whether a service gets a request: limits of shadows, health checks and breakers. */

import type { Config, Member, Service } from "../config/config.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import type { Attempt } from "../upstream/attempt.ts";
import type { BreakersOptions, ServiceBreakers } from "./breakers.ts";
import type { Health } from "./health.ts";
import { ShadowGate } from "./shadow_gate.ts";
import type { SharedState } from "./shared_state.ts";

/** Options of {@linkcode Availability}. */
export interface AvailabilityOptions {
  /** State that outlives the configuration. */
  readonly instance: SharedState;
  /** Reports whether the forwarding fields of a peer are trusted. */
  readonly isTrusted: AddressMatcher;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Called on each change of state of a breaker. */
  readonly onBreaker: BreakersOptions["onChange"];
}

/** Reason why a service gets no requests at all. */
export type UnavailableReason = "open-circuit" | "unhealthy";

/** Decides on the attempts of one configuration, and learns from their outcomes. Uploads are bodies still arriving. */
export class Availability {
  readonly #shadows: ShadowGate;
  readonly #health: Health;
  readonly #breakers: ServiceBreakers;

  constructor(config: Pick<Config, "services">, { instance, isTrusted, now, onBreaker }: AvailabilityOptions) {
    this.#shadows = new ShadowGate(config, { states: instance.shadows, drains: instance.drains, isTrusted, now });
    this.#health = instance.health;
    this.#breakers = instance.breakers.reconfigure(config.services, { now, onChange: onBreaker });
  }

  /** Returns the reason to skip a service for a request; `undefined` for a request that is sent. */
  check(member: Member, clientRequest: ReceivedRequest, isUpload = false): SkipReason | undefined {
    return this.#shadows.check(member, clientRequest) ?? this.unavailableReason(member.service, isUpload);
  }

  /** Returns the reason why a service gets no requests at all; `undefined` if it is available. */
  unavailableReason(service: Service, isUpload = false): UnavailableReason | undefined {
    return this.#health.unavailableReason(service) ?? this.#breakers.unavailableReason(service, isUpload);
  }

  /** Called when an attempt starts, whether it will be sent or not. */
  started(attempt: Attempt, isUpload = false): void {
    this.#shadows.started(attempt);
    // An attempt at an unhealthy service fails at once, so it must not become the probe of the breaker.
    if (this.#health.unavailableReason(attempt.service) === undefined) this.#breakers.started(attempt, isUpload);
  }

  /** Called when an attempt has settled. */
  settled(attempt: Attempt): void {
    this.#breakers.settled(attempt);
  }

  /** Called when an attempt failed, or its response was read or discarded. */
  finished(attempt: Attempt): void {
    this.#shadows.finished(attempt);
  }
}
