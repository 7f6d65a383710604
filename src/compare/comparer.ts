/** Compares the answers to the requests of one configuration, when the clients have theirs. */

import type { CompareSettings, Config, Route, Service } from "../config/config.ts";
import type { Inbound } from "../exchange/inbound.ts";
import type { KnownSecrets } from "../lib/known_secrets.ts";
import { REDACTED, redactPath } from "../lib/secret_text.ts";
import type { Observer } from "../observe/events.ts";
import { secretsOf } from "../observe/redaction.ts";
import { routePattern } from "../observe/route_pattern.ts";
import type { CapturedAnswer } from "./answer.ts";
import { compareAnswers } from "./compare_answers.ts";
import { comparedEvent } from "./compared_event.ts";
import type { Comparison } from "./comparison.ts";
import type { CountComparison } from "./comparisons.ts";
import { decodeBody } from "./decode_body.ts";
import type { Difference } from "./difference.ts";
import { EndpointNames } from "./endpoint.ts";
import { ExchangeCapture } from "./exchange_capture.ts";
import { MadeComparison } from "./made_comparison.ts";
import { MemoryBudget } from "./memory_budget.ts";
import { CompareRules } from "./rules.ts";
import { sampleOfBody } from "./sample_body.ts";
import { ShareDraw } from "./share_draw.ts";

/** What comparing needs beside the configuration. */
export interface ComparerOptions {
  /** Counts each comparison; `undefined`: nobody does. */
  readonly count: CountComparison | undefined;
  /** Told of each comparison, and never throws; `undefined`: nobody. */
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
/** Names of endpoints are shorter. */
const MAX_PATH_LENGTH = 2_048;
/** How long requests may have to wait for comparisons, in milliseconds. */
const TURN_MS = 2;

interface Candidate {
  readonly service: Service;
  readonly settings: CompareSettings;
  readonly rules: CompareRules;
}

/** The services of which the same share of the requests is compared: the same requests, so that the primary's answer is kept once. */
interface Sample {
  readonly draw: ShareDraw;
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
  readonly replay: ShareDraw;
}

type Answers = ReadonlyMap<Service, CapturedAnswer>;

/** Answers that were captured together with the first of them, the primary's, ready for comparing. */
interface Expected {
  readonly plan: RoutePlan;
  readonly inbound: Inbound;
  readonly endpoint: string;
  readonly answer: CapturedAnswer;
}

/** Decides which exchanges are captured, and compares what was. */
export class Comparer {
  readonly #options: ComparerOptions;
  readonly #plans = new Map<Route, RoutePlan>();
  readonly #budget: MemoryBudget;
  readonly #queue: ExchangeCapture[] = [];
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
    const known = secretsOf(config);
    for (const route of config.routes) {
      const plan = planFor(route, { replayShare: config.compare?.replaySample ?? 0, known });
      if (plan !== undefined) this.#plans.set(route, plan);
    }
  }

  /**
   * Decides whether the answers to a request are compared.
   *
   * @param inbound The request.
   * @param route Its route.
   * @param hasBody Whether it has a body; it is not sent again then.
   * @returns What is to see its attempts; `undefined` where nothing is compared.
   */
  begin(inbound: Inbound, route: Route, hasBody: boolean): ExchangeCapture | undefined {
    const plan = this.#plans.get(route);
    if (plan === undefined || this.#queue.length >= MAX_WAITING) return undefined;
    const wanted = choose(plan);
    if (wanted === undefined) return undefined;
    return new ExchangeCapture({
      inbound,
      route,
      hasBody,
      wanted,
      maxBytes: plan.maxBodyBytes,
      budget: this.#budget,
      onComplete: (capture) => this.#enqueue(capture),
    });
  }

  #enqueue(capture: ExchangeCapture): void {
    if (capture.answers.length === 0) return;
    this.#queue.push(capture);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setTimeout(() => this.#run());
  }

  /** In turns, so that no request waits for a long queue of comparisons. */
  async #run(): Promise<void> {
    const { now } = this.#options;
    const untilMs = now() + TURN_MS;
    try {
      while (this.#queue.length > 0 && now() < untilMs) {
        const capture = this.#queue.shift()!;
        const plan = this.#plans.get(capture.route)!;
        const answers = answersTo(capture, plan);
        // Only what is packed has to be waited for.
        this.#compareAll(capture, plan, answers instanceof Promise ? await answers : answers);
      }
    } finally {
      // A bug that one comparison meets must not be the end of all others.
      this.#isRunning = this.#queue.length > 0;
      if (this.#isRunning) setTimeout(() => this.#run());
    }
  }

  #compareAll(capture: ExchangeCapture, plan: RoutePlan, answers: Answers): void {
    const { inbound } = capture;
    const answer = answers.get(plan.primary);
    if (answer === undefined) return capture.release();
    const expected = { plan, inbound, endpoint: endpointOf(plan, inbound), answer };
    for (const candidate of plan.candidates) {
      const actual = answers.get(candidate.service);
      if (actual === undefined) continue;
      if (candidate.service.control) this.#addNoise(expected, candidate.service, actual);
      else this.#add(expected, candidate, { actual, differences: compareAnswers(answer, actual, candidate.rules) });
    }
    if (!this.#replayed(capture, expected)) capture.release();
  }

  /**
   * Asks the primary again. Whoever asked first holds the first answer until the second one is there.
   *
   * @returns Whether it is asked.
   */
  #replayed(first: ExchangeCapture, expected: Expected): boolean {
    const { plan, inbound, answer } = expected;
    const isFit = answer.ok && (inbound.method === "GET" || inbound.method === "HEAD") &&
      !first.hasBody && this.#replays < MAX_REPLAYS;
    if (!isFit || !plan.replay.isChosen()) return false;
    this.#replays++;
    const again = new ExchangeCapture({
      inbound,
      route: first.route,
      hasBody: false,
      wanted: plan.everybody,
      maxBytes: plan.maxBodyBytes,
      budget: this.#budget,
      onComplete: async () => {
        this.#replays--;
        const actual = (await answersTo(again, plan)).get(plan.primary);
        if (actual !== undefined) this.#addNoise(expected, plan.primary, actual);
        again.release();
        first.release();
      },
    });
    this.#options.replay(again, plan.primary);
    again.seal();
    return true;
  }

  /** What differs by itself may not differ by every candidate's rules: it is noise to those that see it. */
  #addNoise(expected: Expected, service: Service, actual: CapturedAnswer): void {
    const byPath = new Map<string, Difference>();
    for (const { rules } of expected.plan.candidates) {
      for (const difference of compareAnswers(expected.answer, actual, rules)) byPath.set(difference.path, difference);
    }
    this.#add(expected, { ...expected.plan.candidates[0]!, service }, {
      actual,
      differences: [...byPath.values()],
      isNoise: true,
    });
  }

  #add(
    { plan, inbound, endpoint, answer: expected }: Expected,
    { service, settings, rules }: Candidate,
    { actual, differences, isNoise = false }: Pick<Comparison, "actual" | "differences"> & { isNoise?: boolean },
  ): void {
    const differ = { expected, actual, differences, isNoise, service: service.name };
    const comparison = new MadeComparison(inbound, plan.route, differ, rules);
    this.#options.count?.(comparison, {
      endpoint,
      samples: settings.samples,
      bodies: () => {
        const [one, other] = [bodyOf(expected, rules), bodyOf(actual, rules)];
        return { ...(one !== undefined && { expected: one }), ...(other !== undefined && { actual: other }) };
      },
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
    replay: new ShareDraw(replayShare),
  };
}

function candidateFor(service: Service, settings: CompareSettings, known: KnownSecrets): Candidate {
  return { service, settings, rules: new CompareRules(settings, { known }) };
}

function samplesOf(candidates: readonly Candidate[]): Sample[] {
  const shares = new Set(candidates.map(({ settings }) => settings.sample));
  return [...shares].map((share) => ({
    draw: new ShareDraw(share),
    services: candidates.filter(({ settings }) => settings.sample === share).map(({ service }) => service),
  }));
}

/** Names of endpoints are shown: a secret in a path is a variable part of it. */
function endpointOf({ endpoints }: RoutePlan, { method, path }: Inbound): string {
  return endpoints.nameOf(method, redactPath(path.slice(0, MAX_PATH_LENGTH)).replaceAll(REDACTED, "{id}"));
}

/** @returns Whose answers are kept; `undefined` where nobody's are. */
function choose({ primary, samples, everybody }: RoutePlan): ReadonlySet<Service> | undefined {
  const chosen = samples.filter(({ draw }) => draw.isChosen());
  if (chosen.length === samples.length) return everybody;
  return chosen.length === 0 ? undefined : new Set([primary, ...chosen.flatMap(({ services }) => services)]);
}

/** The answers of an exchange that say something, unpacked; at once where nothing is packed. */
function answersTo({ answers }: ExchangeCapture, { maxBodyBytes }: RoutePlan): Answers | Promise<Answers> {
  const found = new Map<Service, CapturedAnswer>();
  let unpacking: Promise<void>[] | undefined;
  for (const capture of answers) {
    const answer = capture.answer();
    if (answer === undefined) continue;
    const { service } = capture.attempt;
    found.set(service, answer);
    if (!answer.ok || answer.response.body === undefined) continue;
    const { response } = answer;
    const body = decodeBody(answer.response.body, response.headers, maxBodyBytes);
    if (!(body instanceof Promise)) continue;
    const unpack = async () => void found.set(service, { ok: true, response: { ...response, body: await body } });
    (unpacking ??= []).push(unpack());
  }
  return unpacking === undefined ? found : Promise.all(unpacking).then(() => found);
}

function bodyOf(answer: CapturedAnswer, rules: CompareRules): string | undefined {
  return answer.ok ? sampleOfBody(answer.response, rules) : undefined;
}
