/** What hedging knows beyond one exchange: whom each service waits for, for how long, and how often. */

import type { Config, HedgeSettings, Member, Service } from "../config/config.ts";
import type { HedgeState, HedgeStates } from "./hedge_state.ts";
import type { Attempt } from "../upstream/attempt.ts";
import { earn, spend } from "./hedge_budget.ts";
import { isAtLeastAsPreferred } from "./rank.ts";

/** What hedging needs. */
export interface HedgesOptions {
  /** What is remembered from one configuration to the next. */
  readonly states: HedgeStates;
  /** The clock, in milliseconds. */
  readonly now: () => number;
}

/** A service of a route whose copies are held back. */
export interface HedgePlan {
  /** The service and its role. */
  readonly member: Member;
  /** How it is held back. */
  readonly settings: HedgeSettings;
  /** Whom it waits for: those before it whose answers are as good as its own, else all before it. */
  readonly peers: ReadonlySet<Service>;
}

interface KnownDelay {
  readonly delayMs: number;
  readonly untilMs: number;
}

/** How many answers a percentile takes, unless it is so high that even more are needed for one to be above it. */
const MIN_ANSWERS = 100;
/** How long a percentile is taken for what it was, in milliseconds: to tell it anew takes longer than all the rest. */
const KEEP_MS = 100;

/** The held back services of one configuration. */
export class HedgePolicies {
  readonly #plans = new Map<Member, HedgePlan>();
  /** Those whose times are looked at. */
  readonly #timed = new Set<Service>();
  readonly #delays = new Map<HedgePlan, KnownDelay>();
  readonly #options: HedgesOptions;
  /** A configuration that was only prepared must leave no trace, so nothing is taken over before the first request. */
  #states: ReadonlyMap<Service, HedgeState> | undefined;

  /**
   * Prepares what can be told beforehand.
   *
   * @param config The configuration.
   * @param options The clock, and what is remembered.
   */
  constructor({ routes }: Pick<Config, "routes">, options: HedgesOptions) {
    this.#options = options;
    for (const { members } of routes) {
      for (const plan of hedgePlans(members)) {
        this.#plans.set(plan.member, plan);
        if (plan.settings.after.kind === "percentile") plan.peers.forEach((service) => this.#timed.add(service));
      }
    }
  }

  /**
   * Finds the plan of a service of a route.
   *
   * @param member The service and its role.
   * @returns The plan; `undefined` where it is not held back.
   */
  planOf(member: Member): HedgePlan | undefined {
    return member.service.hedge === undefined ? undefined : this.#plans.get(member);
  }

  /**
   * Tells how long a service is held back.
   *
   * @param plan Its plan.
   * @returns The time in milliseconds; `undefined` where it is a percentile of which too little is known.
   */
  delayOf(plan: HedgePlan): number | undefined {
    const { after } = plan.settings;
    if (after.kind === "time") return after.delayMs;
    const nowMs = this.#options.now();
    const known = this.#delays.get(plan);
    if (known !== undefined && nowMs < known.untilMs) return known.delayMs;
    const delayMs = this.#percentile(plan.peers, after.share);
    if (delayMs !== undefined) this.#delays.set(plan, { delayMs, untilMs: nowMs + KEEP_MS });
    return delayMs;
  }

  /**
   * Takes from a service's budget what one request for the time alone costs.
   *
   * @param plan Its plan.
   * @returns Whether there was enough in it.
   */
  spend({ member: { service }, settings }: HedgePlan): boolean {
    return spend(this.#stateOf(service), settings.maxExtra);
  }

  /**
   * Adds to a service's budget what an answer of those before it earns.
   *
   * @param plan Its plan.
   */
  earn({ member: { service }, settings }: HedgePlan): void {
    earn(this.#stateOf(service), settings.maxExtra);
  }

  /**
   * Takes note of how long a service took. A failure that came soon says nothing about how long answers take.
   *
   * @param attempt The attempt, when it has settled.
   */
  settled({ service, outcome, durationMs }: Attempt): void {
    if (this.#timed.size === 0 || outcome === undefined) return;
    if (outcome.ok ? outcome.success : outcome.kind === "timeout") this.record(service, durationMs);
  }

  /**
   * Takes note of a time that a service took, or would have exceeded.
   *
   * @param service The service.
   * @param durationMs The time, in milliseconds.
   */
  record(service: Service, durationMs: number): void {
    if (this.#timed.has(service)) this.#stateOf(service).latency.record(durationMs);
  }

  /**
   * Of several that are waited for, the quickest tells when an answer is late. In whole milliseconds, as `Deadlines` keeps
   * a queue for each length of time.
   */
  #percentile(peers: ReadonlySet<Service>, share: number): number | undefined {
    const times: number[] = [];
    for (const service of peers) {
      const { latency } = this.#stateOf(service);
      if (latency.count >= Math.max(MIN_ANSWERS, 1 / (1 - share))) times.push(latency.quantile(share));
    }
    return times.length === 0 ? undefined : Math.ceil(Math.min(...times));
  }

  #stateOf(service: Service): HedgeState {
    this.#states ??= this.#takeOver();
    return this.#states.get(service)!;
  }

  #takeOver(): ReadonlyMap<Service, HedgeState> {
    const hedged = [...this.#plans.keys()].map(({ service }) => service);
    return this.#options.states.reconfigure(new Set([...this.#timed, ...hedged]), this.#options.now);
  }
}

/**
 * Lists the services of a route that are held back, and whom they wait for.
 *
 * @param members The services of the route, in the order of the file.
 * @returns A plan for each, in that order.
 */
export function hedgePlans(members: readonly Member[]): HedgePlan[] {
  return members.flatMap((member, index) => {
    const settings = member.service.hedge;
    if (settings === undefined) return [];
    const before = members.slice(0, index).filter(({ role }) => role !== "shadow");
    const asGood = before.filter(({ role }) => isAtLeastAsPreferred(role, member.role));
    const peers = new Set((asGood.length > 0 ? asGood : before).map(({ service }) => service));
    return [{ member, settings, peers }];
  });
}
