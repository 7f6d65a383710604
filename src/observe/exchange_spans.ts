/** OpenTelemetry spans of an exchange: attributes on the server's span, and one child span for each attempt. */

import type { Route, Service } from "../config/config.ts";
import type { AttemptSpan, AttemptView } from "../upstream/attempt.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { RequestTarget } from "../http/client_request.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { formatFlags, formatTraceparent, type TraceContext } from "../http/trace_context.ts";
import { redactUrl } from "../lib/secret_text.ts";
import { socketPath } from "../lib/unix_socket.ts";
import { failureDetail } from "./failure_detail.ts";
import type { Redaction } from "./redaction.ts";
import {
  type AttributeValue,
  type Context,
  type Span,
  SPAN_KEY,
  SUPPRESS_TRACING_KEY,
  type Telemetry,
  type Tracer,
} from "./telemetry.ts";

/**
 * Methods that may be part of a span name. Clients can invent others, and names must have a low cardinality
 * (OpenTelemetry).
 */
const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
]);
/** Path and query of an absolute URL. */
const TARGET = /^[^/]*\/\/[^/?#]*([^?#]*)(?:\?([^#]*))?/;
const CLIENT = 2;
const ERROR = 2;

type Attributes = Readonly<Record<string, AttributeValue>>;

/** Records the spans of exchanges. */
export class ExchangeTracer {
  readonly #telemetry: Telemetry;
  readonly #redaction: Redaction;
  readonly #tracer: Tracer;
  /** Attributes that all attempts of a service share. */
  readonly #services = new WeakMap<Service, Attributes>();
  readonly #clock = new EpochClock();

  constructor(telemetry: Telemetry, redaction: Redaction) {
    this.#telemetry = telemetry;
    this.#redaction = redaction;
    this.#tracer = telemetry.trace.getTracer("conductor");
  }

  /** Returns the spans of an exchange. The active span must be the server's. */
  start(): ExchangeSpans {
    return new ExchangeSpans(this, this.#telemetry.context.active());
  }

  /** Starts the span of an attempt. The context must have the server's span. */
  startAttempt(context: Context, { service, role }: AttemptView, { method }: ReceivedRequest): AttemptSpan {
    const known = METHODS.has(method);
    const startTime = this.#clock.now();
    const span = this.#tracer.startSpan(`${known ? method : "HTTP"} ${service.name}`, {
      kind: CLIENT,
      startTime,
      attributes: {
        "http.request.method": known ? method : "_OTHER",
        "conductor.role": role,
        ...this.#attributesOf(service),
      },
    }, context);
    return new RecordedAttempt(span, context, {
      telemetry: this.#telemetry,
      redaction: this.#redaction,
      clock: this.#clock,
    });
  }

  #attributesOf(service: Service): Attributes {
    let attributes = this.#services.get(service);
    if (attributes === undefined) {
      attributes = { ...addressOf(service), "conductor.service": service.name };
      this.#services.set(service, attributes);
    }
    return attributes;
  }
}

function addressOf({ origin, shown }: Service): Attributes {
  if (shown.isUrlSecret) return { "server.address": shown.url };
  const path = socketPath(origin);
  if (path !== undefined) return { "server.address": path };
  const { hostname, port, protocol } = new URL(origin);
  return {
    "server.address": hostname.replace(/^\[(.*)\]$/, "$1"),
    "server.port": Number(port) || (protocol === "https:" ? 443 : 80),
  };
}

/** The spans of one exchange. */
export class ExchangeSpans {
  readonly #tracer: ExchangeTracer;
  readonly #context: Context;
  readonly #server: Span | undefined;

  constructor(tracer: ExchangeTracer, context: Context) {
    this.#tracer = tracer;
    this.#context = context;
    this.#server = context.getValue(SPAN_KEY) as Span | undefined;
  }

  /** Trace of the server's span; `undefined` if the server has none. */
  get trace(): TraceContext | undefined {
    const { traceId, traceFlags } = this.#server?.spanContext() ?? {};
    return traceId === undefined ? undefined : { traceId, flags: formatFlags(traceFlags) };
  }

  /** Redacts the target in the server's span: the server recorded it as sent by the client. */
  received({ scheme, authority, path: sentPath, query: sentQuery }: RequestTarget): void {
    if (this.#server === undefined) return;
    const url = `${scheme}://${authority}${sentPath}${sentQuery}`;
    const shown = redactUrl(url);
    if (shown === url) return;
    const [, path = "", query] = TARGET.exec(shown) ?? [];
    this.#server.setAttribute("url.full", shown);
    this.#server.setAttribute("url.path", path);
    if (query !== undefined) this.#server.setAttribute("url.query", query);
  }

  /** Adds the request and its route to the server's span. */
  matched({ method, requestId }: ReceivedRequest, route: Route | undefined): void {
    const server = this.#server;
    if (server === undefined) return;
    server.setAttribute("conductor.request_id", requestId);
    if (route === undefined) return;
    server.setAttribute("http.route", route.path);
    server.updateName(`${METHODS.has(method) ? method : "HTTP"} ${route.path}`);
  }

  /** Starts the span of an attempt. */
  startAttempt(attempt: AttemptView, clientRequest: ReceivedRequest): AttemptSpan {
    return this.#tracer.startAttempt(this.#context, attempt, clientRequest);
  }

  /** Adds the selected service to the server's span. */
  responded({ service, role }: AttemptView): void {
    this.#server?.setAttribute("conductor.service", service.name);
    this.#server?.setAttribute("conductor.fallback", role !== "primary");
  }
}

interface RecordingContext {
  readonly telemetry: Telemetry;
  readonly redaction: Redaction;
  readonly clock: EpochClock;
}

/** Span of an attempt. It ends when the attempt is finished and the selection is known, in either order. */
class RecordedAttempt implements AttemptSpan {
  readonly traceparent: string;
  readonly #span: Span;
  readonly #telemetry: Telemetry;
  readonly #redaction: Redaction;
  readonly #clock: EpochClock;
  /** Context in which `fetch` adds no `traceparent`, and records no span if the sampler respects the parent. */
  readonly #untraced: Context;
  #isDecided = false;
  #interruption: FailureKind | undefined;
  #endMs: number | undefined;

  constructor(
    span: Span,
    context: Context,
    { telemetry, redaction, clock }: RecordingContext,
  ) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    const unsampled = { traceId, spanId, traceFlags: 0 };
    this.traceparent = formatTraceparent({ traceId, flags: formatFlags(traceFlags) }, spanId);
    this.#span = span;
    this.#telemetry = telemetry;
    this.#redaction = redaction;
    this.#clock = clock;
    this.#untraced = context.setValue(SPAN_KEY, { spanContext: () => unsampled }).setValue(SUPPRESS_TRACING_KEY, true);
  }

  run<T>(send: () => T): T {
    return this.#telemetry.context.with(this.#untraced, send);
  }

  recordBodyFailure(kind: FailureKind): void {
    this.#interruption = kind;
  }

  finish({ service, outcome, role, abortReason, error: words }: Parameters<AttemptSpan["finish"]>[0]): void {
    this.#endMs = this.#clock.now();
    const span = this.#span;
    const failure = abortReason ?? this.#interruption ?? (outcome?.ok === false ? outcome.kind : undefined);
    const status = outcome?.ok ? outcome.response.status : undefined;
    if (status !== undefined) span.setAttribute("http.response.status_code", status);
    const succeeded = outcome?.ok === true && outcome.success && failure === undefined;
    span.setAttribute("conductor.outcome", failure ?? (succeeded ? "success" : "failed"));
    if (!succeeded) span.setAttribute("error.type", failure ?? String(status));
    if (failure !== undefined) {
      const { error, cause } = failureDetail(failure, words, { service, redaction: this.#redaction });
      if (error !== undefined) span.setAttribute("conductor.error", error);
      if (cause !== undefined) span.setAttribute("conductor.cause", cause);
    }
    // An abort, for example because the client disconnected, says nothing about the service.
    if (!succeeded && failure !== "aborted" && failure !== "body-too-large") span.setStatus({ code: ERROR });
    if (this.#isDecided || role === "shadow") span.end(this.#endMs);
  }

  recordSelection(isSelected: boolean): void {
    this.#isDecided = true;
    this.#span.setAttribute("conductor.selected", isSelected);
    if (this.#endMs !== undefined) this.#span.end(this.#endMs);
  }
}

/** Maximum difference between the monotonic clock and the system clock, in milliseconds. */
const MAX_DRIFT_MS = 2;

/**
 * Clock in milliseconds since 1970 with the resolution of `performance.now`. It follows changes of the system clock.
 */
class EpochClock {
  #originMs = performance.timeOrigin;

  now(): number {
    const nowMs = this.#originMs + performance.now();
    const driftMs = Date.now() - nowMs;
    if (Math.abs(driftMs) <= MAX_DRIFT_MS) return nowMs;
    this.#originMs += driftMs;
    return nowMs + driftMs;
  }
}
