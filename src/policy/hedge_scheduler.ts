/** The services that one request is held back from, until those before them are late or have failed. */

import type { Member, Service } from "../config/config.ts";
import { SAFE_METHODS } from "../config/safe_methods.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import { BodyFanOut } from "../body/body_fan_out.ts";
import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";
import type { RequestBody } from "../body/request_body.ts";
import type { Attempt } from "../upstream/attempt.ts";
import type { HedgePlan, HedgePolicies } from "./hedge_policies.ts";
import { isAtLeastAsPreferred } from "./rank.ts";

/** What is needed of the exchange. */
export interface HeldBackOptions {
  /** The request method. */
  readonly method: string;
  /** The request's body. */
  readonly body: RequestBody;
  /** What is known beyond the exchange. */
  readonly hedges: HedgePolicies;
  /** The handler's time-outs. */
  readonly deadlines: TimeoutQueues;
  /** Every attempt that has been started. */
  readonly attempts: readonly Attempt[];
  /** Tells whether a service is left alone. */
  isLeftAlone(member: Member): boolean;
  /** Starts an attempt, which is among the others then. */
  launch(member: Member): Attempt | undefined;
  /** Told of each service that should have been sent the request, and was not. */
  onSkip(member: Member, reason: SkipReason): void;
}

/** Failures of a service that has not received the request. */
const UNSENT: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "refused",
  "dns",
  "open-circuit",
  "overloaded",
  "unsendable",
]);

/** One request's services that are held back. They take turns in the order of the file: the first of them is the next. */
export class HedgeScheduler implements TimeoutListener {
  readonly #options: HeldBackOptions;
  readonly #plans: HedgePlan[] = [];
  readonly #held: HedgePlan[] = [];
  /** Those whose budgets have not earned anything yet. */
  readonly #uncredited: HedgePlan[] = [];
  #delay: Deadline | undefined;
  /** Why the first one was not sent the request when it should have been; it may still be, where the others fail. */
  #pendingSkipReason: SkipReason | undefined;
  #isOpen = false;
  /** A body that streams would have to be kept whole for those who may need it later. */
  #bodyStreamed = false;

  /**
   * Holds nothing back yet.
   *
   * @param options What is needed of the exchange.
   */
  constructor(options: HeldBackOptions) {
    this.#options = options;
  }

  /**
   * Holds the request back from a service.
   *
   * @param plan The service, and whom it waits for.
   */
  add(plan: HedgePlan): void {
    this.#plans.push(plan);
    this.#held.push(plan);
    if (this.#isHedged(plan)) this.#uncredited.push(plan);
  }

  /** Starts the time, when all the others have been sent the request. */
  begin(): void {
    this.#isOpen = true;
    this.#advance();
    this.#bodyStreamed = this.#options.body instanceof BodyFanOut;
  }

  /**
   * Takes note of how an attempt has settled: those who can not win any more are cancelled, or never asked.
   *
   * @param attempt The attempt.
   */
  settled(attempt: Attempt): void {
    if (!this.#isOpen || attempt.role === "shadow") return;
    if (isResponse(attempt)) {
      this.#earn(attempt.service);
      this.#cancelLosers(attempt);
    }
    this.#advance();
  }

  /** Nobody who is still held back is sent the request any more. */
  close(): void {
    this.#isOpen = false;
    this.#disarm();
    while (this.#held.length > 0) this.#dequeue();
  }

  /**
   * The time of the next one has come. One who can not be sent the request leaves the turn to the one behind, who has waited
   * for as long.
   */
  onTimeout(): void {
    this.#disarm();
    const [plan] = this.#held;
    if (plan === undefined || !this.#isHedged(plan)) return;
    if (this.#options.isLeftAlone(plan.member) || this.#options.hedges.spend(plan)) {
      if (!this.#launch(plan)?.pending) return this.onTimeout();
      this.#advance();
    } else this.#pendingSkipReason = "hedge-budget";
  }

  #advance(): void {
    while (this.#isOpen) {
      const [plan] = this.#held;
      if (plan === undefined) return;
      if (this.#isObsolete(plan)) this.#dequeue();
      else if (!this.#peersFailed(plan)) return this.#arm(plan);
      else {
        this.#pendingSkipReason = this.#failoverBlockedBy(plan);
        if (this.#pendingSkipReason === undefined) this.#launch(plan);
        else this.#dequeue();
      }
    }
  }

  #arm(plan: HedgePlan): void {
    if (this.#delay !== undefined || this.#pendingSkipReason !== undefined || !this.#isHedged(plan)) return;
    const { hedges, deadlines } = this.#options;
    const delayMs = hedges.delayOf(plan);
    if (delayMs !== undefined) this.#delay = deadlines.start(delayMs, this);
  }

  #disarm(): void {
    this.#delay?.stop();
    this.#delay = undefined;
  }

  #launch(plan: HedgePlan): Attempt | undefined {
    this.#pendingSkipReason = undefined;
    this.#dequeue();
    return this.#options.launch(plan.member);
  }

  /** What has kept it from being sent is told now, as it can not be sent any more; `#launch` has nothing to tell. */
  #dequeue(): void {
    this.#disarm();
    const plan = this.#held.shift();
    if (plan !== undefined && this.#pendingSkipReason !== undefined) {
      this.#options.onSkip(plan.member, this.#pendingSkipReason);
    }
    this.#pendingSkipReason = undefined;
  }

  #isObsolete({ member }: HedgePlan): boolean {
    return this.#options.attempts.some((attempt) =>
      isResponse(attempt) && isAtLeastAsPreferred(attempt.role, member.role)
    );
  }

  #peersFailed({ peers }: HedgePlan): boolean {
    return this.#options.attempts.every((attempt) => {
      return !peers.has(attempt.service) || !(attempt.pending || isResponse(attempt));
    });
  }

  /** Whether it may be sent the request while others may be carrying it out. */
  #isHedged({ settings }: HedgePlan): boolean {
    const { method, body } = this.#options;
    return (settings.unsafe || SAFE_METHODS.includes(method)) && !(body instanceof BodyFanOut);
  }

  /** Why it is not sent the request after others have failed: one that may have carried it out must be the only one. */
  #failoverBlockedBy(plan: HedgePlan): SkipReason | undefined {
    if (this.#bodyStreamed) return "body-too-large";
    if (this.#isHedged(plan)) return undefined;
    const isUnsent = this.#options.attempts.every(({ service, outcome }) => {
      return !plan.peers.has(service) || (outcome?.ok === false && UNSENT.has(outcome.kind));
    });
    return isUnsent ? undefined : "method";
  }

  #earn(service: Service): void {
    for (let index = this.#uncredited.length - 1; index >= 0; index--) {
      const plan = this.#uncredited[index]!;
      if (!plan.peers.has(service)) continue;
      this.#uncredited.splice(index, 1);
      this.#options.hedges.earn(plan);
    }
  }

  /**
   * An attempt that had been held back is not needed where another is as good; the winning one, if it was, has beaten those
   * whom it had waited for. They would have taken longer than this: without that, only quick answers would be counted, and
   * percentiles would sink from hedge to hedge.
   */
  #cancelLosers(winner: Attempt): void {
    const { attempts, hedges } = this.#options;
    const plan = winner.hedge ? this.#plans.find(({ member }) => member.service === winner.service) : undefined;
    for (const attempt of attempts) {
      if (!attempt.pending || attempt.role === "shadow") continue;
      const isPeer = plan?.peers.has(attempt.service) ?? false;
      const loses = attempt.hedge
        ? isAtLeastAsPreferred(winner.role, attempt.role)
        : isPeer && winner.role === attempt.role;
      if (!loses) continue;
      attempt.abort("aborted");
      if (isPeer) hedges.record(attempt.service, attempt.durationMs);
    }
  }
}

function isResponse({ role, outcome }: Attempt): boolean {
  return role !== "shadow" && outcome?.ok === true && outcome.success;
}
