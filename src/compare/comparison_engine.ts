/** Compares the answers to the requests of one configuration, when the clients have theirs. */

import type { CompareSettings, Config, Route, Service } from "../config/config.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import type { KnownSecrets } from "../lib/known_secrets.ts";
import { LoopShare } from "../lib/loop_share.ts";
import { REDACTED, redactPath } from "../lib/secret_text.ts";
import type { NotComparableReason, Observer } from "../observe/events.ts";
import { secretsOf } from "../observe/redaction.ts";
import { routePattern } from "../observe/route_pattern.ts";
import type { CapturedOutcome } from "./response.ts";
import { compareResponses, type ResponseComparison } from "./compare_responses.ts";
import { comparedEvent, notComparableEvent } from "./compared_event.ts";
import type { Comparison, NotComparable } from "./comparison.ts";
import type { TallyContext } from "./comparison_stats.ts";
import type { ComparisonCounter } from "./comparison_store.ts";
import type { Difference } from "./difference.ts";
import { EndpointNames } from "./endpoint.ts";
import { ExchangeCapture } from "./exchange_capture.ts";
import { MadeComparison } from "./made_comparison.ts";
import { MemoryBudget, textBytes } from "../lib/memory_budget.ts";
import { CompareRules } from "./rules.ts";
import { sampleOfBody } from "./sample_body.ts";
import { Sampler } from "../lib/sampler.ts";

/** Options of {@linkcode ComparisonEngine}. */
export interface ComparerOptions {
  /** Counts each comparison; `undefined`: comparisons are not counted. */
  readonly count: ComparisonCounter | undefined;
  /** Called with each comparison; never throws. `undefined`: no observer. */
  readonly observe: Observer | undefined;
  /** The clock, in milliseconds. */
  readonly now: () => number;
  /** Sends a request to a service again, and lets the capture see the answer. */
  replay(capture: ExchangeCapture, service: Service): void;
}

/** Requests that the primary is being asked again at the same time, at most. */
const MAX_REPLAYS = 8;
/** Exchanges whose answers wait to be compared, at most; further ones are not compared. */
const MAX_WAITING = 1_000;
/** Maximum length of a path from which an endpoint is named. Names of endpoints are shorter. */
const MAX_PATH_LENGTH = 2_048;
/** Time in milliseconds after which comparing yields to requests. A single large comparison takes longer. */
const TURN_MS = 2;
/** Share of the event loop's time for comparing, 0 to 1: 200 ms per second. */
const LOOP_RATIO = 0.2;
/** Time in milliseconds that comparing may take beyond its share after it has been idle. */
const BURST_MS = 50;

/** Estimated memory of a waiting exchange in bytes, without its texts. */
const REQUEST_BYTES = 1_024;

interface Candidate {
  readonly service: Service;
  readonly settings: CompareSettings;
  readonly rules: CompareRules;
}

/** The services of which the same share of the requests is compared: the same requests, so that the primary's answer is kept once. */
interface Sample {
  readonly draw: Sampler;
  readonly services: readonly Service[];
}

interface RoutePlan {
  readonly route: string;
  readonly primary: Service;
  readonly candidates: readonly Candidate[];
  /** Whose answers are kept of a request that is compared for everybody. */
  readonly everybody: ReadonlySet<Service>;
  readonly endpoints: EndpointNames;
  readonly maxBodyBytes: number;
  readonly samples: readonly Sample[];
  /** Which requests are sent to the primary again. */
  readonly replay: Sampler;
}

type BodySamples = ReturnType<NonNullable<TallyContext["bodies"]>>;
type Answers = ReadonlyMap<Service, CapturedOutcome>;

/** An exchange whose responses wait to be compared. */
interface Job {
  readonly capture: ExchangeCapture;
  /** Compares the responses; called once, after all bodies have been decoded. */
  readonly compare: (answers: Answers) => Promise<void>;
  /** Called instead of `compare` when too many exchanges wait. */
  readonly onBusy: () => void;
}

/** Result of comparing one response with the primary's. */
interface Found extends ResponseComparison, Pick<Comparison, "actual"> {
  /** Default: `false`. */
  readonly isNoise?: boolean;
}

/** Answers that were captured together with the first of them, the primary's, ready for comparing. */
interface Expected {
  readonly plan: RoutePlan;
  readonly clientRequest: ReceivedRequest;
  readonly endpoint: string;
  readonly answer: CapturedOutcome;
}

/** Decides which exchanges are captured, and compares what was. */
export class ComparisonEngine {
  readonly #options: ComparerOptions;
  readonly #plans = new Map<Route, RoutePlan>();
  readonly #budget: MemoryBudget;
  readonly #share: LoopShare;
  readonly #queue: Job[] = [];
  #isRunning = false;
  #replays = 0;

  /**
   * Prepares the rules of a configuration.
   *
   * @param config The configuration.
   * @param options Where comparisons go.
   */
  constructor(config: Config, options: ComparerOptions) {
    this.#options = options;
    this.#budget = new MemoryBudget(config.compare?.maxMemoryBytes ?? 0);
    this.#share = new LoopShare({ ratio: LOOP_RATIO, burstMs: BURST_MS, sliceMs: TURN_MS, now: options.now });
    const known = secretsOf(config);
    for (const route of config.routes) {
      const plan = planFor(route, { replayShare: config.compare?.replaySample ?? 0, known });
      if (plan !== undefined) this.#plans.set(route, plan);
    }
  }

  /**
   * Decides whether the answers to a request are compared.
   *
   * @param clientRequest The request.
   * @param route Its route.
   * @param hasBody Whether it has a body; it is not sent again then.
   * @returns What is to see its attempts; `undefined` where nothing is compared.
   */
  begin(clientRequest: ReceivedRequest, route: Route, hasBody: boolean): ExchangeCapture | undefined {
    const plan = this.#plans.get(route);
    const wanted = plan && choose(plan);
    if (wanted === undefined) return undefined;
    const skip = (reason: NotComparableReason) => this.#skipAll(plan!, { clientRequest, wanted, reason });
    if (this.#queue.length >= MAX_WAITING) return skip("busy");
    const heldBytes = requestBytes(clientRequest);
    if (!this.#budget.reserve(heldBytes)) return skip("memory");
    return new ExchangeCapture({
      clientRequest,
      heldBytes,
      route,
      hasBody,
      wanted,
      maxBytes: plan!.maxBodyBytes,
      budget: this.#budget,
      onComplete: (capture) =>
        this.#enqueue({
          capture,
          compare: (answers) => this.#compareAll(capture, plan!, answers),
          onBusy: () => {
            skip("busy");
            capture.release();
          },
        }),
    });
  }

  #skipAll(
    plan: RoutePlan,
    { clientRequest, wanted, reason }: {
      readonly clientRequest: ReceivedRequest;
      readonly wanted: ReadonlySet<Service>;
      readonly reason: NotComparableReason;
    },
  ): undefined {
    for (const { service } of plan.candidates) {
      if (wanted.has(service)) this.#skip({ plan, clientRequest }, service, { reason, isNoise: service.control });
    }
  }

  #enqueue(job: Job): void {
    if (job.capture.answers.length === 0) return job.capture.release();
    if (this.#queue.length >= MAX_WAITING) return job.onBusy();
    this.#queue.push(job);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run();
  }

  /** In turns, so that no request waits for a long queue of comparisons. */
  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        await this.#pause();
        const { capture, compare } = this.#queue.shift()!;
        for (const answer of capture.answers) await answer.unpack(this.#pause);
        await compare(answersOf(capture));
      }
    } finally {
      this.#share.end();
      // A bug that one comparison meets must not be the end of all others.
      this.#isRunning = this.#queue.length > 0;
      if (this.#isRunning) this.#run();
    }
  }

  /** Returns a promise to wait for if the turn is over, so that requests are served; otherwise `undefined`. */
  readonly #pause = (): Promise<void> | undefined => this.#share.isOver ? this.#share.turn() : undefined;

  async #compareAll(capture: ExchangeCapture, plan: RoutePlan, answers: Answers): Promise<void> {
    const { clientRequest } = capture;
    const answer = answers.get(plan.primary);
    if (answer === undefined) return capture.release();
    const expected = { plan, clientRequest, endpoint: endpointOf(plan, clientRequest), answer };
    for (const candidate of plan.candidates) {
      const actual = answers.get(candidate.service);
      if (actual === undefined) {
        this.#skipLagging(capture, expected, candidate.service);
        continue;
      }
      await this.#pause();
      if (candidate.service.control) await this.#addNoise(expected, candidate.service, actual);
      else this.#add(expected, candidate, { actual, ...compareResponses(answer, actual, candidate.rules) });
    }
    if (!this.#replayed(capture, expected)) capture.release();
  }

  /**
   * Asks the primary again. Whoever asked first holds the first answer until the second one is there.
   *
   * @returns Whether it is asked.
   */
  #replayed(first: ExchangeCapture, expected: Expected): boolean {
    const { plan, clientRequest, answer } = expected;
    const isFit = answer.ok && (clientRequest.method === "GET" || clientRequest.method === "HEAD") &&
      !first.hasBody && this.#replays < MAX_REPLAYS;
    if (!isFit || !plan.replay.next()) return false;
    this.#replays++;
    const release = () => {
      again.release();
      first.release();
    };
    const again = new ExchangeCapture({
      clientRequest,
      heldBytes: 0,
      route: first.route,
      hasBody: false,
      wanted: plan.everybody,
      maxBytes: plan.maxBodyBytes,
      budget: this.#budget,
      onComplete: () => {
        this.#replays--;
        if (again.answers.length === 0) return release();
        this.#enqueue({
          capture: again,
          compare: async (answers) => {
            const actual = answers.get(plan.primary);
            if (actual !== undefined) await this.#addNoise(expected, plan.primary, actual);
            release();
          },
          onBusy: () => {
            this.#skip(expected, plan.primary, { reason: "busy", isNoise: true });
            release();
          },
        });
      },
    });
    this.#options.replay(again, plan.primary);
    again.seal();
    return true;
  }

  /** Compares by the rules of every candidate, because each may ignore other fields. */
  async #addNoise(expected: Expected, service: Service, actual: CapturedOutcome): Promise<void> {
    const byPath = new Map<string, Difference>();
    for (const { rules } of expected.plan.candidates) {
      await this.#pause();
      const { differences, notComparable } = compareResponses(expected.answer, actual, rules);
      if (notComparable !== undefined) return this.#skip(expected, service, { reason: notComparable, isNoise: true });
      for (const difference of differences) byPath.set(difference.path, difference);
    }
    this.#add(expected, { ...expected.plan.candidates[0]!, service }, {
      actual,
      differences: [...byPath.values()],
      notComparable: undefined,
      isNoise: true,
    });
  }

  #skipLagging({ answers }: ExchangeCapture, expected: Expected, service: Service): void {
    const lags = answers.some((answer) => answer.service === service && answer.isLagging);
    if (lags) this.#skip(expected, service, { reason: "lagging", isNoise: service.control });
  }

  #skip(
    { plan, clientRequest }: Pick<Expected, "plan" | "clientRequest">,
    service: Service,
    facts: Pick<NotComparable, "reason" | "isNoise">,
  ): void {
    const skipped = { requestId: clientRequest.requestId, route: plan.route, service: service.name, ...facts };
    this.#options.count?.notComparable(skipped);
    this.#options.observe?.(notComparableEvent(skipped));
  }

  #add(
    { plan, clientRequest, endpoint, answer: expected }: Expected,
    { service, settings, rules }: Candidate,
    { actual, differences, notComparable, isNoise = false }: Found,
  ): void {
    if (notComparable !== undefined) {
      return this.#skip({ plan, clientRequest }, service, { reason: notComparable, isNoise });
    }
    const differ = { expected, actual, differences, isNoise, service: service.name };
    const comparison = new MadeComparison(clientRequest, plan.route, differ, rules);
    let bodies: BodySamples | undefined;
    this.#options.count?.made(comparison, {
      endpoint,
      samples: settings.samples,
      // Cached, because it is called for each field that differs.
      bodies: () => bodies ??= bodiesOf(expected, actual, rules),
    });
    this.#options.observe?.(comparedEvent(comparison));
  }
}

interface PlanContext {
  readonly replayShare: number;
  readonly known: KnownSecrets;
}

function planFor(route: Route, { replayShare, known }: PlanContext): RoutePlan | undefined {
  const primary = route.members.find(({ role }) => role === "primary")?.service;
  const candidates = route.members
    .filter(({ role }) => role !== "primary")
    .flatMap(({ service }) => service.compare === undefined ? [] : candidateFor(service, service.compare, known));
  if (primary === undefined || candidates.length === 0) return undefined;
  return {
    route: routePattern(route),
    primary,
    candidates,
    everybody: new Set([primary, ...candidates.map(({ service }) => service)]),
    endpoints: new EndpointNames({ templates: candidates.flatMap(({ settings }) => settings.endpoints) }),
    maxBodyBytes: Math.max(...candidates.map(({ settings }) => settings.maxBodyBytes)),
    samples: samplesOf(candidates),
    replay: new Sampler(replayShare),
  };
}

function candidateFor(service: Service, settings: CompareSettings, known: KnownSecrets): Candidate {
  return { service, settings, rules: new CompareRules(settings, { known }) };
}

function samplesOf(candidates: readonly Candidate[]): Sample[] {
  const shares = new Set(candidates.map(({ settings }) => settings.sample));
  return [...shares].map((share) => ({
    draw: new Sampler(share),
    services: candidates.filter(({ settings }) => settings.sample === share).map(({ service }) => service),
  }));
}

/** Returns the endpoint's name. Names are shown, so a secret in the path becomes `{id}`. */
function endpointOf({ endpoints }: RoutePlan, { method, path }: ReceivedRequest): string {
  return endpoints.nameOf(method, redactPath(path.slice(0, MAX_PATH_LENGTH)).replaceAll(REDACTED, "{id}"));
}

/** @returns Whose answers are kept; `undefined` where nobody's are. */
function choose({ primary, samples, everybody }: RoutePlan): ReadonlySet<Service> | undefined {
  const chosen = samples.filter(({ draw }) => draw.next());
  if (chosen.length === samples.length) return everybody;
  return chosen.length === 0 ? undefined : new Set([primary, ...chosen.flatMap(({ services }) => services)]);
}

/** Returns the responses of an exchange that say something about their service, by service. */
function answersOf({ answers }: ExchangeCapture): Answers {
  const found = new Map<Service, CapturedOutcome>();
  for (const capture of answers) {
    const answer = capture.answer();
    if (answer !== undefined) found.set(capture.service, answer);
  }
  return found;
}

function bodiesOf(expected: CapturedOutcome, actual: CapturedOutcome, rules: CompareRules): BodySamples {
  const [one, other] = [bodyOf(expected, rules), bodyOf(actual, rules)];
  return { ...(one !== undefined && { expected: one }), ...(other !== undefined && { actual: other }) };
}

function bodyOf(answer: CapturedOutcome, rules: CompareRules): string | undefined {
  return answer.ok ? sampleOfBody(answer.response, rules) : undefined;
}

/**
 * Estimates the memory of a request that waits for its comparison. It is counted because clients may send long
 * requests.
 */
function requestBytes({ path, matchPath, query, headers }: ReceivedRequest): number {
  let bytes = REQUEST_BYTES + textBytes(path, matchPath, query);
  for (const [name, value] of headers) bytes += textBytes(name, value);
  return bytes;
}
