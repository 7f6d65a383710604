/**
 * Of the OpenTelemetry API, what is used here. Whoever records spans registers it under a symbol that all versions of
 * `@opentelemetry/api` share: Deno with `OTEL_DENO=true`, or an SDK in any runtime. So no package is needed.
 */

/** A value that a span can have. */
export type AttributeValue = string | number | boolean;

/** What a span is known by. */
export interface SpanContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** 1: it is recorded. */
  readonly traceFlags: number;
}

/** A span. */
export interface Span {
  /** What it is known by. */
  spanContext(): SpanContext;
  /** Gives it a value. */
  setAttribute(name: string, value: AttributeValue): unknown;
  /** Gives it another name. */
  updateName(name: string): unknown;
  /** Says whether it went well; 2: it did not. */
  setStatus(status: { readonly code: number }): unknown;
  /** Ends it at a time in milliseconds since 1970. */
  end(timeMs: number): void;
}

/** What is active while code runs, and while what it has called runs. */
export interface Context {
  /** Finds a value. */
  getValue(key: symbol): unknown;
  /** Makes a context with one more value. */
  setValue(key: symbol, value: unknown): Context;
}

/** Makes spans. */
export interface Tracer {
  /** Starts a span below that of the context. */
  startSpan(
    name: string,
    options: {
      /** 2: the sending side of a call. */
      readonly kind: number;
      /** When it starts, in milliseconds since 1970. */
      readonly startTime: number;
      /** Its values. */
      readonly attributes: Readonly<Record<string, AttributeValue>>;
    },
    context: Context,
  ): Span;
}

/** Who records spans. */
export interface Telemetry {
  /** Where tracers come from. */
  readonly trace: { getTracer(name: string): Tracer };
  /** What is active. */
  readonly context: { active(): Context; with<T>(context: Context, act: () => T): T };
}

/** Where a context has its span. */
export const SPAN_KEY: unique symbol = Symbol.for("OpenTelemetry Context Key SPAN");
/** Where a context says that nothing is to be recorded or told to services. */
export const SUPPRESS_TRACING_KEY: unique symbol = Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

const API_KEY: unique symbol = Symbol.for("opentelemetry.js.api.1");

/**
 * Finds out who records spans.
 *
 * @returns The API, or `undefined` where nobody does.
 */
export function findTelemetry(): Telemetry | undefined {
  const { trace, context } = (globalThis as { [API_KEY]?: Partial<Telemetry> })[API_KEY] ?? {};
  return trace === undefined || context === undefined ? undefined : { trace, context };
}

/** A parent that is not sampled, so that spans below it are not recorded. */
const UNSAMPLED: SpanContext = { traceId: `${"0".repeat(31)}1`, spanId: `${"0".repeat(15)}1`, traceFlags: 0 };

/**
 * Calls a function without recording spans for it, unless the sampler ignores the parent. Spans of the runtime's
 * `fetch` contain the whole URL, which may have a secret.
 *
 * @param act The function.
 * @param telemetry The API; `undefined` if nothing is recorded.
 * @returns The function's result.
 */
export function untraced<T>(act: () => T, telemetry: Telemetry | undefined = findTelemetry()): T {
  if (telemetry === undefined) return act();
  const { context } = telemetry;
  const quiet = context.active().setValue(SPAN_KEY, { spanContext: () => UNSAMPLED });
  return context.with(quiet.setValue(SUPPRESS_TRACING_KEY, true), act);
}
