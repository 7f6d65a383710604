/** Counts what happens to requests and services, for one thread. */

import type { Config, Route, Service } from "../config/config.ts";
import { sameUpstream } from "../config/config.ts";
import type { BreakerState } from "../policy/breaker.ts";
import type { HealthState } from "../policy/health.ts";
import type { ConductorEvent } from "./events.ts";
import { RouteSeries, ServiceSeries } from "./metric_series.ts";
import type { MetricsSnapshot, ServiceStateSnapshot } from "./metrics_snapshot.ts";
import { routePattern } from "./route_pattern.ts";

/** Under what requests are counted that matched no route. */
const NO_ROUTE = "";

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
  readonly #unmatched = new RouteSeries();
  #routes: ReadonlyMap<string, RouteSeries> = new Map([[NO_ROUTE, this.#unmatched]]);
  #services: ReadonlyMap<string, KnownService> = new Map();

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
  reconfigure({ routes, services }: Pick<Config, "routes" | "services">): void {
    const [former, known] = [this.#routes, this.#services];
    const series = routes.map((route) => [routePattern(route), seriesOf(route, former)] as const);
    this.#routes = new Map([...series, [NO_ROUTE, this.#unmatched]]);
    this.#services = new Map(services.map((service) => [service.name, stateOf(service, known.get(service.name))]));
  }

  /**
   * Counts an event; one of an unknown route or service is not counted.
   *
   * @param event What happened.
   */
  readonly observe = (event: ConductorEvent): void => {
    switch (event.type) {
      case "received":
        this.#lastRequestMs[0] = this.#now();
        return this.#routes.get(event.route ?? NO_ROUTE)?.received();
      case "attempted":
        return this.#routes.get(event.route)?.services.get(event.service)?.attempted(event.hedge === true);
      case "skipped":
        return this.#routes.get(event.route)?.services.get(event.service)?.skipped(event.reason);
      case "settled":
        return this.#routes.get(event.route)?.services.get(event.service)?.settled(event);
      case "responded":
        return this.#routes.get(event.route ?? NO_ROUTE)?.responded(event);
      case "interrupted":
        return this.#routes.get(event.route)?.interrupted();
      case "relayed":
        return this.#routes.get(event.route)?.relayed(event);
      case "compared":
        return this.#routes.get(event.route)?.services.get(event.service)?.compared(event);
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
      states: [...this.#services.values()].map(stateSnapshot),
    };
  }
}

function seriesOf(route: Route, former: ReadonlyMap<string, RouteSeries>): RouteSeries {
  const series = former.get(routePattern(route)) ?? new RouteSeries();
  const known = new Map(series.services);
  series.services.clear();
  for (const { service: { name }, role } of route.members) {
    const kept = known.get(name);
    series.services.set(name, kept?.role === role ? kept : new ServiceSeries(role));
  }
  return series;
}

/** It keeps its state where its breaker and its checks keep theirs. */
function stateOf(service: Service, known: KnownService | undefined): KnownService {
  const isKept = (settings: "breaker" | "health") =>
    known !== undefined && sameUpstream(known.service, service, settings);
  return {
    service,
    breaker: service.breaker === undefined ? undefined : isKept("breaker") ? known?.breaker : "closed",
    health: service.health === undefined ? undefined : isKept("health") ? known?.health : "healthy",
  };
}

function stateSnapshot({ service, breaker, health }: KnownService): ServiceStateSnapshot {
  return { service: service.name, ...(breaker !== undefined && { breaker }), ...(health !== undefined && { health }) };
}
