/** Counts the events of one thread. */

import { WindowClock } from "../lib/latency_sketch.ts";
import type { Config, Role, Route, Service } from "../config/config.ts";
import { sameUpstream } from "../config/config.ts";
import { type RefusalReason, type SkipReason, skipReasonOf } from "../http/outcome_kinds.ts";
import { hasDuration, ROUTE_METRICS, SERVICE_METRICS, STATUS_CLASSES, type StatusClass } from "./counted_metrics.ts";
import {
  type AttemptedEvent,
  type ComparedEvent,
  type ConductorEvent,
  type HealthEvent,
  type RelayedEvent,
  type RespondedEvent,
  routePattern,
  type SettledEvent,
  type TunnelClosedEvent,
  type TunnelOpenedEvent,
  type TunnelProgressEvent,
} from "./events.ts";
import { MetricCells } from "./metric_cells.ts";
import type { FailedCheck, LastFailure, MetricsSnapshot, ServiceStateSnapshot } from "./metrics_snapshot.ts";

/**
 * Length of one half of the period of recent percentiles, in milliseconds: they cover the last 10 to 20 seconds. Short
 * enough to follow an incident, long enough for a 99th percentile at ten requests per second.
 */
const RECENT_HALF_MS = 10_000;
/** No client receives this status: without a response, there is no local reply. */
const CLIENT_DISCONNECTED_STATUS = 499;
/** Row for requests that matched no route. */
const NO_ROUTE = "";

/** Service of the configuration with its states. */
interface KnownService {
  readonly service: Service;
  breaker: ServiceStateSnapshot["breaker"];
  /** Time of the monotonic clock at which an open breaker admits a probe. */
  probeAtMs: number;
  health: ServiceStateSnapshot["health"];
  /** Check that made the service unhealthy. */
  failedCheck: FailedCheck | undefined;
  /** Newest attempt that failed. */
  lastFailure: LastFailure | undefined;
}

/** Counts events. The configuration bounds the memory: events of unknown routes and services are not counted. */
export class Metrics {
  readonly #now: () => number;
  readonly #monotonicNow: () => number;
  readonly #startedMs: number;
  /** Typed array: a field would be allocated again with each request. */
  readonly #lastRequestMs = new Float64Array(1);
  readonly #window = new WindowClock(RECENT_HALF_MS);
  readonly #unmatched = new RouteCounters();
  #routes: ReadonlyMap<string, RouteCounters> = new Map([[NO_ROUTE, this.#unmatched]]);
  #services: ReadonlyMap<string, KnownService> = new Map();

  /** Starts at zero, without routes. The clocks are in milliseconds, the first one since 1970. */
  constructor(now: () => number = Date.now, monotonicNow: () => number = () => performance.now()) {
    this.#now = now;
    this.#monotonicNow = monotonicNow;
    this.#startedMs = now();
  }

  /** Counts for this configuration from now on. Routes, and services with the same role on them, keep their counts. */
  reconfigure({ routes, services }: Pick<Config, "routes" | "services">): void {
    const [formerRoutes, formerServices] = [this.#routes, this.#services];
    const rows = routes.map((route) => [routePattern(route), countersOf(route, formerRoutes)] as const);
    this.#routes = new Map([...rows, [NO_ROUTE, this.#unmatched]]);
    this.#services = new Map(
      services.map((service) => [service.name, statesOf(service, formerServices.get(service.name))]),
    );
  }

  /**
   * Counts an event. Allocates nothing: at thousands of requests per second, garbage shows in the tail (decision 022).
   */
  readonly observe = (event: ConductorEvent): void => {
    switch (event.type) {
      case "received":
        this.#window.nowMs[0] = this.#lastRequestMs[0] = this.#now();
        this.#turn();
        return this.#routes.get(event.route ?? NO_ROUTE)?.received();
      case "attempted":
        return this.#routes.get(event.route)?.services.get(event.service)?.attempted(event);
      case "skipped":
        return this.#routes.get(event.route)?.services.get(event.service)?.skipped(event.reason);
      case "settled":
        if (!event.success && hasDuration(event.failure)) this.#recordFailure(event);
        return this.#routes.get(event.route)?.services.get(event.service)?.settled(event);
      case "responded":
        // A slow response must not be counted in a half of the window that ended before it.
        this.#window.nowMs[0] = this.#now();
        this.#turn();
        return this.#routes.get(event.route ?? NO_ROUTE)?.responded(event);
      case "interrupted":
        return this.#routes.get(event.route)?.interrupted();
      case "relayed":
        return this.#routes.get(event.route)?.relayed(event);
      case "tunnel-opened":
        return this.#routes.get(event.route)?.tunnelOpened(event);
      case "tunnel-progress":
        return this.#routes.get(event.route)?.tunnelProgressed(event);
      case "tunnel-closed":
        return this.#routes.get(event.route)?.tunnelClosed(event);
      case "refused":
        return this.#unmatched.refused(event.reason);
      case "compared":
        return this.#routes.get(event.route)?.services.get(event.service)?.compared(event);
      case "breaker": {
        const known = this.#services.get(event.service);
        if (known === undefined) return;
        known.breaker = event.state;
        known.probeAtMs = this.#monotonicNow() + (event.openForMs ?? Infinity);
        return;
      }
      case "health": {
        const known = this.#services.get(event.service);
        if (known === undefined) return;
        known.health = event.state;
        known.failedCheck = event.state === "unhealthy" ? failedCheckOf(event) : undefined;
        return;
      }
    }
  };

  #recordFailure({ service, status, failure, error, address, cause }: SettledEvent): void {
    const known = this.#services.get(service);
    if (known === undefined) return;
    known.lastFailure = {
      timeMs: this.#now(),
      ...(status !== undefined && { status }),
      ...(failure !== undefined && { failure }),
      ...(error !== undefined && { error }),
      ...(address !== undefined && { address }),
      ...(cause !== undefined && { cause }),
    };
  }

  /** Returns the values of all counters. */
  snapshot(): MetricsSnapshot {
    this.#window.nowMs[0] = this.#now();
    this.#turn();
    const nowMs = this.#monotonicNow();
    const rows = [...this.#routes];
    return {
      startedMs: this.#startedMs,
      lastRequestMs: this.#lastRequestMs[0]!,
      routes: rows.map(([route, { cells }]) => ({ route, ...cells.snapshot() })),
      services: rows.flatMap(([route, { services }]) =>
        [...services].map(([service, { role, cells }]) => ({ route, service, role, ...cells.snapshot() }))
      ),
      states: [...this.#services.values()].map((known) => stateSnapshot(known, nowMs)),
    };
  }

  /** Removes durations that are no longer recent. */
  #turn(): void {
    for (let turns = this.#window.dueTurns(); turns > 0; turns--) {
      for (const { cells, services } of this.#routes.values()) {
        cells.turn();
        for (const service of services.values()) service.cells.turn();
      }
    }
  }
}

/** Counters of one route. */
class RouteCounters {
  /** Services on the route, by name. */
  readonly services: Map<string, ServiceCounters> = new Map();
  readonly cells = new MetricCells(ROUTE_METRICS);

  received(): void {
    this.cells.add(ROUTE_METRICS.inFlight);
  }

  responded({ status, refusal, service, fallback, hedge, durationMs }: RespondedEvent): void {
    this.cells.subtract(ROUTE_METRICS.inFlight);
    this.cells.addFor(ROUTE_METRICS.responses, classOf(status));
    this.cells.record(ROUTE_METRICS.duration, durationMs);
    if (refusal !== undefined) this.cells.addFor(ROUTE_METRICS.refusals, refusal);
    if (fallback) this.cells.add(ROUTE_METRICS.fallbacks);
    if (service !== undefined) this.services.get(service)?.selected(hedge === true);
    else if (status !== CLIENT_DISCONNECTED_STATUS) this.cells.add(ROUTE_METRICS.localReplies);
  }

  refused(reason: RefusalReason): void {
    this.cells.addFor(ROUTE_METRICS.refusals, reason);
  }

  interrupted(): void {
    this.cells.add(ROUTE_METRICS.interrupted);
  }

  tunnelOpened({ role }: TunnelOpenedEvent): void {
    if (role === "shadow") return;
    this.cells.add(ROUTE_METRICS.tunnels);
    this.cells.add(ROUTE_METRICS.tunnelsOpened);
  }

  tunnelProgressed({ clientBytes, serviceBytes }: TunnelProgressEvent): void {
    this.cells.add(ROUTE_METRICS.tunnelClientBytes, clientBytes);
    this.cells.add(ROUTE_METRICS.tunnelServiceBytes, serviceBytes);
  }

  tunnelClosed({ role, durationMs }: TunnelClosedEvent): void {
    if (role === "shadow") return;
    this.cells.subtract(ROUTE_METRICS.tunnels);
    this.cells.record(ROUTE_METRICS.tunnelDuration, durationMs);
  }

  relayed({ requestBytes, responseBytes }: RelayedEvent): void {
    this.cells.add(ROUTE_METRICS.requestBytes, requestBytes);
    this.cells.add(ROUTE_METRICS.responseBytes, responseBytes);
  }
}

/** Counters of one service on one route. */
class ServiceCounters {
  readonly role: Role;
  readonly cells = new MetricCells(SERVICE_METRICS);

  constructor(role: Role) {
    this.role = role;
  }

  attempted({ replay }: AttemptedEvent): void {
    this.cells.add(SERVICE_METRICS.inFlight);
    if (replay) this.cells.add(SERVICE_METRICS.replays);
  }

  skipped(reason: SkipReason): void {
    this.cells.addFor(SERVICE_METRICS.skips, reason);
  }

  settled({ status, success, failure, durationMs, hedge }: SettledEvent): void {
    this.cells.subtract(SERVICE_METRICS.inFlight);
    // A `skipped` event counts the attempt.
    if (failure !== undefined && skipReasonOf(failure, this.role) !== undefined) return;
    if (hedge === true) this.cells.add(SERVICE_METRICS.hedgesSent);
    if (status !== undefined) {
      this.cells.addFor(SERVICE_METRICS.responses, classOf(status));
      if (!success) this.cells.add(SERVICE_METRICS.failedResponses);
    }
    if (failure !== undefined) this.cells.addFor(SERVICE_METRICS.failures, failure);
    if (hasDuration(failure)) this.cells.record(SERVICE_METRICS.duration, durationMs);
  }

  compared({ result, reason }: ComparedEvent): void {
    this.cells.addFor(SERVICE_METRICS.comparisons, result);
    if (reason !== undefined) this.cells.addFor(SERVICE_METRICS.notComparable, reason);
  }

  selected(isHedge: boolean): void {
    this.cells.add(SERVICE_METRICS.selected);
    if (isHedge) this.cells.add(SERVICE_METRICS.hedgesWon);
  }
}

function countersOf(route: Route, former: ReadonlyMap<string, RouteCounters>): RouteCounters {
  const counters = former.get(routePattern(route)) ?? new RouteCounters();
  const known = new Map(counters.services);
  counters.services.clear();
  for (const { service: { name }, role } of route.members) {
    const kept = known.get(name);
    counters.services.set(name, kept?.role === role ? kept : new ServiceCounters(role));
  }
  return counters;
}

/** Keeps the states of a service whose breaker and health checks keep theirs. */
function statesOf(service: Service, known: KnownService | undefined): KnownService {
  const isKept = (settings: "breaker" | "health") =>
    known !== undefined && sameUpstream(known.service, service, settings);
  return {
    service,
    breaker: service.breaker === undefined ? undefined : isKept("breaker") ? known?.breaker : "closed",
    probeAtMs: known?.probeAtMs ?? Infinity,
    health: service.health === undefined ? undefined : isKept("health") ? known?.health : "healthy",
    failedCheck: isKept("health") ? known?.failedCheck : undefined,
    lastFailure: known?.service.origin === service.origin ? known.lastFailure : undefined,
  };
}

function failedCheckOf({ type: _type, service: _service, state: _state, ...check }: HealthEvent): FailedCheck {
  return check;
}

/**
 * Returns the states of a service. A breaker reports nothing when its open time has passed: only a request changes it.
 */
function stateSnapshot(
  { service, breaker: state, health, failedCheck, lastFailure, probeAtMs }: KnownService,
  nowMs: number,
): ServiceStateSnapshot {
  const breaker = state === "open" && nowMs >= probeAtMs ? "half-open" : state;
  return {
    service: service.name,
    ...(breaker !== undefined && { breaker }),
    ...(health !== undefined && { health }),
    ...(failedCheck !== undefined && { failedCheck }),
    ...(lastFailure !== undefined && { lastFailure }),
  };
}

/** Returns the class of a status. An invalid status is a fault of the service. */
function classOf(status: number): StatusClass {
  return STATUS_CLASSES[Math.floor(status / 100) - 1] ?? "5xx";
}
