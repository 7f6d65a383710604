/** A fake OpenTelemetry collector. It receives spans over OTLP/HTTP as JSON and keeps them. */

/** A received span. */
export interface CollectedSpan {
  /** Instrumentation scope: `deno` or `conductor`. */
  readonly scope: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root span. */
  readonly parentSpanId: string;
  readonly kind: "internal" | "server" | "client";
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
  /** Nanoseconds since 1970. */
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** A received value of a metric. */
export interface CollectedPoint {
  readonly scope: string;
  readonly name: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Value; the count of a histogram. */
  readonly value: number;
  /** Counts by bucket; absent unless the metric is a histogram. */
  readonly bucketCounts?: readonly number[];
}

/** A running collector. */
export interface Collector extends AsyncDisposable {
  /** Values of the last export of each process. */
  readonly points: readonly CollectedPoint[];
  /** Environment variables that make Deno export its spans to this collector. */
  readonly env: Readonly<Record<string, string>>;
  readonly spans: readonly CollectedSpan[];
}

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status?: { readonly code?: number };
}

interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly OtlpSpan[] }[];
  }[];
}

interface OtlpPoint {
  readonly attributes?: OtlpSpan["attributes"];
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
  readonly bucketCounts?: readonly (string | number)[];
}

interface OtlpMetrics {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly scope: { readonly name: string };
      readonly metrics: readonly {
        readonly name: string;
        readonly unit?: string;
        readonly sum?: { readonly dataPoints: readonly OtlpPoint[] };
        readonly gauge?: { readonly dataPoints: readonly OtlpPoint[] };
        readonly histogram?: { readonly dataPoints: readonly OtlpPoint[] };
      }[];
    }[];
  }[];
}

const ERROR = 2;

/** Starts a collector on a free port. */
export function startCollector(): Collector {
  const spans: CollectedSpan[] = [];
  let points: CollectedPoint[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const body = await request.json();
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/traces") spans.push(...read(body));
    if (pathname === "/v1/metrics") points = readPoints(body);
    return Response.json({});
  });
  return {
    spans,
    get points() {
      return points;
    },
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function readPoints({ resourceMetrics }: OtlpMetrics): CollectedPoint[] {
  return resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ scope, metrics }) =>
      metrics.flatMap(({ name, unit = "", sum, gauge, histogram }) =>
        (sum ?? gauge ?? histogram)!.dataPoints.map(({ attributes = [], asInt, asDouble, count, bucketCounts }) => ({
          scope: scope.name,
          name,
          unit,
          attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)])),
          value: Number(asInt ?? asDouble ?? count),
          ...(bucketCounts !== undefined && { bucketCounts: bucketCounts.map(Number) }),
        }))
      )
    )
  );
}

function read({ resourceSpans }: OtlpTraces): CollectedSpan[] {
  return resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        scope: scope.name,
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        kind: span.kind === 3 ? "client" : span.kind === 2 ? "server" : "internal",
        attributes: Object.fromEntries((span.attributes ?? []).map(({ key, value }) => [key, plain(value)])),
        isError: span.status?.code === ERROR,
        startNs: BigInt(span.startTimeUnixNano),
        endNs: BigInt(span.endTimeUnixNano),
      }))
    )
  );
}

/**
 * Returns the value of an attribute. OTLP encodes `intValue` as a string because JSON numbers have less than 64 bits.
 */
function plain(value: Readonly<Record<string, unknown>>): unknown {
  return "intValue" in value ? Number(value.intValue) : Object.values(value)[0];
}
