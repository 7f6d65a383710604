/** Which copies are sent, and why the others are not. */

import type { Config, Member, Role, Service } from "../config/config.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import type { ShadowState, ShadowStates } from "./shadow_state.ts";
import { isExpensiveToDrain } from "../upstream/response_body.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import { staticSkipReason } from "./shadow_rules.ts";
import { rampValue, startRamp } from "./ramp.ts";
import { takeToken } from "../lib/token_bucket.ts";
import { isClientSampled, sampleNext } from "./sample.ts";
import { readSampleKey } from "./sample_key.ts";

/**
 * Copies in a second to a shadow whose answers are given up because they do not end: each costs a connection, as much CPU as
 * the client's own exchange.
 */
const MAX_COSTLY_PER_SECOND = 20;

/** What the gate needs. */
export interface ShadowGateOptions {
  /** What is remembered from one configuration to the next. */
  readonly states: ShadowStates;
  /** Whose forwarding fields are believed. */
  readonly isTrusted: AddressMatcher;
  /** The clock, in milliseconds. */
  readonly now: () => number;
}

/** A service's part in an exchange, as attempts and members of routes have it. */
type Part = { readonly service: Service; readonly role: Role };

/** Decides on every copy of one configuration. */
export class ShadowGate {
  readonly #services: readonly Service[];
  readonly #options: ShadowGateOptions;
  readonly #sinceMs: number;
  /** A configuration that was only prepared must leave no trace, so nothing is taken over before the first request. */
  #states: ReadonlyMap<string, ShadowState> | undefined;

  /**
   * Prepares the gate.
   *
   * @param config The configuration.
   * @param options The clock, and what is remembered.
   */
  constructor(config: Pick<Config, "services">, options: ShadowGateOptions) {
    this.#services = config.services.filter(({ shadow }) => shadow !== undefined);
    this.#options = options;
    this.#sinceMs = options.now();
  }

  /**
   * Decides whether a service is sent the request.
   *
   * @param member The service and its role; only shadows are ever left out.
   * @param clientRequest The request.
   * @returns Why it is not sent; `undefined` where it is.
   */
  check({ service, role }: Member, clientRequest: ReceivedRequest): SkipReason | undefined {
    if (role !== "shadow" || service.shadow === undefined) return undefined;
    const { shadow } = service;
    const unfit = staticSkipReason(shadow, clientRequest);
    if (unfit !== undefined) return unfit;
    const state = this.#stateOf(service);
    if (!this.#isSampled(service, state, clientRequest)) return "sampled";
    if (state.inFlight >= shadow.maxInFlight) return "overloaded";
    const isCostly = isExpensiveToDrain(service);
    if (isCostly && !takeToken(state.connectionBucket, MAX_COSTLY_PER_SECOND, this.#options.now())) return "overloaded";
    if (shadow.maxPerSecond === Infinity) return undefined;
    return takeToken(state, shadow.maxPerSecond, this.#options.now()) ? undefined : "rate";
  }

  /**
   * Counts a copy that is sent.
   *
   * @param part The attempt.
   */
  started({ service, role }: Part): void {
    if (role === "shadow") this.#stateOf(service).inFlight++;
  }

  /**
   * Counts it off again.
   *
   * @param part The attempt, when its answer has been read or given up.
   */
  over({ service, role }: Part): void {
    if (role === "shadow") this.#stateOf(service).inFlight--;
  }

  #isSampled({ name, shadow }: Service, state: ShadowState, clientRequest: ReceivedRequest): boolean {
    const { sampleKey, sampleRate } = shadow!;
    if (sampleRate === 1 && sampleKey === undefined && state.ramp === undefined) return true;
    const share = state.ramp === undefined ? sampleRate : rampValue(state.ramp, this.#options.now());
    if (sampleKey === undefined) return sampleNext(state, share, name);
    const client = readSampleKey(sampleKey, clientRequest, this.#options.isTrusted);
    return client !== undefined && isClientSampled(name, client, share);
  }

  #stateOf({ name }: Service): ShadowState {
    this.#states ??= this.#takeOver();
    return this.#states.get(name)!;
  }

  #takeOver(): ReadonlyMap<string, ShadowState> {
    const states = this.#options.states.reconfigure(this.#services.map(({ name }) => name));
    for (const { name, shadow } of this.#services) startRamp(states.get(name)!, shadow?.ramp, this.#sinceMs);
    return states;
  }
}
