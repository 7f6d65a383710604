/** The counters of one route, and of each service on it. */

import type { Role } from "../config/config.ts";
import type { FailureKind, SkipReason } from "../http/outcome_kinds.ts";
import type { RefusalReason } from "../http/client_response.ts";
import type {
  ComparedEvent,
  ComparisonResult,
  NotComparableReason,
  RelayedEvent,
  RespondedEvent,
  SettledEvent,
} from "./events.ts";
import { bucketOf, HISTOGRAM_BOUNDS_MS } from "./histogram_bounds.ts";
import type { HistogramSnapshot, RouteSnapshot, ServiceSnapshot, StatusClass } from "./metrics_snapshot.ts";

/** The place of each counter in its array; does not compile where one is missing. */
const CLASSES: Readonly<Record<StatusClass, number>> = { "1xx": 0, "2xx": 1, "3xx": 2, "4xx": 3, "5xx": 4 };
const FAILURES: Readonly<Record<FailureKind, number>> = {
  "timeout": 0,
  "refused": 1,
  "reset": 2,
  "dns": 3,
  "tls": 4,
  "protocol": 5,
  "aborted": 6,
  "lagging": 7,
  "open-circuit": 8,
  "overloaded": 9,
  "head-too-large": 10,
  "unsendable": 11,
};
const SKIPS: Readonly<Record<SkipReason, number>> = {
  "sampled": 0,
  "method": 1,
  "overloaded": 2,
  "rate": 3,
  "lagging": 4,
  "open-circuit": 5,
  "unhealthy": 6,
  "body-too-large": 7,
  "hedge-budget": 8,
};
const REFUSALS: Readonly<Record<RefusalReason, number>> = {
  "max-in-flight": 0,
  "max-in-flight-per-client": 1,
  "max-uploads": 2,
  "max-uploads-per-client": 3,
  "stalled-upload": 4,
  "slow-upload": 5,
};
const COMPARISONS: Readonly<Record<ComparisonResult, number>> = {
  "match": 0,
  "mismatch": 1,
  "missing": 2,
  "noise": 3,
  "not-comparable": 4,
};
const NOT_COMPARABLE: Readonly<Record<NotComparableReason, number>> = {
  "too-large": 0,
  "undecodable": 1,
  "memory": 2,
  "costly": 3,
  "busy": 4,
  "lagging": 5,
};
const ROUTE_COUNTERS = { fallbacks: 0, ownAnswers: 1, interrupted: 2, requestBytes: 3, responseBytes: 4, inFlight: 5 };
const SERVICE_COUNTERS = { failedResponses: 0, selected: 1, hedgesSent: 2, hedgesWon: 3, inFlight: 4 };

/** Failures without a meaningful duration: conductor aborted the attempt, or never sent it. */
const UNTIMED: ReadonlySet<FailureKind | undefined> = new Set([
  "aborted",
  "open-circuit",
  "overloaded",
  "unsendable",
]);

/** Durations by bucket, and their sum behind them. */
class Histogram {
  readonly #cells = new Float64Array(HISTOGRAM_BOUNDS_MS.length + 2);

  add(durationMs: number): void {
    this.#cells[bucketOf(durationMs)]!++;
    this.#cells[HISTOGRAM_BOUNDS_MS.length + 1]! += durationMs;
  }

  snapshot(): HistogramSnapshot {
    return { counts: [...this.#cells.subarray(0, -1)], sumMs: this.#cells.at(-1)! };
  }
}

/** What is counted of a route. Numbers are in typed arrays: in a plain field each that is not small is made anew. */
export class RouteSeries {
  /** The services on the route, by name. */
  readonly services: Map<string, ServiceSeries> = new Map();
  readonly #responses = newCounters(CLASSES);
  readonly #refusals = newCounters(REFUSALS);
  readonly #counts = newCounters(ROUTE_COUNTERS);
  readonly #duration = new Histogram();

  /** Counts a request that has arrived. */
  received(): void {
    this.#counts[ROUTE_COUNTERS.inFlight]!++;
  }

  /**
   * Counts a response.
   *
   * @param event The response.
   */
  responded({ status, refusal, service, fallback, hedge, durationMs }: RespondedEvent): void {
    leave(this.#counts, ROUTE_COUNTERS.inFlight);
    this.#responses[classOf(status)]!++;
    this.#duration.add(durationMs);
    if (refusal !== undefined) this.#refusals[REFUSALS[refusal]]!++;
    if (fallback) this.#counts[ROUTE_COUNTERS.fallbacks]!++;
    if (service === undefined) this.#counts[ROUTE_COUNTERS.ownAnswers]!++;
    else this.services.get(service)?.selected(hedge === true);
  }

  /** Counts an answer that broke off. */
  interrupted(): void {
    this.#counts[ROUTE_COUNTERS.interrupted]!++;
  }

  /**
   * Counts bytes.
   *
   * @param event The end of an exchange.
   */
  relayed({ requestBytes, responseBytes }: RelayedEvent): void {
    this.#counts[ROUTE_COUNTERS.requestBytes]! += requestBytes;
    this.#counts[ROUTE_COUNTERS.responseBytes]! += responseBytes;
  }

  /**
   * Reads the counters.
   *
   * @param route The route's pattern.
   * @returns What they say.
   */
  snapshot(route: string): RouteSnapshot {
    const responses = byKey(CLASSES, this.#responses);
    const refusals = byKey(REFUSALS, this.#refusals);
    return { route, responses, refusals, ...byKey(ROUTE_COUNTERS, this.#counts), duration: this.#duration.snapshot() };
  }
}

/** What is counted of a service on a route. */
export class ServiceSeries {
  /** The service's role there. */
  readonly role: Role;
  readonly #responses = newCounters(CLASSES);
  readonly #failures = newCounters(FAILURES);
  readonly #skips = newCounters(SKIPS);
  readonly #comparisons = newCounters(COMPARISONS);
  readonly #notComparable = newCounters(NOT_COMPARABLE);
  readonly #counts = newCounters(SERVICE_COUNTERS);
  readonly #duration = new Histogram();

  /**
   * Starts at zero.
   *
   * @param role The service's role on the route.
   */
  constructor(role: Role) {
    this.role = role;
  }

  /**
   * Counts an attempt that starts.
   *
   * @param isHedge Whether it had been held back first.
   */
  attempted(isHedge: boolean): void {
    this.#counts[SERVICE_COUNTERS.inFlight]!++;
    if (isHedge) this.#counts[SERVICE_COUNTERS.hedgesSent]!++;
  }

  /**
   * Counts a request that was not sent.
   *
   * @param reason Why.
   */
  skipped(reason: SkipReason): void {
    this.#skips[SKIPS[reason]]!++;
  }

  /**
   * Counts how an attempt ended.
   *
   * @param event Its end.
   */
  settled({ status, success, failure, durationMs }: SettledEvent): void {
    leave(this.#counts, SERVICE_COUNTERS.inFlight);
    if (status !== undefined) {
      this.#responses[classOf(status)]!++;
      if (!success) this.#counts[SERVICE_COUNTERS.failedResponses]!++;
    }
    if (failure !== undefined) this.#failures[FAILURES[failure]]!++;
    if (!UNTIMED.has(failure)) this.#duration.add(durationMs);
  }

  /**
   * Counts a comparison.
   *
   * @param event Result of the comparison.
   */
  compared({ result, reason }: ComparedEvent): void {
    this.#comparisons[COMPARISONS[result]]!++;
    if (reason !== undefined) this.#notComparable[NOT_COMPARABLE[reason]]!++;
  }

  /**
   * Counts a response that was the client's answer.
   *
   * @param isHedge Whether its attempt had been held back first.
   */
  selected(isHedge: boolean): void {
    this.#counts[SERVICE_COUNTERS.selected]!++;
    if (isHedge) this.#counts[SERVICE_COUNTERS.hedgesWon]!++;
  }

  /**
   * Reads the counters.
   *
   * @param route The route's pattern.
   * @param service The service's name.
   * @returns What they say.
   */
  snapshot(route: string, service: string): ServiceSnapshot {
    const { hedgesSent: sent, hedgesWon: won, ...counts } = byKey(SERVICE_COUNTERS, this.#counts);
    return {
      route,
      service,
      role: this.role,
      responses: byKey(CLASSES, this.#responses),
      failures: byKey(FAILURES, this.#failures),
      skips: byKey(SKIPS, this.#skips),
      comparisons: byKey(COMPARISONS, this.#comparisons),
      notComparable: byKey(NOT_COMPARABLE, this.#notComparable),
      ...counts,
      hedges: { sent, won },
      duration: this.#duration.snapshot(),
    };
  }
}

/** What started before counting did, or before a reload that dropped and brought it back, must not go below nothing. */
function leave(counts: Float64Array, place: number): void {
  if (counts[place]! > 0) counts[place]!--;
}

/** What is no status at all is the service's fault. */
function classOf(status: number): number {
  return status >= 100 && status < 600 ? Math.floor(status / 100) - 1 : CLASSES["5xx"];
}

function newCounters(places: Readonly<Record<string, number>>): Float64Array {
  return new Float64Array(Object.keys(places).length);
}

function byKey<K extends string>(places: Readonly<Record<K, number>>, counts: Float64Array): Record<K, number> {
  const entries = Object.entries<number>(places).map(([key, place]) => [key, counts[place]!] as const);
  return Object.fromEntries(entries) as Record<K, number>;
}
