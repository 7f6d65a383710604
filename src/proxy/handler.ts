/**
 * The journey of one request: receive, match, admit, open the body, fan out, select, respond.
 *
 * `handle` has the steps in order. Everything that happens meanwhile, such as an attempt that settles or a client that
 * disconnects, calls the listeners of {@linkcode Exchange}.
 */

import { openBody } from "../body/request_body.ts";
import { ComparisonEngine } from "../compare/comparison_engine.ts";
import type { Config, Route } from "../config/config.ts";
import { addressMatcher } from "../http/client_address.ts";
import type { ClientRequest } from "../http/client_request.ts";
import { type ClientResponse, formatLocalReply, type LocalReply } from "../http/client_response.ts";
import { receive, type ReceivedRequest } from "../http/received_request.ts";
import { permittedProtocols, requestedProtocols } from "../http/upgrade.ts";
import { cancelStream } from "../lib/cancel_stream.ts";
import { LoopTurns } from "../lib/loop_turns.ts";
import { TimeoutQueues } from "../lib/timeout_queues.ts";
import { observeBreakers, swallowErrors } from "../observe/observers.ts";
import { observeExchange } from "../observe/exchange_observer.ts";
import { createRedaction } from "../observe/redaction.ts";
import { ExchangeTracer } from "../observe/exchange_spans.ts";
import { respondMetrics } from "../observe/respond_metrics.ts";
import { findTelemetry } from "../observe/telemetry.ts";
import { Availability } from "../policy/availability.ts";
import { HedgePolicies } from "../policy/hedge_policies.ts";
import { createSharedState } from "../policy/shared_state.ts";
import { MatchedRequest } from "../upstream/attempt_request.ts";
import { runtimeTransport } from "../upstream/runtime_transport.ts";
import { ClientMonitor, Exchange } from "./exchange.ts";
import { fanOut, replay } from "./fan_out.ts";
import { type HandlerContext, type HandlerOptions, withDefaultMetrics } from "./handler_context.ts";
import { compileRoutes, matchRoute } from "./match.ts";
import { allFailed, relayResponse, relayUpgrade, serverTiming } from "./respond.ts";

/** Responds to the requests of one configuration. Does not reject because of a client or a service. */
export type ProxyHandler = (request: ClientRequest) => Promise<ClientResponse>;

/** Maximum time for reading bodies in one turn of the event loop, in milliseconds. */
const BODY_SLICE_MS = 2;

/** Deno's listener passes Upgrade on, but cannot switch protocols. */
const CANNOT_UPGRADE: LocalReply = {
  status: 501,
  detail: "This listener cannot switch protocols, for example to WebSocket: set `listener: node`",
};

const NOT_FOUND: LocalReply = { status: 404, detail: "No route matches this path" };

/** Creates the handler of a valid configuration. */
export function createProxyHandler(config: Config, options: HandlerOptions = {}): ProxyHandler {
  const context = createContext(config, options);
  return (request) => handle(request, context);
}

async function handle(request: ClientRequest, context: HandlerContext): Promise<ClientResponse> {
  const { config, now } = context;
  const startedMs = now();
  const spans = context.tracer?.start();
  spans?.received(request.target);

  const { received, refusal, isMatchable } = receive(request, spans?.trace, context);
  const isMetrics = context.metricsSource !== undefined && received.matchPath === config.metrics.endpoint;
  if (isMetrics && refusal === undefined) return respondMetrics(request, await context.metricsSource(), config.metrics);

  // A refused request counts on its route, too: "no route" would look like a 404.
  const route = isMatchable ? matchRoute(context.routes, received.matchPath) : undefined;
  const observer = observeExchange(context.observe, received, route, { startedMs, now, redaction: context.redaction });
  spans?.matched(received, route);
  observer.received(received);
  const { limits, identify } = config;
  const respondLocally = (reply: LocalReply, isEnd = false) => {
    const response = formatLocalReply(reply, request, { requestId: received.requestId, identify });
    observer.localReply(reply, { isEnd, bytes: byteLength(response.body) });
    return response;
  };
  if (refusal !== undefined || route === undefined) return respondLocally(refusal ?? NOT_FOUND, true);

  const hasBody = received.contentLength !== 0 && request.body !== null;
  const upgrade = upgradeOf(request, received, route);
  if (upgrade === "unsupported") return respondLocally(CANNOT_UPGRADE, true);
  const isUpgrade = upgrade === "possible";

  const { admission, problem } = context.admission.admit(request, {
    limits,
    isTrusted: context.isTrusted,
    hasBody,
    isUpgrade,
  });
  if (admission === undefined) return respondLocally(problem, true);

  const exchange = new Exchange(received, context, { admission, observer, spans });
  const client = exchange.client = new ClientMonitor(request, { deadlines: context.deadlines, startedMs }, exchange);
  try {
    if (client.failure !== undefined) {
      if (hasBody) cancelStream(request.body!);
      return respondLocally(client.failure);
    }
    // Most requests have no body, and each `await` costs as much as a part of the handler.
    const body = exchange.body = hasBody ? await openBody(request, exchange, context) : null;
    exchange.opening = undefined;
    if (client.failure !== undefined) return respondLocally(client.failure);

    if (isUpgrade) exchange.awaitUpgrade(received.upgrade);
    const capture = exchange.capture = context.comparisons?.begin(received, route, { body, isUpgrade });
    const fan = exchange.fan = fanOut(new MatchedRequest(received, route, body), context, exchange);

    const selected = await fan.selection(config);
    fan.settleOn(client.failure === undefined ? selected : undefined);
    capture?.seal();
    if (client.failure !== undefined) return respondLocally(client.failure);

    const timing = config.serverTiming
      ? serverTiming(route.members, fan.attempts, { identify, totalMs: now() - startedMs })
      : undefined;
    if (!selected?.outcome?.ok) return respondLocally(allFailed(fan.attempts, { identify, timing }));
    const { response } = selected.outcome;
    exchange.selected = selected;
    observer.responded(response.status, selected);
    spans?.responded(selected);
    const { tunnel } = response;
    const { method, requestId } = received;
    if (tunnel !== undefined && isUpgrade) {
      const switched = relayUpgrade(response, exchange.tunnelTo(response, tunnel), {
        requestId,
        attempt: selected,
        identify,
        timing,
      });
      exchange.isRelayed = true;
      return switched;
    }
    const relayed = relayResponse(response, exchange, { method, requestId, attempt: selected, identify, timing });
    exchange.isRelayed = true;
    return relayed;
  } finally {
    // A relayed response calls `clientDone` at its end.
    exchange.mirrors?.discard();
    if (!exchange.isRelayed) exchange.clientDone(0);
    client.stop();
  }
}

/** Reports whether a service of the route may upgrade the connection, and whether the listener can. */
function upgradeOf(
  { upgrade, headers, body }: ClientRequest,
  received: ReceivedRequest,
  { members }: Route,
): "possible" | "unsupported" | undefined {
  if (!members.some(({ service }) => service.upgrade !== undefined)) return undefined;
  const permits = (offered: readonly string[] | undefined) =>
    members.some(({ service, role }) => {
      return role !== "shadow" && permittedProtocols(offered, service.upgrade) !== undefined;
    });
  if (received.upgrade !== undefined) return permits(received.upgrade) ? "possible" : undefined;
  if (upgrade !== undefined) return undefined;
  const requested = requestedProtocols(headers);
  return requested.length > 0 && permits(requested) && body === null ? "unsupported" : undefined;
}

function createContext(config: Config, options: HandlerOptions): HandlerContext {
  const { now = () => performance.now(), transport = runtimeTransport({ now }), detachBuffers = false } = options;
  const { telemetry = findTelemetry(), instance = createSharedState() } = options;
  const { observe: observer, metricsSource } = withDefaultMetrics(config, options);
  const observe = observer && swallowErrors(observer);
  const { limits, timeoutMs } = config;
  const isTrusted = addressMatcher(config.trustProxy);
  // Also without `compare`, because the store then forgets the comparisons of the former configuration.
  const count = options.comparisons?.reconfigure(config);
  const redaction = createRedaction(config);
  const context: HandlerContext = {
    config,
    redaction,
    routes: compileRoutes(config),
    transport,
    now,
    deadlines: new TimeoutQueues(now),
    turns: new LoopTurns({ sliceMs: BODY_SLICE_MS, now }),
    uploadBounds: { timeoutMs, minBytesPerSecond: limits.minUploadBytesPerSecond, now },
    detachBuffers,
    isTrusted,
    pseudonym: instance.pseudonym,
    admission: instance.admission,
    tunnels: instance.tunnels,
    availability: new Availability(config, { instance, isTrusted, now, onBreaker: observeBreakers(observe) }),
    hedges: new HedgePolicies(config, { states: instance.hedges, now }),
    inFlight: instance.inFlight,
    starts: instance.starts,
    upstreamLimits: { max: limits.maxConnectionsPerService, maxQueued: limits.maxQueuedPerService },
    secretNames: instance.secretNames,
    drains: instance.drains,
    observe,
    metricsSource,
    tracer: telemetry && new ExchangeTracer(telemetry, redaction),
    comparisons: config.compare && new ComparisonEngine(config, {
      count,
      observe,
      now,
      transport,
      ...(options.stopping !== undefined && { stopping: options.stopping }),
      replay: (capture, service) => replay(capture, service, context),
    }),
  };
  return context;
}

/** Returns the length of a text in bytes. */
function byteLength(body: ClientResponse["body"]): number {
  return typeof body === "string" ? new TextEncoder().encode(body).length : 0;
}
