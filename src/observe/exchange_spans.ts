/** The spans of one exchange: what the server's says beside what the server knows, and one below it for each attempt. */

import type { Route, Service } from "../config/config.ts";
import type { AttemptView } from "../upstream/attempt.ts";
import type { FailureKind } from "../http/outcome_kinds.ts";
import type { AttemptSpan } from "../upstream/attempt_span.ts";
import type { RequestTarget } from "../http/client_request.ts";
import type { ReceivedRequest } from "../http/received_request.ts";
import { formatFlags, formatTraceparent, type TraceContext } from "../http/trace_context.ts";
import { redactUrl } from "../lib/secret_text.ts";
import {
  type AttributeValue,
  type Context,
  type Span,
  SPAN_KEY,
  SUPPRESS_TRACING_KEY,
  type Telemetry,
  type Tracer,
} from "./telemetry.ts";

/** Methods that may be part of a name; a client can make up any number of others (OpenTelemetry's rules for HTTP). */
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
  readonly #tracer: Tracer;
  /** What is the same for all attempts of a service. */
  readonly #services = new WeakMap<Service, Attributes>();

  /**
   * Takes a tracer of conductor's own.
   *
   * @param telemetry Who records.
   */
  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
    this.#tracer = telemetry.trace.getTracer("conductor");
  }

  /**
   * Starts to record an exchange, below the span that is active now: the server's.
   *
   * @returns The exchange's spans.
   */
  start(): ExchangeSpans {
    return new ExchangeSpans(this, this.#telemetry.context.active());
  }

  /**
   * Starts the span of an attempt.
   *
   * @param context Where the server's span is.
   * @param attempt The attempt.
   * @param clientRequest The client's request.
   * @returns The attempt's span.
   */
  startAttempt(context: Context, { service, role }: AttemptView, { method }: ReceivedRequest): AttemptSpan {
    const known = METHODS.has(method);
    const startTime = epochMs();
    const span = this.#tracer.startSpan(`${known ? method : "HTTP"} ${service.name}`, {
      kind: CLIENT,
      startTime,
      attributes: {
        "http.request.method": known ? method : "_OTHER",
        "conductor.role": role,
        ...this.#attributesOf(service),
      },
    }, context);
    return new RecordedAttempt(span, this.#telemetry, context);
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

  /**
   * Remembers the server's span.
   *
   * @param tracer Makes the others.
   * @param context Where it is.
   */
  constructor(tracer: ExchangeTracer, context: Context) {
    this.#tracer = tracer;
    this.#context = context;
    this.#server = context.getValue(SPAN_KEY) as Span | undefined;
  }

  /** The trace of the server's span; `undefined` if the server has none. */
  get trace(): TraceContext | undefined {
    const { traceId, traceFlags } = this.#server?.spanContext() ?? {};
    return traceId === undefined ? undefined : { traceId, flags: formatFlags(traceFlags) };
  }

  /** Removes secrets from the target in the server's span. The server has recorded the target as sent. */
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

  /**
   * Adds the request and its route to the server's span.
   *
   * @param clientRequest The request.
   * @param route Its route; `undefined` if none matched.
   */
  matched({ method, requestId }: ReceivedRequest, route: Route | undefined): void {
    const server = this.#server;
    if (server === undefined) return;
    server.setAttribute("conductor.request_id", requestId);
    if (route === undefined) return;
    server.setAttribute("http.route", route.path);
    server.updateName(`${METHODS.has(method) ? method : "HTTP"} ${route.path}`);
  }

  /**
   * Starts the span of an attempt.
   *
   * @param attempt The attempt.
   * @param clientRequest The client's request.
   * @returns The attempt's span.
   */
  startAttempt(attempt: AttemptView, clientRequest: ReceivedRequest): AttemptSpan {
    return this.#tracer.startAttempt(this.#context, attempt, clientRequest);
  }

  /**
   * Says in the server's span whose answer the client got.
   *
   * @param attempt The selected attempt.
   */
  answered({ service, role }: AttemptView): void {
    this.#server?.setAttribute("conductor.service", service.name);
    this.#server?.setAttribute("conductor.fallback", role !== "primary");
  }
}

/** Ends when the attempt is over, and says whether it was selected: what is known first waits for the other. */
class RecordedAttempt implements AttemptSpan {
  readonly traceparent: string;
  readonly #span: Span;
  readonly #telemetry: Telemetry;
  /** In which `fetch` neither adds a `traceparent` nor, where the parent's sampling counts, records a span. */
  readonly #quiet: Context;
  #isDecided = false;
  #brokenBy: FailureKind | undefined;
  #endMs: number | undefined;

  constructor(span: Span, telemetry: Telemetry, context: Context) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    const unsampled = { traceId, spanId, traceFlags: 0 };
    this.traceparent = formatTraceparent({ traceId, flags: formatFlags(traceFlags) }, spanId);
    this.#span = span;
    this.#telemetry = telemetry;
    this.#quiet = context.setValue(SPAN_KEY, { spanContext: () => unsampled }).setValue(SUPPRESS_TRACING_KEY, true);
  }

  around<T>(send: () => T): T {
    return this.#telemetry.context.with(this.#quiet, send);
  }

  broken(kind: FailureKind): void {
    this.#brokenBy = kind;
  }

  over({ outcome, role, abortReason }: Parameters<AttemptSpan["over"]>[0]): void {
    this.#endMs = epochMs();
    const span = this.#span;
    const failure = abortReason ?? this.#brokenBy ?? (outcome?.ok === false ? outcome.kind : undefined);
    const status = outcome?.ok ? outcome.response.status : undefined;
    if (status !== undefined) span.setAttribute("http.response.status_code", status);
    const succeeded = outcome?.ok === true && outcome.success && failure === undefined;
    span.setAttribute("conductor.outcome", failure ?? (succeeded ? "success" : "failed"));
    if (!succeeded) span.setAttribute("error.type", failure ?? String(status));
    // One that was given up, because its client had gone away, says nothing about the service.
    if (!succeeded && failure !== "aborted") span.setStatus({ code: ERROR });
    if (this.#isDecided || role === "shadow") span.end(this.#endMs);
  }

  decided(isSelected: boolean): void {
    this.#isDecided = true;
    this.#span.setAttribute("conductor.selected", isSelected);
    if (this.#endMs !== undefined) this.#span.end(this.#endMs);
  }
}

/** How far the clock that never goes back may be from the one that people set, in milliseconds. */
const MAX_DRIFT_MS = 2;
let originMs = performance.timeOrigin;

/** The time in milliseconds since 1970, finer than `Date.now`, and with it when that has been set. */
function epochMs(): number {
  const nowMs = originMs + performance.now();
  const driftMs = Date.now() - nowMs;
  if (Math.abs(driftMs) <= MAX_DRIFT_MS) return nowMs;
  originMs += driftMs;
  return nowMs + driftMs;
}
