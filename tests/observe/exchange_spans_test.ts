import { assert, assertEquals } from "@std/assert";
import type { ServiceInput } from "@zeek/conductor";
import { createHandler } from "../../src/proxy/fetch_handler.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { findTelemetry, type Span, SPAN_KEY, type Telemetry } from "../../src/observe/telemetry.ts";
import { readUntil, startBackend, startRawBackend } from "../_support/servers.ts";

/** A recorded span. */
interface Recorded {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  isError: boolean;
  endMs: number | undefined;
}

/** Returns an in-process telemetry and its spans. The first span is the server's. */
function recorder(): { readonly telemetry: Telemetry; readonly spans: readonly Recorded[]; ended(): Promise<void> } {
  const spans: Recorded[] = [];
  let changed = Promise.withResolvers<void>();
  const record = (name: string, attributes: Record<string, unknown> = {}): Span => {
    const recorded: Recorded = { name, attributes: { ...attributes }, isError: false, endMs: undefined };
    const spanId = `${spans.push(recorded)}`.padStart(16, "0");
    return {
      spanContext: () => ({ traceId: "a".repeat(32), spanId, traceFlags: 1 }),
      setAttribute: (name, value) => recorded.attributes[name] = value,
      updateName: () => {},
      setStatus: ({ code }) => recorded.isError = code === 2,
      end(timeMs) {
        assertEquals(recorded.endMs, undefined, "a span ends once");
        recorded.endMs = timeMs;
        changed.resolve();
        changed = Promise.withResolvers();
      },
    };
  };
  const server = record("server");
  const context = {
    getValue: (key: symbol) => key === SPAN_KEY ? server : undefined,
    setValue: () => context,
  };
  return {
    spans,
    telemetry: {
      trace: { getTracer: () => ({ startSpan: (name, { attributes }) => record(name, attributes) }) },
      context: { active: () => context, with: (_, act) => act() },
    },
    async ended() {
      while (spans.slice(1).some(({ endMs }) => endMs === undefined)) await changed.promise;
    },
  };
}

function handlerWith(telemetry: Telemetry, services: readonly ServiceInput[]) {
  return createHandler(validateConfig({ services }).config, { telemetry });
}

Deno.test("ExchangeTracer ends the span of a relayed response with its body", async () => {
  const rest = Promise.withResolvers<void>();
  await using backend = startBackend(() => {
    const body = new ReadableStream({
      async pull(controller) {
        controller.enqueue(new Uint8Array(1));
        await rest.promise;
        controller.close();
      },
    });
    return new Response(body);
  });
  const { telemetry, spans, ended } = recorder();
  const handle = handlerWith(telemetry, [{ name: "a", url: backend.url }]);
  const response = await handle(new Request("http://a/"));
  assertEquals([spans[1]?.attributes["conductor.selected"], spans[1]?.endMs], [true, undefined]);
  rest.resolve();
  await response.bytes();
  await ended();
  assertEquals(spans[1]?.attributes["conductor.outcome"], "success");
  assertEquals(spans[0]?.attributes["conductor.service"], "a");
});

Deno.test("ExchangeTracer ends all spans if the client disconnects, and marks none as an error", async () => {
  await using silent = startRawBackend((connection) => readUntil(connection, "\0never\0").then(() => {}));
  await using backend = startBackend();
  const { telemetry, spans, ended } = recorder();
  const handle = handlerWith(telemetry, [
    { name: "silent", url: silent.url },
    { name: "b", url: backend.url },
    { name: "dark", url: backend.url, shadow: true },
  ]);
  const client = new AbortController();
  const response = handle(new Request("http://a/", { signal: client.signal }));
  await backend.received(2);
  client.abort();
  await (await response).body?.cancel();
  await ended();
  const [, first, , dark] = spans;
  assertEquals([first?.attributes["conductor.outcome"], first?.isError], ["aborted", false]);
  assertEquals([dark?.attributes["conductor.outcome"], "conductor.selected" in (dark?.attributes ?? {})], [
    "success",
    false,
  ]);
});

Deno.test("ExchangeTracer starts no span for a skipped service", async () => {
  await using backend = startBackend();
  const { telemetry, spans } = recorder();
  const handle = handlerWith(telemetry, [
    { name: "a", url: backend.url },
    { name: "dark", url: backend.url, shadow: true, sample: 0 },
  ]);
  await (await handle(new Request("http://a/"))).bytes();
  await (await handle(new Request("http://a/\\x"))).body?.cancel();
  assertEquals(spans.map(({ name }) => name), ["server", "GET a", "GET a"]);
});

Deno.test("findTelemetry() finds a registered OpenTelemetry API with tracing", () => {
  const key = Symbol.for("opentelemetry.js.api.1");
  const holder: Record<symbol, unknown> = globalThis as never;
  const before = holder[key];
  try {
    delete holder[key];
    assertEquals(findTelemetry(), undefined);
    const { telemetry } = recorder();
    // Metrics or propagation alone record no spans.
    holder[key] = { version: "1.9.0", context: telemetry.context };
    assertEquals(findTelemetry(), undefined);
    holder[key] = { version: "1.9.0", ...telemetry };
    assert(findTelemetry()?.trace === telemetry.trace);
  } finally {
    if (before === undefined) delete holder[key];
    else holder[key] = before;
  }
});
