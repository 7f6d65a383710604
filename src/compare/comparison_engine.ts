/** Compares responses in the background, after the client has received its response. */

import type { RequestBody } from "../body/request_body.ts";
import { SharedBody } from "../body/shared_body.ts";
import type { Config, Route, Service } from "../config/config.ts";
import { getHeader } from "../http/headers.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { type DigestKey, randomDigestKey } from "../lib/digest.ts";
import { MemoryBudget, textBytes } from "../lib/memory_budget.ts";
import type { Observer } from "../observe/events.ts";
import type { NotComparableReason } from "../observe/not_comparable.ts";
import type { Transport } from "../upstream/transport.ts";
import type { CapturedOutcome } from "./captured_response.ts";
import { hasSameBytesAsSent } from "./compare_body.ts";
import { compareResponses, type ResponseComparison } from "./compare_responses.ts";
import { comparedEvent, type Comparison, type NotComparable, notComparableEvent } from "./comparison.ts";
import {
  type Candidate,
  type ComparisonPlan,
  endpointOf,
  isReplayable,
  needsBody,
  plansFor,
  sampleServices,
} from "./comparison_plan.ts";
import { type CapturesByService, ComparisonQueue } from "./comparison_queue.ts";
import type { CountOptions } from "./comparison_stats.ts";
import type { ComparisonCounter } from "./comparison_store.ts";
import type { Difference } from "./difference.ts";
import type { DifferenceTrait, SameFormValues } from "./difference_traits.ts";
import { ExchangeCapture } from "./exchange_capture.ts";
import { conditionalReason } from "./conditional_responses.ts";
import { isGraphqlPath, withGraphqlErrors } from "./graphql.ts";
import type { ResponseCapture } from "./response_capture.ts";
import { RequestComparison } from "./request_comparison.ts";
import type { KeptRequest } from "./request_sample.ts";
import type { CompareRules } from "./rules.ts";
import { sampleOfBody } from "./sample_body.ts";
import { VersionPages } from "./version_pages.ts";

/** Options of {@linkcode ComparisonEngine}. */
export interface ComparisonEngineOptions {
  /** Counts each comparison; `undefined`: comparisons are not counted. */
  readonly count: ComparisonCounter | undefined;
  /** Called with each comparison; never throws. `undefined`: no observer. */
  readonly observe: Observer | undefined;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Requests the version pages of services. */
  readonly transport: Transport;
  /** Aborted when the shutdown begins: no further requests are replayed. Default: it never begins. */
  readonly stopping?: AbortSignal;
  /** Sends the request of a capture to a service again, and passes the attempt to the capture. */
  replay(capture: ExchangeCapture, service: Service): void;
}

/** Maximum concurrent replays to the primary. */
const MAX_REPLAYS = 8;
/** Maximum replays that wait for another one to end. Comparisons come in bursts, and further replays are left out. */
const MAX_WAITING_REPLAYS = 64;
/** Statuses that follow from preconditions and ranges of the request: 412 and 416. */
const CONDITIONAL_STATUSES: ReadonlySet<number> = new Set([412, 416]);
/** Maximum length of a version in characters. */
const MAX_BUILD_LENGTH = 64;
/** Estimated memory of a waiting exchange in bytes, without its texts. */
const REQUEST_BYTES = 1_024;

type BodySamples = ReturnType<NonNullable<CountOptions["bodies"]>>;

/** The primary's outcome, with which the others are compared. */
interface Baseline {
  readonly plan: ComparisonPlan;
  readonly clientRequest: ReceivedRequest;
  readonly endpoint: string;
  /** Has an outcome until it is released. Decoding replaces the outcome. */
  readonly primary: ResponseCapture;
  /** The request for samples. */
  readonly request: KeptRequest;
  /** Time at which the exchange began. */
  readonly startedMs: number;
}

/** Result of comparing one outcome with the baseline. */
interface Result extends ResponseComparison, Pick<Comparison, "actual"> {
  /** Default: `false`. */
  readonly isNoise?: boolean;
}

/** Decides which exchanges are captured, and compares them. */
export class ComparisonEngine {
  readonly #options: ComparisonEngineOptions;
  readonly #plans: ReadonlyMap<Route, ComparisonPlan>;
  readonly #budget: MemoryBudget;
  readonly #queue: ComparisonQueue;
  readonly #digestKey: DigestKey = randomDigestKey();
  readonly #versions: VersionPages;
  #replays = 0;
  readonly #waitingReplays: (() => void)[] = [];

  /** Compiles the rules of a configuration. */
  constructor(config: Config, options: ComparisonEngineOptions) {
    this.#options = options;
    this.#plans = plansFor(config);
    this.#budget = new MemoryBudget(config.compare?.maxMemoryBytes ?? 0);
    this.#queue = new ComparisonQueue(options.now);
    this.#versions = new VersionPages(options);
  }

  /**
   * Returns the capture of a request's responses; `undefined` if the request is not compared. A small body is copied
   * for samples, and if the request may be replayed or is GraphQL. A request with a larger body is never replayed to
   * the primary, nor is an upgrade.
   */
  begin(
    clientRequest: ReceivedRequest,
    route: Route,
    { body, isUpgrade = false }: { readonly body: RequestBody; readonly isUpgrade?: boolean },
  ): ExchangeCapture | undefined {
    const plan = this.#plans.get(route);
    const captured = plan && sampleServices(plan);
    if (captured === undefined) return undefined;
    // Counts only services that are sent the request: a shadow is not sent a POST, so its response is not missing.
    const skip = ({ sent }: ExchangeCapture, reason: NotComparableReason) =>
      this.#skipAll(plan!, { clientRequest, captured: sent, reason });
    const refuse = (reason: NotComparableReason) =>
      new ExchangeCapture({
        clientRequest,
        heldBytes: 0,
        route,
        hasBody: body !== null || isUpgrade,
        captured,
        isRefused: true,
        maxBytes: plan!.maxBodyBytes,
        budget: this.#budget,
        key: this.#digestKey,
        now: this.#options.now,
        onComplete: (capture) => skip(capture, reason),
      });
    if (this.#queue.isFull) return refuse("busy");
    if (!this.#queue.sample(this.#budget.usedRatio)) return refuse("no-time");
    const isKept = body instanceof SharedBody && needsBody(plan!, clientRequest, body.length);
    const heldBytes = requestBytes(clientRequest) + (isKept ? body.length : 0);
    if (!this.#budget.reserve(heldBytes)) return refuse("memory");
    const startedMs = this.#options.now();
    return new ExchangeCapture({
      clientRequest,
      heldBytes,
      route,
      hasBody: body !== null || isUpgrade,
      requestBody: isKept ? body.copy() : undefined,
      captured,
      maxBytes: plan!.maxBodyBytes,
      budget: this.#budget,
      key: this.#digestKey,
      now: this.#options.now,
      onComplete: (capture) =>
        this.#queue.add({
          capture,
          compare: (captures) => this.#compareAll(capture, { plan: plan!, startedMs }, captures),
          onBusy: () => {
            skip(capture, "busy");
            capture.release();
          },
        }),
    });
  }

  #skipAll(
    plan: ComparisonPlan,
    { clientRequest, captured, reason, capture }: {
      readonly clientRequest: ReceivedRequest;
      readonly captured: ReadonlySet<Service>;
      readonly reason: NotComparableReason;
      /** Default: there are no responses. */
      readonly capture?: ExchangeCapture;
    },
  ): void {
    // A sample is the same on all endpoints, and naming an endpoint takes longer than everything else here.
    const endpoint = reason === "no-time" ? {} : { endpoint: endpointOf(plan, clientRequest) };
    for (const candidate of plan.candidates) {
      const { service } = candidate;
      if (!captured.has(service)) continue;
      const results = capture && resultsOf(capture, plan.primary, candidate);
      this.#skip({ plan, clientRequest, ...endpoint }, service, { reason, isNoise: service.control, results });
    }
  }

  async #compareAll(
    capture: ExchangeCapture,
    { plan, startedMs }: Pick<Baseline, "plan" | "startedMs">,
    captures: CapturesByService,
  ): Promise<void> {
    const { clientRequest } = capture;
    const primary = captures.get(plan.primary);
    if (primary === undefined) {
      const reason = lostBy(capture, plan.primary);
      const captured = new Set(capture.responses.map(({ service }) => service));
      if (reason !== undefined) this.#skipAll(plan, { clientRequest, captured, reason, capture });
      return capture.release();
    }
    const endpoint = endpointOf(plan, clientRequest, capture.requestBody);
    const request = { clientRequest, hasBody: capture.hasBody, body: capture.requestBody };
    const baseline = { plan, clientRequest, endpoint, primary, request, startedMs };
    let isCompared = false;
    for (const candidate of plan.candidates) {
      const actual = captures.get(candidate.service);
      if (actual === undefined) {
        this.#skipMissing(capture, baseline, candidate);
        continue;
      }
      const pause = this.#queue.pause();
      if (pause !== undefined) await pause;
      if (candidate.service.control) await this.#addNoise(baseline, candidate.service, actual);
      else if (await this.#addCompared(baseline, candidate, actual)) isCompared = true;
    }
    // Without a comparison, a replay would only load the primary.
    if (!isCompared || !this.#replay(capture, baseline)) capture.release();
  }

  /**
   * Replays the request to the primary, to measure noise. Returns `false` if the request is not replayed. Otherwise,
   * the first capture keeps its memory until the second response has been compared.
   */
  #replay(first: ExchangeCapture, baseline: Baseline): boolean {
    const { plan, clientRequest, primary } = baseline;
    const { stopping } = this.#options;
    const mayReplay = !stopping?.aborted && primary.outcome!.ok && isReplayable(plan, clientRequest) &&
      (!first.hasBody || first.requestBody !== undefined) && this.#waitingReplays.length < MAX_WAITING_REPLAYS;
    if (!mayReplay || !plan.replaySampler.next()) return false;
    const release = () => {
      second.release();
      first.release();
    };
    const second = new ExchangeCapture({
      clientRequest,
      heldBytes: 0,
      route: first.route,
      hasBody: first.hasBody,
      requestBody: first.requestBody,
      captured: plan.allServices,
      maxBytes: plan.maxBodyBytes,
      budget: this.#budget,
      key: this.#digestKey,
      now: this.#options.now,
      onComplete: () => {
        this.#replays--;
        while (this.#replays < MAX_REPLAYS && this.#waitingReplays.length > 0) this.#waitingReplays.shift()!();
        if (second.responses.length === 0) return release();
        this.#queue.add({
          capture: second,
          compare: async (captures) => {
            const actual = captures.get(plan.primary);
            if (actual !== undefined) await this.#addNoise(baseline, plan.primary, actual);
            release();
          },
          onBusy: () => {
            this.#skip(baseline, plan.primary, { reason: "busy", isNoise: true });
            release();
          },
        });
      },
    });
    const start = () => {
      if (stopping?.aborted) return release();
      this.#replays++;
      this.#options.replay(second, plan.primary);
      second.seal();
    };
    if (this.#replays < MAX_REPLAYS) start();
    else this.#waitingReplays.push(start);
    return true;
  }

  /** Returns no promise if the bodies need no decoding, because most do not, and a promise costs more than counting. */
  #addCompared(baseline: Baseline, candidate: Candidate, actual: ResponseCapture): boolean | Promise<boolean> {
    const result = this.#compare(baseline, actual, candidate);
    if (!(result instanceof Promise)) return this.#add(baseline, candidate, result);
    return result.then((decoded) => this.#add(baseline, candidate, decoded));
  }

  /** Decodes bodies only if they differ as sent, because decoding costs more than most comparisons. */
  #compare(
    { clientRequest, endpoint, primary }: Baseline,
    capture: ResponseCapture,
    { rules, settings }: Pick<Candidate, "rules" | "settings">,
  ): Result | Promise<Result> {
    const reason = conditionalReason(clientRequest.headers, primary.outcome!, capture.outcome!);
    if (reason !== undefined) return { actual: capture.outcome!, differences: [], notComparable: reason };
    const compare = () => {
      const actual = capture.outcome!;
      return { actual, ...compareResponses(primary.outcome!, actual, rules.at(endpoint)) };
    };
    if (settings.samples !== "bodies" && hasSameBytesAsSent(primary, capture)) return compare();
    const decoding = this.#decode(primary, capture);
    return decoding === undefined ? compare() : decoding.then(compare);
  }

  /** Decodes one body after the other. Returns `undefined` if both have no coding. */
  #decode(primary: ResponseCapture, capture: ResponseCapture): Promise<void> | undefined {
    const { pause } = this.#queue;
    const decoding = primary.decode(pause);
    return decoding === undefined ? capture.decode(pause) : decoding.then(() => capture.decode(pause));
  }

  /** Compares by the rules of every candidate, because each may ignore different fields. */
  async #addNoise(baseline: Baseline, service: Service, capture: ResponseCapture): Promise<void> {
    const byPath = new Map<string, Difference>();
    const traits = new Map<string, DifferenceTrait>();
    const valuesByPath = new Map<string, SameFormValues>();
    for (const candidate of baseline.plan.candidates) {
      const pause = this.#queue.pause();
      if (pause !== undefined) await pause;
      const result = await this.#compare(baseline, capture, candidate);
      const { differences, notComparable } = result;
      if (notComparable !== undefined) return this.#skip(baseline, service, { reason: notComparable, isNoise: true });
      for (const difference of differences) {
        const { path } = difference;
        const [trait, values] = [result.traits?.get(path), result.values?.get(path)];
        byPath.set(path, difference);
        if (trait === undefined) traits.delete(path);
        else traits.set(path, trait);
        if (values === undefined) valuesByPath.delete(path);
        else valuesByPath.set(path, values);
      }
    }
    this.#add(baseline, { ...baseline.plan.candidates[0]!, service }, {
      actual: capture.outcome!,
      differences: [...byPath.values()],
      traits,
      values: valuesByPath,
      notComparable: undefined,
      isNoise: true,
    });
  }

  /** Counts a service without an outcome, if the reason says something about the service or the comparison. */
  #skipMissing(capture: ExchangeCapture, baseline: Baseline, candidate: Candidate): void {
    const { service } = candidate;
    const isNoise = service.control;
    const skipReason = capture.skipReasonOf(service);
    if (skipReason === "open-circuit" || skipReason === "unhealthy") {
      const { plan: { route }, primary } = baseline;
      if (!isNoise) this.#options.count?.addUnavailable({ route, service: service.name, expected: primary.outcome! });
      return;
    }
    // While a service is slow, most requests are not sent to it. Without counting them, its slow responses would be rare.
    const reason = skipReason === "max-in-flight" ? "not-sent" : lostBy(capture, service);
    if (reason === undefined) return;
    this.#skip(baseline, service, { reason, isNoise, results: resultsOf(capture, baseline.plan.primary, candidate) });
  }

  #skip(
    { plan, clientRequest, endpoint }: Pick<Baseline, "plan" | "clientRequest"> & Partial<Pick<Baseline, "endpoint">>,
    service: Service,
    { reason, isNoise, results }: Pick<NotComparable, "reason" | "isNoise"> & {
      readonly results?: NotComparable["results"] | undefined;
    },
  ): void {
    const skipped: NotComparable = {
      requestId: clientRequest.requestId,
      route: plan.route,
      ...(endpoint !== undefined && { endpoint }),
      service: service.name,
      reason,
      isNoise,
      ...(results !== undefined && { results }),
    };
    this.#options.count?.addNotComparable(skipped);
    this.#options.observe?.(notComparableEvent(skipped));
  }

  /** Counts a comparison. Returns `false` if the responses are not comparable. */
  #add(
    { plan, clientRequest, endpoint, primary, request, startedMs }: Baseline,
    { service, settings, rules }: Candidate,
    { actual: found, differences, traits, values, notComparable, isNoise = false }: Result,
  ): boolean {
    if (notComparable !== undefined) {
      this.#skip({ plan, clientRequest, endpoint }, service, { reason: notComparable, isNoise });
      return false;
    }
    const isGraphql = isGraphqlPath(clientRequest.path);
    const expected = isGraphql ? withGraphqlErrors(primary.outcome!) : primary.outcome!;
    const actual = isGraphql ? withGraphqlErrors(found) : found;
    const { version } = settings;
    const build = isNoise || version === undefined
      ? undefined
      : version.kind === "header"
      ? buildOf(actual, version.name)
      : this.#versions.versionAt(startedMs, service, version.path);
    const comparison = new RequestComparison(request, { settings, rules }, {
      route: plan.route,
      service: service.name,
      build,
      isNoise,
      expected,
      actual,
      differences,
      traits,
      values,
    });
    let bodies: BodySamples | undefined;
    this.#options.count?.add(comparison, {
      endpoint,
      samples: settings.samples,
      // Cached, because it is called for each field that differs.
      bodies: () => bodies ??= bodiesOf(expected, actual, rules),
    });
    this.#options.observe?.(comparedEvent(comparison));
    return true;
  }
}

/** Returns the version in a response; `undefined` without the header field. */
function buildOf(outcome: CapturedOutcome, header: string): string | undefined {
  if (!outcome.ok) return undefined;
  return getHeader(outcome.response.headers, header)?.slice(0, MAX_BUILD_LENGTH).replaceAll("\n", " ") || undefined;
}

/** Returns the reason why a service has no outcome; `undefined` if it was not sent the request. */
function lostBy({ responses }: ExchangeCapture, service: Service): NotComparableReason | undefined {
  return responses.find((response) => response.service === service && response.lostBy !== undefined)?.lostBy;
}

/**
 * Returns the results of the primary and of a candidate, of which one sent only the beginning of its response: a client
 * ends a stream of events by disconnecting, so such a response never ends. `undefined` without the status of both.
 */
function resultsOf(
  { responses }: ExchangeCapture,
  primary: Service,
  { service, rules }: Pick<Candidate, "service" | "rules">,
): NotComparable["results"] {
  const [expected, actual] = [primary, service].map((each) => responses.find((response) => response.service === each));
  const expectedStatus = expected?.status;
  const hasFailed = actual?.outcome?.ok === false;
  if (expectedStatus === undefined || (actual?.status === undefined && !hasFailed)) return undefined;
  const actualStatus = actual.status ?? 0;
  const isRefusal = actualStatus >= 400 && expectedStatus < 400 && !CONDITIONAL_STATUSES.has(actualStatus) &&
    !rules.areEquivalentStatuses(expectedStatus, actualStatus) && !rules.ignores("status");
  return { isPrimaryError: expectedStatus >= 500, isError: hasFailed || actualStatus >= 500 || isRefusal };
}

function bodiesOf(expected: CapturedOutcome, actual: CapturedOutcome, rules: CompareRules): BodySamples {
  const [expectedBody, actualBody] = [bodyOf(expected, rules), bodyOf(actual, rules)];
  return {
    ...(expectedBody !== undefined && { expected: expectedBody }),
    ...(actualBody !== undefined && { actual: actualBody }),
  };
}

function bodyOf(outcome: CapturedOutcome, rules: CompareRules): string | undefined {
  return outcome.ok ? sampleOfBody(outcome.response, rules) : undefined;
}

/** Estimates the memory of a request that waits for its comparison. Clients may send long requests. */
function requestBytes({ path, matchPath, query, headers }: ReceivedRequest): number {
  let bytes = REQUEST_BYTES + textBytes(path, matchPath, query);
  for (const [name, value] of headers) bytes += textBytes(name, value);
  return bytes;
}
