/** Decides which shadow requests are sent, and keeps the state of each shadow across reloads. */

import type { Config, Member, Ramp, Role, Service, ShadowPolicy } from "../config/config.ts";
import type { SkipReason } from "../http/outcome_kinds.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { AddressMatcher } from "../http/client_address.ts";
import { NestedSampler } from "../lib/nested_sampler.ts";
import { limitsForRate, TokenBucket } from "../lib/token_bucket.ts";
import type { DrainHistory } from "../upstream/response_body.ts";
import { decideShadow, type ShadowDecision } from "./shadow_decision.ts";

/**
 * Maximum requests per second to a shadow whose responses do not end. Each costs a connection, and as much CPU time as
 * the client's own exchange.
 */
const MAX_CONNECTIONS_PER_SECOND = 20;

/** Skip reasons of decisions. A client without a key cannot be in the sample. */
const SKIPPED: Readonly<Record<Exclude<ShadowDecision, "mirror" | "sample">, SkipReason>> = {
  "method-excluded": "method-excluded",
  "body-too-large": "body-too-large",
  "client-unknown": "not-sampled",
  "client-not-sampled": "not-sampled",
};

/** A ramp that has started. */
type RunningRamp = Ramp & { readonly startedMs: number };

/** State of one shadow. */
class ShadowState {
  inFlight = 0;
  readonly sampler: NestedSampler;
  readonly rateLimit = new TokenBucket({ capacity: Infinity });
  readonly connectionBudget = new TokenBucket(limitsForRate(MAX_CONNECTIONS_PER_SECOND));
  ramp: RunningRamp | undefined;

  constructor(name: string) {
    this.sampler = new NestedSampler(name);
  }

  /** Takes over a new policy. A ramp that is the same as before continues. */
  reconfigure({ maxPerSecond, ramp }: ShadowPolicy, nowMs: number): void {
    this.rateLimit.reconfigure(limitsForRate(maxPerSecond));
    const { from, to, overMs } = this.ramp ?? {};
    if (ramp?.from === from && ramp?.to === to && ramp?.overMs === overMs) return;
    this.ramp = ramp === undefined ? undefined : { ...ramp, startedMs: nowMs };
  }
}

/** States of the shadows of a running conductor, by name. */
export class ShadowStates {
  #byName: ReadonlyMap<string, ShadowState> = new Map();

  /** Takes over the shadows of a new configuration, and drops the state of all others. */
  reconfigure(shadows: readonly Service[], nowMs: number): ReadonlyMap<string, ShadowState> {
    const states = new Map(shadows.map(({ name }) => [name, this.#byName.get(name) ?? new ShadowState(name)]));
    for (const { name, shadow } of shadows) states.get(name)!.reconfigure(shadow!, nowMs);
    return this.#byName = states;
  }
}

/** Options of {@linkcode ShadowGate}. */
export interface ShadowGateOptions {
  /** States that outlive the configuration. */
  readonly states: ShadowStates;
  /** Services whose unselected responses are too long to drain. */
  readonly drains: DrainHistory;
  /** Reports whether the forwarding fields of a peer are trusted. */
  readonly isTrusted: AddressMatcher;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Decides on the shadow requests of one configuration. */
export class ShadowGate {
  readonly #shadows: readonly Service[];
  readonly #options: ShadowGateOptions;
  readonly #sinceMs: number;
  /** Taken over at the first request, because a configuration that is only prepared must leave no trace. */
  #states: ReadonlyMap<string, ShadowState> | undefined;

  constructor(config: Pick<Config, "services">, options: ShadowGateOptions) {
    this.#shadows = config.services.filter(({ shadow }) => shadow !== undefined);
    this.#options = options;
    this.#sinceMs = options.now();
  }

  /** Returns the reason to skip a shadow, or `undefined` for a request that is sent. Other roles are never skipped. */
  check({ service, role }: Member, clientRequest: ReceivedRequest): SkipReason | undefined {
    const { shadow } = service;
    if (role !== "shadow" || shadow === undefined) return undefined;
    const { now, isTrusted, drains } = this.#options;
    const state = this.#stateOf(service);
    const ratio = state.ramp === undefined ? shadow.sampleRate : rampValue(state.ramp, now());
    const decision = decideShadow(shadow, clientRequest, { name: service.name, ratio, isTrusted });
    if (decision === "sample") {
      if (!state.sampler.next(ratio)) return "not-sampled";
    } else if (decision !== "mirror") return SKIPPED[decision];
    if (state.inFlight >= shadow.maxInFlight) return "max-in-flight";
    if (drains.isExpensive(service) && !state.connectionBudget.tryTake(now())) return "connection-budget";
    if (shadow.maxPerSecond === Infinity) return undefined;
    return state.rateLimit.tryTake(now()) ? undefined : "rate-limited";
  }

  /** Counts an attempt that starts. */
  started({ service, role }: { readonly service: Service; readonly role: Role }): void {
    if (role === "shadow") this.#stateOf(service).inFlight++;
  }

  /** Called when an attempt failed, or its response was read or discarded. */
  finished({ service, role }: { readonly service: Service; readonly role: Role }): void {
    if (role === "shadow") this.#stateOf(service).inFlight--;
  }

  #stateOf({ name }: Service): ShadowState {
    this.#states ??= this.#options.states.reconfigure(this.#shadows, this.#sinceMs);
    return this.#states.get(name)!;
  }
}

/** Returns the ratio of a ramp at a time. */
export function rampValue({ from, to, overMs, startedMs }: RunningRamp, nowMs: number): number {
  const progress = Math.min(1, Math.max(0, nowMs - startedMs) / overMs);
  return from + (to - from) * progress;
}
