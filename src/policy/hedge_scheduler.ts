/** Schedules the hedged services of one exchange: each gets the request when its peers are late or have failed. */

import type { Member, Service } from "../config/config.ts";
import { SAFE_METHODS } from "../config/schema/http.ts";
import { type FailureKind, NOT_SENT_KINDS, type SkipReason } from "../http/outcome_kinds.ts";
import { BodyFanOut } from "../body/body_fan_out.ts";
import type { Deadline, TimeoutListener, TimeoutQueues } from "../lib/timeout_queues.ts";
import type { RequestBody } from "../body/request_body.ts";
import type { Attempt } from "../upstream/attempt.ts";
import { type HedgePlan, type HedgePolicies, isAtLeastAsPreferred } from "./hedge_policies.ts";

/** Context of {@linkcode HedgeScheduler}: the exchange and its handler. */
export interface HedgeContext {
  /** Method of the request. */
  readonly method: string;
  /** Body of the request. */
  readonly body: RequestBody;
  /** Plans, delays and budgets. */
  readonly hedges: HedgePolicies;
  /** Timeouts of the handler. */
  readonly deadlines: TimeoutQueues;
  /** Attempts of the exchange. */
  readonly attempts: readonly Attempt[];
  /** Reports whether a service is unavailable. */
  isUnavailable(member: Member): boolean;
  /** Starts an attempt, and adds it to the attempts. */
  launch(member: Member): Attempt | undefined;
  /** Called for each service that should have received the request but did not. */
  onSkip(member: Member, reason: SkipReason): void;
}

/** Failures of a service that did not receive the request. */
const UNSENT: ReadonlySet<FailureKind> = new Set([...NOT_SENT_KINDS, "refused", "dns"]);

/** Hedged services of one exchange. They take turns in the order of the file. */
export class HedgeScheduler implements TimeoutListener {
  readonly #context: HedgeContext;
  readonly #plans: HedgePlan[] = [];
  /** Services that have not received the request. The first is the next. */
  readonly #held: HedgePlan[] = [];
  /** Plans whose budgets have no credit for this exchange yet. */
  readonly #uncredited: HedgePlan[] = [];
  #delay: Deadline | undefined;
  /** Reason why the next service did not receive the request when it was due. It still may if its peers fail. */
  #pendingSkipReason: SkipReason | undefined;
  #isOpen = false;
  /** A streamed body cannot be sent later: it would have to be kept as a whole. */
  #bodyStreamed = false;

  constructor(context: HedgeContext) {
    this.#context = context;
  }

  /** Adds a hedged service. */
  add(plan: HedgePlan): void {
    this.#plans.push(plan);
    this.#held.push(plan);
    if (this.#isHedged(plan)) this.#uncredited.push(plan);
  }

  /** Starts the delay. Called when all other services have received the request. */
  begin(): void {
    this.#isOpen = true;
    this.#advance();
    this.#bodyStreamed = this.#context.body instanceof BodyFanOut;
  }

  /** Called when an attempt has settled. Aborts or drops the services whose responses are no longer needed. */
  settled(attempt: Attempt): void {
    if (!this.#isOpen || attempt.role === "shadow") return;
    if (isResponse(attempt)) {
      this.#credit(attempt.service);
      this.#cancelLosers(attempt);
    }
    this.#advance();
  }

  /** Drops the services that have not received the request. */
  close(): void {
    this.#isOpen = false;
    this.#disarm();
    while (this.#held.length > 0) this.#dequeue();
  }

  /** Sends the request to the next service. If that is not possible, the service after it is due at once. */
  onTimeout(): void {
    this.#disarm();
    const [plan] = this.#held;
    if (plan === undefined || !this.#isHedged(plan)) return;
    if (this.#context.isUnavailable(plan.member) || this.#context.hedges.tryTake(plan)) {
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
    const { hedges, deadlines } = this.#context;
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
    return this.#context.launch(plan.member);
  }

  /** Removes the next service, and reports why it was skipped. `#launch` clears the reason, because it is sent then. */
  #dequeue(): void {
    this.#disarm();
    const plan = this.#held.shift();
    if (plan !== undefined && this.#pendingSkipReason !== undefined) {
      this.#context.onSkip(plan.member, this.#pendingSkipReason);
    }
    this.#pendingSkipReason = undefined;
  }

  #isObsolete({ member }: HedgePlan): boolean {
    return this.#context.attempts.some((attempt) =>
      isResponse(attempt) && isAtLeastAsPreferred(attempt.role, member.role)
    );
  }

  #peersFailed({ peers }: HedgePlan): boolean {
    return this.#context.attempts.every((attempt) => {
      return !peers.has(attempt.service) || !(attempt.pending || isResponse(attempt));
    });
  }

  /** Reports whether the service may receive the request while a peer may still process it. */
  #isHedged({ settings }: HedgePlan): boolean {
    const { method, body } = this.#context;
    return (settings.unsafe || SAFE_METHODS.includes(method)) && !(body instanceof BodyFanOut);
  }

  /**
   * Returns the reason why the service does not receive the request after its peers failed. A peer may have processed
   * it, and an unsafe request must not be processed twice.
   */
  #failoverBlockedBy(plan: HedgePlan): SkipReason | undefined {
    if (this.#bodyStreamed) return "body-too-large";
    if (this.#isHedged(plan)) return undefined;
    const isUnsent = this.#context.attempts.every(({ service, outcome }) => {
      return !plan.peers.has(service) || (outcome?.ok === false && UNSENT.has(outcome.kind));
    });
    return isUnsent ? undefined : "method-excluded";
  }

  #credit(service: Service): void {
    for (let index = this.#uncredited.length - 1; index >= 0; index--) {
      const plan = this.#uncredited[index]!;
      if (!plan.peers.has(service)) continue;
      this.#uncredited.splice(index, 1);
      this.#context.hedges.credit(plan);
    }
  }

  /**
   * Aborts hedges that are no longer needed, and the peers that a winning hedge waited for. Records the time so far as
   * the latency of these peers. Otherwise only fast responses would count, and each hedge would lower the percentiles.
   */
  #cancelLosers(winner: Attempt): void {
    const { attempts, hedges } = this.#context;
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
