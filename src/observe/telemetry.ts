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

/** Instrument of a meter. */
export interface Instrument {
  /** Records a value; only histograms have it. */
  record?(value: number, attributes: Readonly<Record<string, string>>): void;
}

/** Histogram of a meter. */
export interface HistogramInstrument extends Instrument {
  /** Records a value. */
  record(value: number, attributes: Readonly<Record<string, string>>): void;
}

/** Options of an instrument. */
export interface InstrumentOptions {
  /** Help text. */
  readonly description: string;
  /** Unit in UCUM: `s` or `By`. */
  readonly unit?: string;
  /** Bounds of the buckets of a histogram. */
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

/** Receives the values of observable instruments. */
export interface ObservableResult {
  /** Reports a value. */
  observe(instrument: Instrument, value: number, attributes: Readonly<Record<string, string>>): void;
}

/** Creates instruments. */
export interface Meter {
  /** Creates a histogram. */
  createHistogram(name: string, options: InstrumentOptions): HistogramInstrument;
  /** Creates a counter that is read by a callback. */
  createObservableCounter(name: string, options: InstrumentOptions): Instrument;
  /** Creates a gauge that is read by a callback. */
  createObservableGauge(name: string, options: InstrumentOptions): Instrument;
  /** Registers a callback that reports the values of instruments. */
  addBatchObservableCallback(callback: (result: ObservableResult) => Promise<void>, observed: Instrument[]): void;
}

/** Provider of meters. */
export interface Meters {
  /** Returns the meter of a library. */
  getMeter(name: string): Meter;
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

/** Returns the registered provider of meters; `undefined` if metrics are not exported. */
export function findMeters(): Meters | undefined {
  return (globalThis as { [API_KEY]?: { readonly metrics?: Meters } })[API_KEY]?.metrics;
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
