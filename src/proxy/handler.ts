/** The stages wired together: match, fan out, wait, select, respond, with observation beside them. */

import { ComparisonEngine } from "../compare/comparison_engine.ts";
import { ClientRelay } from "./client_relay.ts";
import { Exchange } from "./exchange.ts";
import type { ConductorOptions, HandlerOptions } from "./handler_options.ts";
import { withDefaultMetrics } from "./default_metrics.ts";
import { replay } from "./replay.ts";
import type { Config } from "../config/config.ts";
import type { ConfigInput } from "../config/input.ts";
import { validateConfig } from "../config/validate.ts";
import { ClientMonitor } from "./client_monitor.ts";
import { TimeoutQueues } from "../lib/timeout_queues.ts";
import { type ConnectionInfo, receive } from "../http/client_request.ts";
import { createSharedState } from "../policy/shared_state.ts";
import type { LocalReply } from "../http/problem.ts";
import { MatchedRequest } from "../upstream/matched_request.ts";
import { openBody } from "../body/request_body.ts";
import { serverTiming } from "./server_timing.ts";
import { addressMatcher } from "../http/trust_proxy.ts";
import { fanOut } from "./fan_out.ts";
import { HedgePolicies } from "../policy/hedge_policies.ts";
import { LoopTurns } from "../lib/loop_turns.ts";
import { compileRoutes, matchRoute } from "./match.ts";
import { observeBreakers } from "../observe/breaker_observer.ts";
import type { Observer } from "../observe/events.ts";
import { observeExchange } from "../observe/exchange_observer.ts";
import { ExchangeTracer } from "../observe/exchange_spans.ts";
import { swallowErrors } from "../observe/swallow_errors.ts";
import { withoutSecrets } from "../observe/redaction.ts";
import { respondMetrics } from "../observe/respond_metrics.ts";
import { findTelemetry } from "../observe/telemetry.ts";
import { allFailed, relayResponse, respondProblem } from "./respond.ts";
import { awaitSelection } from "./select.ts";
import { Availability } from "../policy/availability.ts";
import { plainRequests } from "../upstream/plain_requests.ts";
import { runtimeTransport } from "../upstream/runtime_transport.ts";

export type { ConductorOptions, HandlerOptions };

/** A handler as `Deno.serve`, `Bun.serve` and their like take it. */
export type Handler = (request: Request, info?: ConnectionInfo) => Promise<Response>;

/** Maximum time for reading bodies in one turn of the event loop, in milliseconds. */
const BODY_SLICE_MS = 2;

const NOT_FOUND: LocalReply = { status: 404, detail: "No route matches this path" };

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
  const { observe, transport } = options;
  return createHandler(validateConfig(config).config, {
    ...options,
    // Secrets are removed because the observer of an embedding program may print whole events.
    ...(observe !== undefined && { observe: ((event) => observe(withoutSecrets(event))) satisfies Observer }),
    ...(transport !== undefined && { transport: plainRequests(transport) }),
  });
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
  const { telemetry = findTelemetry(), instance = createSharedState() } = options;
  const { observe: listen, metricsSource } = withDefaultMetrics(config, options);
  const observe = listen && swallowErrors(listen);
  const { limits, identify } = config;
  const upstreamLimits = { max: limits.maxConnectionsPerService, maxQueued: limits.maxQueuedPerService };
  const routes = compileRoutes(config);
  const deadlines = new TimeoutQueues(now);
  const isTrusted = addressMatcher(config.trustProxy);
  const tracer = telemetry && new ExchangeTracer(telemetry);
  const hedges = new HedgePolicies(config, { states: instance.hedges, now });
  const gate = new Availability(config, { instance, isTrusted, now, onBreaker: observeBreakers(observe) });
  const exchangeMeans = { gate, hedges };
  const { minUploadBytesPerSecond: minBytesPerSecond } = limits;
  const uploadBounds = { timeoutMs: config.timeoutMs, minBytesPerSecond, now };
  const bodyMeans = {
    config,
    deadlines,
    turns: new LoopTurns({ sliceMs: BODY_SLICE_MS, now }),
    uploadBounds,
    reclaims,
  };
  const { inFlight: inFlight, secretNames } = instance;
  const means = { transport, deadlines, now, inFlight, upstreamLimits, reclaims, hedges, secretNames };
  // One that compares nothing is followed, too: what was compared before is over.
  const count = options.comparisons?.reconfigure(config);
  const comparer = config.compare && new ComparisonEngine(config, {
    count,
    observe,
    now,
    replay: (capture, service) => replay(capture, service, means, (service) => gate.unavailableReason(service)),
  });

  return async function handle(request, info = {}) {
    const startedMs = now();
    const spans = tracer?.start();
    spans?.received(request.url);
    const received = receive(request, info, {
      config,
      isTrusted,
      pseudonym: instance.pseudonym,
      trace: spans?.trace,
    });
    const { clientRequest } = received;
    const isReceived = received.problem === undefined;
    if (metricsSource !== undefined && isReceived && clientRequest.matchPath === config.metrics.endpoint) {
      return respondMetrics(request, await metricsSource(), config.metrics);
    }
    const route = isReceived ? matchRoute(routes, clientRequest.matchPath) : undefined;
    const observer = observeExchange(observe, clientRequest, route, { startedMs, now });
    spans?.matched(clientRequest, route);
    observer.received(clientRequest);
    const refuse = (problem: LocalReply) => {
      observer.refused(problem);
      return respondProblem(request, problem, clientRequest.requestId);
    };
    if (route === undefined) return refuse(received.problem ?? NOT_FOUND);
    const hasBody = clientRequest.contentLength !== 0 && request.body !== null;
    const { admission, problem } = instance.admission.admit(request, info, { limits, isTrusted, hasBody });
    if (admission === undefined) return refuse(problem);

    const exchange = new Exchange(clientRequest, exchangeMeans, { observer, spans });
    exchange.admission = admission;
    const client = exchange.client = new ClientMonitor(request, deadlines, exchange);
    try {
      const body = exchange.body = await openBody(request, exchange, bodyMeans);
      if (client.problem !== undefined) return refuse(client.problem);
      const capture = exchange.capture = comparer?.begin(clientRequest, route, body !== null);
      const fan = exchange.fan = fanOut(new MatchedRequest(clientRequest, route, body), means, exchange);
      const attempt = await awaitSelection(fan, config);
      fan.settleOn(client.problem === undefined ? attempt : undefined);
      capture?.seal();
      if (client.problem !== undefined) return refuse(client.problem);
      const timing = config.serverTiming
        ? serverTiming(route.members, fan.attempts, { identify, totalMs: now() - startedMs })
        : undefined;
      if (attempt === undefined || !attempt.outcome?.ok) return refuse(allFailed(fan.attempts, { identify, timing }));
      const { response } = attempt.outcome;
      observer.responded(response.status, attempt);
      spans?.answered(attempt);
      const relayed = relayResponse(attempt, response, new ClientRelay(exchange, attempt, { identify, timing }));
      exchange.isRelayed = true;
      return relayed;
    } finally {
      if (!exchange.isRelayed) exchange.clientDone(0);
      client.stop();
    }
  };
}
