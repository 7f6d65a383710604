/** The stages wired together: match, fan out, wait, select, respond, with observation beside them. */

import type { Config } from "./config/config.ts";
import type { ConfigInput } from "./config/input.ts";
import { validateConfig } from "./config/validate.ts";
import { ClientWatch } from "./exchange/client_watch.ts";
import { Deadlines } from "./exchange/deadline.ts";
import { type ConnectionInfo, receive } from "./exchange/inbound.ts";
import { createInstance, type Instance } from "./exchange/instance.ts";
import type { Problem } from "./exchange/problem.ts";
import { openBody, receivedBytes, type RequestBody } from "./exchange/request_body.ts";
import { serverTiming } from "./exchange/server_timing.ts";
import { addressMatcher } from "./exchange/trust_proxy.ts";
import { type FanOut, fanOut } from "./fan_out.ts";
import { Hedges } from "./hedge/hedges.ts";
import { compileRoutes, matchRoute } from "./match.ts";
import type { DetailedObserver } from "./observe/detail.ts";
import type { Observer } from "./observe/events.ts";
import { observeBreakers } from "./observe/breaker_observer.ts";
import { observeExchange } from "./observe/exchange_observer.ts";
import { ExchangeTracer } from "./observe/exchange_spans.ts";
import { Metrics } from "./observe/metrics.ts";
import type { MetricsSource } from "./observe/metrics_reading.ts";
import { respondMetrics } from "./observe/respond_metrics.ts";
import { findTelemetry, type Telemetry } from "./observe/telemetry.ts";
import { allFailed, relayResponse, respondProblem } from "./respond.ts";
import { awaitSelection } from "./select.ts";
import { ServiceGate } from "./shadow/service_gate.ts";
import { runtimeTransport } from "./upstream/runtime_transport.ts";
import type { Transport } from "./upstream/transport.ts";

/** What a handler can be given in place of the real thing. */
export interface ConductorOptions {
  /**
   * How backends are reached. Absent: with `http1Transport` in Deno, and with `fetchTransport` elsewhere and for services
   * with `http2`.
   */
  readonly transport?: Transport;
  /**
   * The clock for durations and time-outs, in milliseconds; it must not go backwards.
   *
   * @default performance.now
   */
  readonly now?: () => number;
  /** Told of everything that happens to a request. Absent: nobody is told. */
  readonly observe?: Observer;
}

/** What conductor's own server adds. */
export interface HandlerOptions extends ConductorOptions {
  /** As for everybody, but also told what an event is about. */
  readonly observe?: DetailedObserver;
  /**
   * What is kept from one configuration to the next.
   *
   * @default A new one.
   */
  readonly instance?: Instance;
  /**
   * Whether bodies come from native code, and go nowhere but there, so that the memory of their pieces can be given back
   * as soon as they have been sent.
   *
   * @default {false}
   */
  readonly reclaims?: boolean;
  /**
   * Who records spans.
   *
   * @default Who has registered with the OpenTelemetry API: Deno, with `OTEL_DENO=true`.
   */
  readonly telemetry?: Telemetry | undefined;
  /**
   * What `metrics.endpoint` shows, where `metrics.enabled` says so; `observe` does the counting then.
   *
   * @default The handler counts its own requests.
   */
  readonly metricsSource?: MetricsSource;
}

/** A handler as `Deno.serve`, `Bun.serve` and their like take it. */
export type Handler = (request: Request, info?: ConnectionInfo) => Promise<Response>;

const NOT_FOUND: Problem = { status: 404, detail: "No route matches this path" };

/**
 * Makes a request handler that sends each request to every matching service and answers with the primary's response.
 *
 * @example Usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { conductor } from "@zeek/conductor";
 *
 * await using backend = Deno.serve({ port: 0, onListen() {} }, () => new Response("hello"));
 *
 * const handle = conductor({
 *   services: [{ name: "api", url: `http://localhost:${backend.addr.port}`, pathPrefix: "/api" }],
 * });
 * const response = await handle(new Request("http://localhost/api/greeting"));
 *
 * assertEquals(await response.text(), "hello");
 * assertEquals(response.headers.get("x-conductor-service"), "api");
 * ```
 *
 * @param config The same shape as the configuration file.
 * @param options What to use in place of the real transport and clock, and who observes.
 * @returns The handler. It does not reject because of what a client or a service does.
 * @throws {ConfigError} If the configuration is invalid; it lists every problem.
 */
export function conductor(config: ConfigInput, options: ConductorOptions = {}): Handler {
  const { observe } = options;
  // What an event is about has secrets in it: an observer of somebody else's might print all that it is given.
  const kept = observe === undefined
    ? options
    : { ...options, observe: ((event) => observe(event)) satisfies Observer };
  return createHandler(validateConfig(config).config, kept);
}

/**
 * Makes the handler of a configuration that has been checked.
 *
 * @param config What `validateConfig` returned.
 * @param options As for {@linkcode conductor}, and what outlives the configuration.
 * @returns The handler.
 */
export function createHandler(config: Config, options: HandlerOptions = {}): Handler {
  const { now = () => performance.now(), transport = runtimeTransport({ now }), reclaims = false } = options;
  const { observe, metricsSource } = config.metrics.enabled
    ? withMetrics(config, options)
    : { observe: options.observe };
  const instance = options.instance ?? createInstance();
  const { pseudonym, admission, attempts: inFlight } = instance;
  const routes = compileRoutes(config);
  const deadlines = new Deadlines(now);
  const { maxConnectionsPerService: max, maxQueuedPerService: maxQueued } = config.limits;
  const placesPerService = { max, maxQueued };
  const isTrusted = addressMatcher(config.trustProxy);
  const { telemetry = findTelemetry() } = options;
  const tracer = telemetry && new ExchangeTracer(telemetry);
  const hedges = new Hedges(config, { states: instance.hedges, now });
  const gate = new ServiceGate(config, { instance, isTrusted, now, onBreaker: observeBreakers(observe) });

  return async function handle(request, info = {}) {
    const startedMs = now();
    const spans = tracer?.start();
    const received = receive(request, info, { config, isTrusted, pseudonym, trace: spans?.trace });
    const { inbound } = received;
    if (
      metricsSource !== undefined && inbound.matchPath === config.metrics.endpoint && received.problem === undefined
    ) {
      return respondMetrics(request, await metricsSource(), config.metrics);
    }
    const route = received.problem === undefined ? matchRoute(routes, inbound.matchPath) : undefined;
    const observer = observeExchange(observe, inbound, route, () => now() - startedMs);
    spans?.matched(inbound, route);
    observer.received();
    const refuse = (problem: Problem) => {
      observer.responded(problem.status);
      return respondProblem(request, problem, inbound.requestId);
    };
    if (route === undefined) return refuse(received.problem ?? NOT_FOUND);
    const { leave, problem } = admission.enter(request, info, { limits: config.limits, isTrusted });
    if (leave === undefined) return refuse(problem);

    let body: RequestBody | undefined;
    let fan: FanOut | undefined;
    let isRelaying = false;
    const client = new ClientWatch(request, deadlines, () => fan?.abort());
    try {
      body = await openBody(request, inbound, { config, deadlines, reclaims, onProblem: client.report });
      if (client.problem !== undefined) return refuse(client.problem);
      fan = fanOut(inbound, route, body, {
        transport,
        deadlines,
        now,
        inFlight,
        placesPerService,
        reclaims,
        startSpan: spans && ((attempt) => spans.startAttempt(attempt, inbound)),
        hedges,
        gate: (member) => gate.check(member, inbound),
        onSkip: (member, reason) => observer.skipped(member, reason),
        onAttempt: (attempt) => {
          gate.started(attempt);
          observer.attempted(attempt);
        },
        onSettle: (attempt) => {
          gate.settled(attempt);
          hedges.settled(attempt);
          observer.settled(attempt, attempt.durationMs);
        },
        onOver: (attempt) => gate.over(attempt),
      });
      const attempt = await awaitSelection(fan, config);
      fan.release(attempt);
      if (client.problem !== undefined) return refuse(client.problem);
      const { identify } = config;
      const timing = config.serverTiming
        ? serverTiming(route.members, fan.attempts, { identify, totalMs: now() - startedMs })
        : undefined;
      if (attempt === undefined || !attempt.outcome?.ok) return refuse(allFailed(fan.attempts, { identify, timing }));
      observer.responded(attempt.outcome.response.status, attempt);
      spans?.answered(attempt);
      const response = relayResponse(attempt, attempt.outcome.response, {
        method: inbound.method,
        identify,
        timing,
        deadline: attempt.deadline,
        signal: attempt.signal,
        onBroken: (kind) => {
          attempt.span?.broken(kind);
          observer.interrupted(attempt, attempt.endedBy ?? kind);
        },
        onCancel: () => fan?.abort(),
        onEnd: (relayedBytes) => {
          attempt.over();
          leave();
          observer.relayed(receivedBytes(body), relayedBytes, attempt);
        },
      });
      isRelaying = true;
      return response;
    } finally {
      if (!isRelaying) {
        leave();
        observer.relayed(receivedBytes(body), 0);
      }
      client.stop();
    }
  };
}

/** A handler that nobody counts for does so itself. */
function withMetrics(config: Config, options: HandlerOptions): Pick<HandlerOptions, "observe" | "metricsSource"> {
  if (options.metricsSource !== undefined) return options;
  const metrics = new Metrics();
  metrics.follow(config);
  return {
    observe: (event, detail) => {
      metrics.observe(event);
      options.observe?.(event, detail);
    },
    metricsSource: () => ({ metrics: metrics.snapshot() }),
  };
}
