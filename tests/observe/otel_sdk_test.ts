/** Spans with an OpenTelemetry SDK instead of Deno's own telemetry. */

import { context, type Span, SpanKind, SpanStatusCode, trace } from "npm:@opentelemetry/api@1.9.0";
import { AsyncLocalStorageContextManager } from "npm:@opentelemetry/context-async-hooks@2.0.1";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "npm:@opentelemetry/sdk-trace-base@2.0.1";
import { assert, assertEquals } from "@std/assert";
import { conductor } from "@zeek/conductor";
import { refusingUrl, startBackend } from "../_support/servers.ts";

Deno.test("telemetry: a registered SDK gets one client span for each attempt", async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  try {
    await using backend = startBackend();
    const handle = conductor({
      services: [{ name: "blue", url: backend.url }, { name: "down", url: refusingUrl() }],
    });
    const tracer = trace.getTracer("test");
    const server = await tracer.startActiveSpan("server", { kind: SpanKind.SERVER }, async (span: Span) => {
      await (await handle(new Request("http://a/"))).bytes();
      span.end();
      return span.spanContext();
    });
    const spans: readonly ReadableSpan[] = exporter.getFinishedSpans();
    const named = (name: string) => spans.find((span) => span.name === name);
    const [blue, down] = [named("GET blue"), named("GET down")];
    assert(blue !== undefined && down !== undefined);
    assertEquals(spans.length, 3);
    for (const { kind, parentSpanContext } of [blue, down]) {
      assertEquals([kind, parentSpanContext?.spanId], [SpanKind.CLIENT, server.spanId]);
    }
    const { traceId, spanId } = blue.spanContext();
    assertEquals(backend.seen[0]?.headers.get("traceparent"), `00-${traceId}-${spanId}-01`);
    assertEquals([blue.status.code, down.status.code], [SpanStatusCode.UNSET, SpanStatusCode.ERROR]);
    assertEquals(blue.attributes["conductor.selected"], true);
    assertEquals(named("GET /")?.attributes["http.route"], "/");
  } finally {
    trace.disable();
    context.disable();
    await provider.shutdown();
  }
});
