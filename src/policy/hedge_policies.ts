/** Hedging across exchanges: the delay of each hedged service, its budget, and the latencies that both depend on. */

import type { Config, HedgeSettings, Member, Role, Service } from "../config/config.ts";
import { sameUpstream } from "../config/config.ts";
import { LatencySketch, WindowClock } from "../lib/latency_sketch.ts";
import { type BucketLimits, TokenBucket } from "../lib/token_bucket.ts";
import type { Attempt } from "../upstream/attempt.ts";

/** Successful requests whose credits the budget holds. */
const CREDITED_REQUESTS = 100;
/** Latencies that a percentile needs, unless it is so high that it needs more for one to be above it. */
const MIN_LATENCIES = 100;
/** Time in milliseconds for which a percentile is cached, because computing it costs more than the rest of hedging. */
const PERCENTILE_TTL_MS = 100;

/** Length of one half of the period of a percentile, in milliseconds: it covers the last 30 to 60 seconds. */
const HALF_WINDOW_MS = 30_000;

/** State of one service. */
class HedgeState {
  readonly service: Service;
  readonly #latency = new LatencySketch();
  readonly #window = new WindowClock(HALF_WINDOW_MS);
  readonly #now: () => number;
  /**
   * Budget for hedges, which successful requests fill, not time. In an outage, or when all services are slow, hedges
   * would only add load: hedging stops, and resumes with the successes. gRPC throttles retries in the same way (gRFC
   * A6).
   */
  readonly budget = new TokenBucket({ capacity: 0 });

  constructor(service: Service, now: () => number) {
    this.service = service;
    this.#now = now;
  }

  /** Latencies of the last 30 to 60 seconds. */
  get latency(): LatencySketch {
    this.#window.nowMs[0] = this.#now();
    for (let turns = this.#window.dueTurns(); turns > 0; turns--) this.#latency.turn();
    return this.#latency;
  }
}

/** States of the services that take part in hedging, by name. */
export class HedgeStates {
  #byName: ReadonlyMap<string, HedgeState> = new Map();

  /**
   * Takes over the services of a new configuration, and drops the state of all others. A service with another address
   * starts with a new state.
   */
  reconfigure(services: Iterable<Service>, now: () => number): ReadonlyMap<Service, HedgeState> {
    const states = new Map<Service, HedgeState>();
    for (const service of services) {
      const known = this.#byName.get(service.name);
      const isKnown = known !== undefined && sameUpstream(known.service, service);
      const state = isKnown ? known : new HedgeState(service, now);
      if (service.hedge !== undefined) state.budget.reconfigure(budgetLimits(service.hedge));
      states.set(service, state);
    }
    this.#byName = new Map([...states].map(([{ name }, state]) => [name, state]));
    return states;
  }
}

/** Returns the limits of a budget. At least one hedge must fit into it, unless hedges are disabled. */
function budgetLimits({ maxExtra }: HedgeSettings): BucketLimits {
  if (maxExtra === 0 || maxExtra === 1) return { capacity: maxExtra === 1 ? Infinity : 0 };
  return { capacity: Math.max(1, maxExtra * CREDITED_REQUESTS) };
}

/** Options of {@linkcode HedgePolicies}. */
export interface HedgePoliciesOptions {
  /** States that outlive the configuration. */
  readonly states: HedgeStates;
  /** Clock in milliseconds. */
  readonly now: () => number;
}

/** Plan for a hedged service of a route. */
export interface HedgePlan {
  /** The service and its role. */
  readonly member: Member;
  /** Settings of the hedge. */
  readonly settings: HedgeSettings;
  /** Services that the hedge waits for: earlier ones with an equal or better role, otherwise all earlier ones. */
  readonly peers: ReadonlySet<Service>;
}

interface CachedDelay {
  readonly delayMs: number;
  readonly untilMs: number;
}

/** Plans for the hedged services of one configuration. */
export class HedgePolicies {
  readonly #plans = new Map<Member, HedgePlan>();
  /** Services whose latencies are recorded. */
  readonly #timed = new Set<Service>();
  readonly #delays = new Map<HedgePlan, CachedDelay>();
  readonly #options: HedgePoliciesOptions;
  /** Taken over at the first request, because a configuration that is only prepared must leave no trace. */
  #states: ReadonlyMap<Service, HedgeState> | undefined;

  constructor({ routes }: Pick<Config, "routes">, options: HedgePoliciesOptions) {
    this.#options = options;
    for (const { members } of routes) {
      for (const plan of hedgePlans(members)) {
        this.#plans.set(plan.member, plan);
        if (plan.settings.after.kind === "percentile") plan.peers.forEach((service) => this.#timed.add(service));
      }
    }
  }

  /** Returns the plan of a service of a route; `undefined` without `hedge`. */
  planOf(member: Member): HedgePlan | undefined {
    return member.service.hedge === undefined ? undefined : this.#plans.get(member);
  }

  /** Returns the delay of a hedge in milliseconds; `undefined` for a percentile of too few latencies. */
  delayOf(plan: HedgePlan): number | undefined {
    const { after } = plan.settings;
    if (after.kind === "time") return after.delayMs;
    const nowMs = this.#options.now();
    const cached = this.#delays.get(plan);
    if (cached !== undefined && nowMs < cached.untilMs) return cached.delayMs;
    const delayMs = this.#percentile(plan.peers, after.quantile);
    if (delayMs !== undefined) this.#delays.set(plan, { delayMs, untilMs: nowMs + PERCENTILE_TTL_MS });
    return delayMs;
  }

  /** Takes one hedge from the budget of a service, and reports whether there was one. */
  tryTake({ member: { service } }: HedgePlan): boolean {
    return this.#stateOf(service).budget.tryTake();
  }

  /** Credits a success of a peer to the budget of a hedged service. */
  credit({ member: { service }, settings }: HedgePlan): void {
    this.#stateOf(service).budget.credit(settings.maxExtra);
  }

  /** Records the latency of a settled attempt. A fast failure says nothing about the latency of responses. */
  settled({ service, outcome, durationMs }: Attempt): void {
    if (this.#timed.size === 0 || outcome === undefined) return;
    if (outcome.ok ? outcome.success : outcome.kind === "timeout") this.record(service, durationMs);
  }

  /** Records a latency, or the lower bound of one, if a percentile depends on the service. */
  record(service: Service, durationMs: number): void {
    if (this.#timed.has(service)) this.#stateOf(service).latency.record(durationMs);
  }

  /**
   * Returns a percentile of the latency. Of several peers, the fastest determines when a response is late. In whole
   * milliseconds, because `TimeoutQueues` keeps a queue for each length.
   */
  #percentile(peers: ReadonlySet<Service>, ratio: number): number | undefined {
    const latenciesMs: number[] = [];
    for (const service of peers) {
      const { latency } = this.#stateOf(service);
      if (latency.count >= Math.max(MIN_LATENCIES, 1 / (1 - ratio))) latenciesMs.push(latency.quantile(ratio));
    }
    return latenciesMs.length === 0 ? undefined : Math.ceil(Math.min(...latenciesMs));
  }

  #stateOf(service: Service): HedgeState {
    if (this.#states === undefined) {
      const hedged = [...this.#plans.keys()].map(({ service }) => service);
      this.#states = this.#options.states.reconfigure(new Set([...this.#timed, ...hedged]), this.#options.now);
    }
    return this.#states.get(service)!;
  }
}

/** Returns the plans of a route, in the order of the file. */
export function hedgePlans(members: readonly Member[]): HedgePlan[] {
  return members.flatMap((member, index) => {
    const settings = member.service.hedge;
    if (settings === undefined) return [];
    const before = members.slice(0, index).filter(({ role }) => role !== "shadow");
    const preferred = before.filter(({ role }) => isAtLeastAsPreferred(role, member.role));
    const peers = new Set((preferred.length > 0 ? preferred : before).map(({ service }) => service));
    return [{ member, settings, peers }];
  });
}

/** Reports whether a success of one role makes a success of another role unnecessary. */
export function isAtLeastAsPreferred(role: Role, other: Role): boolean {
  return role === "primary" || role === other;
}
