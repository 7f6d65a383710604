/** Counts what happens to requests and services, for one thread. */

import type { Config, Role, Route, Service } from "../config/config.ts";
import { isSameBackend } from "../config/same_backend.ts";
import type { FailureKind, SkipReason } from "../exchange/attempt.ts";
import type { BreakerState } from "../exchange/breaker.ts";
import type { HealthState } from "../exchange/health.ts";
import type { ConductorEvent, RelayedEvent, RespondedEvent, SettledEvent } from "./events.ts";
import { bucketOf, HISTOGRAM_BOUNDS_MS } from "./histogram_bounds.ts";
import type {
  HistogramSnapshot,
  MetricsSnapshot,
  RouteSnapshot,
  ServiceSnapshot,
  ServiceStateSnapshot,
  StatusClass,
} from "./metrics_snapshot.ts";
import { routePattern } from "./route_pattern.ts";

/** Under what requests are counted that matched no route. */
const NO_ROUTE = "";

const CLASSES: readonly StatusClass[] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/** Each kind's place among the counters; does not compile where one is missing. */
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
};

/** The same for reasons. */
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

/** What says nothing about how fast a service is: it was given up, or never sent the request. */
const UNTIMED: ReadonlySet<FailureKind | undefined> = new Set(["aborted", "open-circuit", "overloaded"]);

/** Durations by bucket, and their sum behind them. */
class Histogram {
  readonly #cells = new Float64Array(HISTOGRAM_BOUNDS_MS.length + 2);

  add(durationMs: number): void {
    this.#cells[bucketOf(durationMs)]!++;
    this.#cells[HISTOGRAM_BOUNDS_MS.length + 1]! += durationMs;
  }

  snapshot(): HistogramSnapshot {
    const counts = [...this.#cells];
    const sumMs = counts.pop()!;
    return { counts, sumMs };
  }
}

/** A route's counters. Numbers are in typed arrays: those of plain fields are made anew whenever they are not small. */
class RouteSeries {
  readonly services = new Map<string, ServiceSeries>();
  readonly duration = new Histogram();
  readonly responses = new Float64Array(CLASSES.length);
  /** Fallbacks, own answers, interruptions, bytes of requests and of responses, in flight. */
  readonly counts = new Float64Array(6);

  responded(event: RespondedEvent): void {
    this.responses[classOf(event.status)]!++;
    if (event.fallback) this.counts[0]!++;
    if (event.service === undefined) this.counts[1]!++;
    leave(this.counts, 5);
    this.duration.add(event.durationMs);
    if (event.service === undefined) return;
    const series = this.services.get(event.service);
    if (series === undefined) return;
    series.counts[1]!++;
    if (event.hedge === true) series.counts[3]!++;
  }

  relayed({ requestBytes, responseBytes }: RelayedEvent): void {
    this.counts[3]! += requestBytes;
    this.counts[4]! += responseBytes;
  }

  snapshot(route: string): RouteSnapshot {
    const [fallbacks = 0, ownAnswers = 0, interrupted = 0, requestBytes = 0, responseBytes = 0, inFlight = 0] =
      this.counts;
    const counts = { fallbacks, ownAnswers, interrupted, requestBytes, responseBytes, inFlight };
    return { route, responses: byClass(this.responses), ...counts, duration: this.duration.snapshot() };
  }
}

/** The counters of a service on a route. */
class ServiceSeries {
  readonly role: Role;
  readonly duration = new Histogram();
  readonly responses = new Float64Array(CLASSES.length);
  readonly failures = new Float64Array(Object.keys(FAILURES).length);
  readonly skips = new Float64Array(Object.keys(SKIPS).length);
  /** Failed responses, selections, hedges sent, hedges won, in flight. */
  readonly counts = new Float64Array(5);

  constructor(role: Role) {
    this.role = role;
  }

  attempted(isHedge: boolean): void {
    this.counts[4]!++;
    if (isHedge) this.counts[2]!++;
  }

  settled({ status, success, failure, durationMs }: SettledEvent): void {
    leave(this.counts, 4);
    if (status !== undefined) {
      this.responses[classOf(status)]!++;
      if (!success) this.counts[0]!++;
    }
    if (failure !== undefined) this.failures[FAILURES[failure]]!++;
    if (!UNTIMED.has(failure)) this.duration.add(durationMs);
  }

  snapshot(route: string, service: string): ServiceSnapshot {
    const [failedResponses = 0, selected = 0, sent = 0, won = 0, inFlight = 0] = this.counts;
    return {
      route,
      service,
      role: this.role,
      responses: byClass(this.responses),
      failedResponses,
      failures: byKey(FAILURES, this.failures),
      skips: byKey(SKIPS, this.skips),
      selected,
      hedges: { sent, won },
      inFlight,
      duration: this.duration.snapshot(),
    };
  }
}

/** A service's state, as far as it has one. */
interface KnownService {
  readonly service: Service;
  breaker: BreakerState | undefined;
  health: HealthState | undefined;
}

/** Counts events. What is counted is bounded by the configuration: nothing else makes a series. */
export class Metrics {
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #lastRequestMs = new Float64Array(1);
  #routes: Map<string, RouteSeries> = new Map([[NO_ROUTE, new RouteSeries()]]);
  #services: Map<string, KnownService> = new Map();

  /**
   * Starts at zero, with no routes.
   *
   * @param now The clock, in milliseconds since 1970. Absent: `Date.now`.
   */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#startedMs = now();
  }

  /**
   * Counts for a configuration from now on. Routes, and services in the same role on them, keep their counts; those that
   * are gone are forgotten.
   *
   * @param config The configuration.
   */
  follow({ routes, services }: Pick<Config, "routes" | "services">): void {
    const unmatched = this.#routes.get(NO_ROUTE) ?? new RouteSeries();
    const former = this.#routes;
    this.#routes = new Map(routes.map((route) => [routePattern(route), this.#seriesOf(route, former)]));
    this.#routes.set(NO_ROUTE, unmatched);
    const known = this.#services;
    this.#services = new Map(services.map((service) => [service.name, stateOf(service, known.get(service.name))]));
  }

  /**
   * Counts an event; one of an unknown route or service is not counted.
   *
   * @param event What happened.
   */
  readonly observe = (event: ConductorEvent): void => {
    switch (event.type) {
      case "received": {
        this.#lastRequestMs[0] = this.#now();
        const route = this.#routes.get(event.route ?? NO_ROUTE);
        if (route !== undefined) route.counts[5]!++;
        return;
      }
      case "attempted":
        return this.#routes.get(event.route)?.services.get(event.service)?.attempted(event.hedge === true);
      case "skipped": {
        const series = this.#routes.get(event.route)?.services.get(event.service);
        if (series !== undefined) series.skips[SKIPS[event.reason]]!++;
        return;
      }
      case "settled":
        return this.#routes.get(event.route)?.services.get(event.service)?.settled(event);
      case "responded":
        return this.#routes.get(event.route ?? NO_ROUTE)?.responded(event);
      case "interrupted": {
        const route = this.#routes.get(event.route);
        if (route !== undefined) route.counts[2]!++;
        return;
      }
      case "relayed":
        return this.#routes.get(event.route)?.relayed(event);
      case "breaker": {
        const known = this.#services.get(event.service);
        if (known !== undefined) known.breaker = event.state;
        return;
      }
      case "health": {
        const known = this.#services.get(event.service);
        if (known !== undefined) known.health = event.state;
        return;
      }
    }
  };

  /**
   * Reads all counters.
   *
   * @returns What they say now.
   */
  snapshot(): MetricsSnapshot {
    const routes = [...this.#routes];
    return {
      startedMs: this.#startedMs,
      lastRequestMs: this.#lastRequestMs[0]!,
      routes: routes.map(([label, route]) => route.snapshot(label)),
      services: routes.flatMap(([label, { services }]) =>
        [...services].map(([name, one]) => one.snapshot(label, name))
      ),
      states: [...this.#services].map(([service, { breaker, health }]) => snapshotOf(service, breaker, health)),
    };
  }

  #seriesOf(route: Route, former: ReadonlyMap<string, RouteSeries>): RouteSeries {
    const series = former.get(routePattern(route)) ?? new RouteSeries();
    const known = new Map(series.services);
    series.services.clear();
    for (const { service: { name }, role } of route.members) {
      const kept = known.get(name);
      series.services.set(name, kept?.role === role ? kept : new ServiceSeries(role));
    }
    return series;
  }
}

/** What started before counting did, or before a reload that dropped and brought it back, must not go below nothing. */
function leave(counts: Float64Array, index: number): void {
  if (counts[index]! > 0) counts[index]!--;
}

/** No status is above 599; what is not one at all is the service's fault. */
function classOf(status: number): number {
  return status >= 100 && status < 600 ? Math.floor(status / 100) - 1 : CLASSES.length - 1;
}

function byClass(counts: Float64Array): Record<StatusClass, number> {
  return Object.fromEntries(CLASSES.map((name, index) => [name, counts[index]!])) as Record<StatusClass, number>;
}

function byKey<K extends string>(
  places: Readonly<Record<K, number>>,
  counts: Float64Array,
): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {};
  for (const key in places) found[key] = counts[places[key]]!;
  return found;
}

/** It keeps its state where its breaker and its checks keep theirs. */
function stateOf(service: Service, known: KnownService | undefined): KnownService {
  const isKept = (settings: "breaker" | "health") =>
    known !== undefined && isSameBackend(known.service, service, settings);
  return {
    service,
    breaker: service.breaker === undefined ? undefined : isKept("breaker") ? known?.breaker : "closed",
    health: service.health === undefined ? undefined : isKept("health") ? known?.health : "healthy",
  };
}

function snapshotOf(
  service: string,
  breaker: BreakerState | undefined,
  health: HealthState | undefined,
): ServiceStateSnapshot {
  return { service, ...(breaker !== undefined && { breaker }), ...(health !== undefined && { health }) };
}
