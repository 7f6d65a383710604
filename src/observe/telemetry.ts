/**
 * The part of the OpenTelemetry API that conductor uses. Deno with `OTEL_DENO=true`, or an SDK in any runtime,
 * registers the API under a symbol that all versions of `@opentelemetry/api` share, so no package is needed.
 */

/** Value of an attribute of a span. */
export type AttributeValue = string | number | boolean;

/** Identity of a span. */
export interface SpanContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** 1 if the span is recorded, otherwise 0. */
  readonly traceFlags: number;
}

/** A span. */
export interface Span {
  /** Returns the identity of the span. */
  spanContext(): SpanContext;
  /** Sets an attribute. */
  setAttribute(name: string, value: AttributeValue): unknown;
  /** Renames the span. */
  updateName(name: string): unknown;
  /** Sets the status; code 2 is an error. */
  setStatus(status: { readonly code: number }): unknown;
  /** Ends the span at a time in milliseconds since 1970. */
  end(timeMs: number): void;
}

/** Values that are active while a function and its asynchronous continuations run. */
export interface Context {
  /** Returns a value. */
  getValue(key: symbol): unknown;
  /** Returns a context with one more value. */
  setValue(key: symbol, value: unknown): Context;
}

/** Creates spans. */
export interface Tracer {
  /** Starts a child of the context's span. */
  startSpan(
    name: string,
    options: {
      /** 2 for the client of a call. */
      readonly kind: number;
      /** Start, in milliseconds since 1970. */
      readonly startTime: number;
      /** Attributes. */
      readonly attributes: Readonly<Record<string, AttributeValue>>;
    },
    context: Context,
  ): Span;
}

/** The registered API. */
export interface Telemetry {
  /** Provider of tracers. */
  readonly trace: { getTracer(name: string): Tracer };
  /** Manager of the active context. */
  readonly context: { active(): Context; with<T>(context: Context, act: () => T): T };
}

/** Key of the span in a context. */
export const SPAN_KEY: unique symbol = Symbol.for("OpenTelemetry Context Key SPAN");
/** Key of the flag in a context that disables recording and propagation. */
export const SUPPRESS_TRACING_KEY: unique symbol = Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

const API_KEY: unique symbol = Symbol.for("opentelemetry.js.api.1");

/** Returns the registered API; `undefined` if spans are not recorded. */
export function findTelemetry(): Telemetry | undefined {
  const { trace, context } = (globalThis as { [API_KEY]?: Partial<Telemetry> })[API_KEY] ?? {};
  return trace === undefined || context === undefined ? undefined : { trace, context };
}

/** Parent that is not sampled, so that its children are not recorded. */
const UNSAMPLED: SpanContext = { traceId: `${"0".repeat(31)}1`, spanId: `${"0".repeat(15)}1`, traceFlags: 0 };

/**
 * Calls a function without recording spans for it, unless the sampler ignores the parent. Spans of the runtime's
 * `fetch` contain the whole URL, which may contain a secret.
 */
export function untraced<T>(act: () => T, telemetry: Telemetry | undefined = findTelemetry()): T {
  if (telemetry === undefined) return act();
  const { context } = telemetry;
  const quiet = context.active().setValue(SPAN_KEY, { spanContext: () => UNSAMPLED });
  return context.with(quiet.setValue(SUPPRESS_TRACING_KEY, true), act);
}
