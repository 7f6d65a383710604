import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { type ComparisonCounter, ComparisonStore } from "../../src/compare/comparison_store.ts";
import { makeReport } from "../../src/compare/make_report.ts";
import { DEFAULT_THRESHOLDS } from "../../src/compare/report_thresholds.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { createHandler, type Handler } from "../../src/proxy/fetch_handler.ts";
import type { ConfigInput, ServiceInput } from "../../src/config/input.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { ComparedEvent } from "../../src/observe/events.ts";
import { TRANSPORTS } from "../_support/transports.ts";
import { type Backend, startBackend, startConductor, startRawBackend } from "../_support/servers.ts";

const DATE = "Wed, 21 Oct 2026 07:28:00 GMT";
const MULTIPART = { "content-type": "multipart/byteranges; boundary=x" };

type Respond = (request: Request, body: string) => Response | Promise<Response>;

interface Setup extends AsyncDisposable {
  readonly handle: Handler;
  readonly comparisons: ComparisonStore;
  readonly services: Readonly<Record<string, Backend>>;
  /** Resolves after a number of comparisons. */
  compared(count: number): Promise<readonly ComparedEvent[]>;
}

/** Starts a handler with backends. The first backend is the primary, all others are shadows by default. */
function startSetup(
  backends: Record<string, Respond>,
  { settings = {}, serviceSettings = {}, create = TRANSPORTS[0]![1] }: {
    settings?: Partial<ConfigInput>;
    /** Settings of single services, by name. */
    serviceSettings?: Record<string, Partial<ServiceInput>>;
    create?: (typeof TRANSPORTS)[number][1];
  } = {},
): Setup {
  const names = Object.keys(backends);
  const services = Object.fromEntries(names.map((name) => [name, startBackend(backends[name]!)]));
  const { config } = validateConfig({
    compare: { noise: "off" },
    ...settings,
    services: names.map((name, index) => ({
      name,
      url: services[name]!.url,
      ...(index === 0 ? { primary: true } : { shadow: true }),
      ...serviceSettings[name],
    })),
  });
  const events: ComparedEvent[] = [];
  let wake = () => {};
  const comparisons = new ComparisonStore();
  const handle = createHandler(config, {
    comparisons,
    transport: create(),
    observe: (event) => {
      if (event.type !== "compared") return;
      events.push(event);
      wake();
    },
  });
  return {
    handle,
    comparisons,
    services,
    async compared(count) {
      while (events.length < count) await new Promise<void>((resolve) => wake = resolve);
      return events;
    },
    async [Symbol.asyncDispose]() {
      for (const server of Object.values(services)) await server[Symbol.asyncDispose]();
    },
  };
}

function get(path = "/", init?: RequestInit): Request {
  return new Request(`http://conductor${path}`, init);
}

/** Returns a request with a body of known length, as most clients send it. */
function post(path: string, body: string): Request {
  return get(path, { method: "POST", body, headers: { "content-length": String(body.length) } });
}

function summary(events: readonly ComparedEvent[]): string[] {
  return events.map(({ service, result, paths }) => [service, result, ...paths].join(" "));
}

const json = (value: unknown): Respond => () => Response.json(value);

for (const [over, create] of TRANSPORTS) {
  Deno.test(`responses of all roles are compared by their fields, over ${over}`, async () => {
    await using setup = startSetup({
      v1: json({ id: 1, name: "tea", price: 2 }),
      v2: json({ id: 1, title: "tea", price: "2" }),
      v3: json({ price: 2, name: "tea", id: 1 }),
    }, { serviceSettings: { v3: { shadow: false } }, create });
    assertEquals(await (await setup.handle(get("/items/7"))).json(), { id: 1, name: "tea", price: 2 });
    const events = await setup.compared(2);
    assertEquals(summary(events).sort(), ["v2 mismatch $.name $.price $.title", "v3 match"]);
    assertEquals(setup.comparisons.read(0).stats?.endpoints.at(-1)?.endpoint, "GET /items/{id}");
    const [{ path, differences } = { path: "", differences: [] }] = setup.comparisons.read(0).mismatches;
    assertEquals([path, differences.length], ["/items/7", 3]);
  });

  Deno.test(`a gzip body that cannot be decoded is a mismatch, over ${over}`, async () => {
    const zipped = (body: Uint8Array<ArrayBuffer>): Respond => () =>
      new Response(body, { headers: { "content-type": "application/json", "content-encoding": "gzip" } });
    const whole = new Uint8Array(gzipSync('{"a":1}'));
    await using setup = startSetup({
      v1: zipped(whole),
      v2: zipped(new TextEncoder().encode('{"a":1}')),
      v3: zipped(whole.slice(0, -9)),
    }, { create });
    await (await setup.handle(new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } })))
      .arrayBuffer();
    assertEquals(summary(await setup.compared(2)).sort(), ["v2 mismatch body", "v3 mismatch body"]);
  });

  Deno.test(`a streamed body of a shadow is compared, over ${over}`, async () => {
    const { promise: late, resolve: finish } = Promise.withResolvers<void>();
    const text = "x".repeat(100_000);
    const streamed = (end: string): Respond => () => {
      return new Response(
        ReadableStream.from((async function* () {
          yield new TextEncoder().encode(text);
          if (end !== "") await late;
          yield new TextEncoder().encode(end);
        })()),
        { headers: { "content-type": "text/plain" } },
      );
    };
    await using setup = startSetup({ v1: streamed("one"), v2: streamed("two"), v3: streamed("one") }, { create });
    const response = await setup.handle(get());
    const reader = response.body!.getReader();
    let length = 0;
    // These bytes arrive before any service has ended its response.
    while (length < text.length) length += (await reader.read()).value!.length;
    finish();
    while (!(await reader.read()).done);
    assertEquals(summary(await setup.compared(2)).sort(), ["v2 mismatch body", "v3 match"]);
  });

  Deno.test(`a body above maxBody is compared to its end, over ${over}`, async () => {
    const body = (byte: number, at: number): Respond => () => {
      const bytes = new Uint8Array(300_000);
      bytes[at] = byte;
      return new Response(bytes);
    };
    const services = { v1: body(0, 0), v2: body(1, 1_000), v3: body(1, 299_999), v4: body(0, 0) };
    await using setup = startSetup(services, { settings: { compare: { noise: "off", maxBody: "100KiB" } }, create });
    assertEquals((await (await setup.handle(get())).bytes()).length, 300_000);
    assertEquals(summary(await setup.compared(3)).sort(), ["v2 mismatch body", "v3 mismatch body", "v4 match"]);
    const { mismatches } = setup.comparisons.read(0);
    const samples = Object.fromEntries(mismatches.map(({ service, differences }) => [service, differences[0]!.actual]));
    assertEquals(samples["v2"], "300000 bytes, different from byte 1000 on");
    assertMatch(samples["v3"]!, /^300000 bytes, equal in the first 102400, digest of the rest [0-9a-f]{16}$/);
  });

  Deno.test(`a body of more than 16 MiB is not comparable, unless its Content-Length differs, over ${over}`, async () => {
    const MIB = 1_048_576;
    const body = (length: number): Respond => () =>
      new Response(new Uint8Array(length), { headers: { "content-length": String(length) } });
    const services = { v1: body(17 * MIB), v2: body(17 * MIB), v3: body(17 * MIB + 1), v4: body(16 * MIB) };
    await using setup = startSetup(services, { create });
    assertEquals((await (await setup.handle(get())).bytes()).length, 17 * MIB);
    const events = await setup.compared(3);
    assertEquals(summary(events).sort(), ["v2 not-comparable", "v3 mismatch body", "v4 mismatch body"]);
    assertEquals(events.find(({ service }) => service === "v2")?.reason, "too-large");
  });

  Deno.test(`a missing response is a difference of the outcome, over ${over}`, async () => {
    const { promise: never, resolve: end } = Promise.withResolvers<Response>();
    await using setup = startSetup({
      v1: json({ ok: true }),
      v2: () => never,
      v3: () => Response.json({ ok: false }, { status: 500 }),
    }, { serviceSettings: { v2: { timeout: "50ms" } }, create });
    await (await setup.handle(get())).body?.cancel();
    assertEquals(summary(await setup.compared(2)).sort(), ["v2 missing outcome", "v3 mismatch status $.ok"]);
    end(new Response());
  });

  Deno.test(`a body that never ends differs from a complete one, over ${over}`, async () => {
    const { promise: late, resolve: finish } = Promise.withResolvers<void>();
    const halves = (middle: () => Promise<void> | undefined): Respond => () => {
      return new Response(
        ReadableStream.from((async function* () {
          yield new Uint8Array(70_000);
          await middle();
          yield new Uint8Array(1);
        })()),
      );
    };
    await using setup = startSetup({ v1: halves(() => undefined), v2: halves(() => late) }, {
      serviceSettings: { v2: { timeout: "100ms" } },
      create,
    });
    assertEquals((await (await setup.handle(get())).bytes()).length, 70_001);
    assertEquals(summary(await setup.compared(1)), ["v2 mismatch body"]);
    finish();
  });

  Deno.test(`a request whose client disconnected is not comparable, over ${over}`, async () => {
    let requests = 0;
    const { promise: never, resolve: end } = Promise.withResolvers<Response>();
    await using setup = startSetup({
      v1: () => ++requests === 1 ? never : Response.json(1),
      v2: json(1),
    }, { create });
    const gone = new AbortController();
    const first = setup.handle(get("/", { signal: gone.signal }));
    await setup.services["v1"]!.received(1);
    gone.abort();
    await first;
    await (await setup.handle(get())).body?.cancel();
    const events = await setup.compared(2);
    end(new Response());
    assertEquals(summary(events).sort(), ["v2 match", "v2 not-comparable"]);
    const [service] = setup.comparisons.read(0).stats!.services;
    assertEquals([service?.compared, service?.notComparable], [1, { unfinished: 1 }]);
  });
}

Deno.test("a verdict is not ready if many requests were not sent to a candidate that is slow at times", async () => {
  const { promise: held, resolve: respond } = Promise.withResolvers<void>();
  await using setup = startSetup({ v1: json(1), v2: () => held.then(() => Response.json(1)) }, {
    serviceSettings: { v2: { maxInFlight: 2 } },
  });
  for (let sent = 0; sent < 5; sent++) await (await setup.handle(get())).text();
  respond();
  const events = await setup.compared(5);
  assertEquals(events.map(({ result, reason }) => reason ?? result).sort(), [
    ...["match", "match"],
    ...["not-sent", "not-sent", "not-sent"],
  ]);
  const thresholds = { ...DEFAULT_THRESHOLDS, minRequests: 1, maxLatencyRatio: 1e6 };
  const { verdict, services: [service] } = makeReport(setup.comparisons.read(0).stats!, thresholds);
  assertEquals([verdict, service!.reasons], [
    "not-enough-traffic",
    ["not comparable: 60 % (limit 5 %; not-sent 3)"],
  ]);
});

Deno.test("a request that waits for a connection to a candidate in vain is not comparable", async () => {
  const { promise: held, resolve: respond } = Promise.withResolvers<void>();
  await using setup = startSetup({ v1: json(1), v2: () => held.then(() => Response.json(1)) }, {
    settings: { limits: { maxConnectionsPerService: 1, maxQueuedPerService: 0 } },
  });
  for (let sent = 0; sent < 2; sent++) await (await setup.handle(get())).text();
  respond();
  const events = await setup.compared(2);
  assertEquals(events.map(({ result, reason }) => reason ?? result).sort(), ["match", "not-sent"]);
});

/** Streams a line every 20 ms, for 400 ms. */
function slowLines(): Response {
  const lines = async function* () {
    for (let line = 0; line < 20; line++) {
      yield new TextEncoder().encode(`${line}\n`);
      await delay(20);
    }
  };
  return new Response(ReadableStream.from(lines()), { headers: { "content-type": "text/plain" } });
}

Deno.test("a stream that lasts longer than the timeout of a candidate is not comparable, if the primary's does too", async () => {
  const settings = { timeout: "150ms" } as const;
  await using setup = startSetup({ v1: slowLines, v2: slowLines }, { serviceSettings: { v1: settings, v2: settings } });
  await (await setup.handle(get())).text();
  const [event] = await setup.compared(1);
  assertEquals([event?.result, event?.reason], ["not-comparable", "unfinished"]);
});

Deno.test("a stream that lasts longer than the timeout of a candidate is a mismatch, if the primary's does not", async () => {
  await using setup = startSetup({ v1: () => new Response("0\n"), v2: slowLines }, {
    serviceSettings: { v2: { timeout: "150ms" } },
  });
  await (await setup.handle(get())).text();
  assertEquals((await setup.compared(1))[0]?.result, "mismatch");
});

// Columns: title; two responses; rules; result for the second one.
const items = (count: number, first = "0") =>
  `{"at":"${first}","items":[${Array.from({ length: count }, (_, id) => `{"id":${id},"name":"item ${id}"}`).join()}]}`;
const LARGE: readonly (readonly [title: string, a: string, b: string, rules: object, result: string])[] = [
  ["equal lists", items(13_000), items(13_000), {}, "match"],
  ["a list without its last 1,000 of 13,000 items", items(13_000), items(12_000), {}, "mismatch body"],
  ["a list that is twice as long", items(13_000), items(26_000), {}, "mismatch body"],
  ["a list that became too large", items(1_000), items(13_000), {}, "mismatch body"],
  ["a text that ends in an error", items(13_000), `${items(13_000).slice(0, -9)}Error 500`, {}, "mismatch body"],
  ["a value that differs at the beginning", items(13_000), items(13_000, "1"), {}, "mismatch $.at"],
  ["an ignored value at the beginning", items(13_000), items(13_000, "1"), { ignore: ["$.at"] }, "match"],
  ["a rule that may apply to the rest", items(13_000), items(12_999), { ignore: ["$.at"] }, "not-comparable too-large"],
  ["a value with another length", items(13_000), items(13_000, "10"), {}, "mismatch body"],
];

for (const [title, a, b, rules, result] of LARGE) {
  for (const coding of ["identity", "gzip", "br", "zstd"] as const) {
    Deno.test(`large bodies are compared by length and digest: ${title}, ${coding}`, async () => {
      const respond = (text: string, level: number): Respond => () =>
        new Response(encode(text, coding, level), {
          headers: { "content-type": "application/json", "content-encoding": coding },
        });
      const settings = { compare: { noise: "off", ...rules } } as const;
      await using setup = startSetup({ v1: respond(a, 1), v2: respond(b, 9) }, { settings });
      await (await setup.handle(get())).bytes();
      const [{ result: kind, paths, reason }] = await setup.compared(1) as [ComparedEvent];
      assertEquals([kind, ...paths, ...(reason === undefined ? [] : [reason])].join(" "), result);
    });
  }
}

function encode(text: string, coding: "identity" | "gzip" | "br" | "zstd", level: number): Uint8Array<ArrayBuffer> {
  const plain = new TextEncoder().encode(text);
  if (coding === "identity") return plain;
  const encoded = coding === "gzip"
    ? gzipSync(plain, { level })
    : coding === "zstd"
    ? zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: level } })
    : brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: level } });
  return new Uint8Array(encoded);
}

// Columns: title; header lines of the request; status and headers of two responses; result.
type Reply = readonly [status: number, headers?: Record<string, string>];
const CONDITIONAL: readonly (readonly [
  title: string,
  request: Record<string, string>,
  expected: Reply,
  actual: Reply,
  result: string,
])[] = [
  ["304 against 200", { "if-none-match": '"a"' }, [304], [200, { etag: '"b"' }], "not-comparable precondition"],
  ["304 against 200 without a tag", { "if-none-match": '"a"' }, [304], [200], "not-comparable precondition"],
  ["304 against 200 by date", { "if-modified-since": DATE }, [304], [200], "not-comparable precondition"],
  ["200 against 304 by date", { "if-modified-since": DATE }, [200], [304], "not-comparable precondition"],
  ["304 on both sides", { "if-none-match": '"a"' }, [304], [304], "match"],
  ["an ignored precondition", { "if-none-match": 'W/"x", "a"' }, [304], [200, { etag: 'W/"a"' }], "mismatch status"],
  ["an outdated tag that is confirmed", { "if-none-match": '"a"' }, [200, { etag: '"b"' }], [304], "mismatch status"],
  ["304 without a precondition", {}, [200], [304], "mismatch status"],
  ["304 against an error", { "if-none-match": '"a"' }, [304], [500], "mismatch status"],
  ["304 against 404", { "if-none-match": '"a"' }, [304], [404], "mismatch status"],
  ["412 against 200", { "if-match": '"a"' }, [200], [412], "not-comparable precondition"],
  ["412 against 200 by date", { "if-unmodified-since": DATE }, [412], [200], "not-comparable precondition"],
  ["412 without a precondition", {}, [200], [412], "mismatch status"],
  ["412 against an error", { "if-match": '"a"' }, [412], [503], "mismatch status"],
  ["206 against 200", { range: "bytes=0-1" }, [206], [200], "not-comparable range"],
  ["200 against 206", { range: "bytes=0-1", "if-range": '"a"' }, [200], [206], "not-comparable range"],
  ["206 without a range", {}, [200], [206], "mismatch status"],
  ["416 against 206", { range: "bytes=5-9" }, [206], [416], "mismatch status"],
  ["several ranges", { range: "bytes=0-1,3-4" }, [206, MULTIPART], [206, MULTIPART], "not-comparable range"],
];

for (const [title, headers, expected, actual, result] of CONDITIONAL) {
  Deno.test(`conditional requests and ranges: ${title}`, async () => {
    const respond = ([status, headers = {}]: Reply): Respond => () =>
      new Response(status === 304 ? null : "content", { status, headers });
    const settings = { compare: { noise: "off", ignore: ["body", "header:content-type"] } } as const;
    await using setup = startSetup({ v1: respond(expected), v2: respond(actual) }, { settings });
    await (await setup.handle(get("/", { headers }))).body?.cancel();
    const [{ result: kind, paths, reason }] = await setup.compared(1) as [ComparedEvent];
    assertEquals([kind, ...paths, ...(reason === undefined ? [] : [reason])].join(" "), result);
  });
}

Deno.test("empty bodies match, whatever their coding", async () => {
  const encoded = (bytes: Uint8Array<ArrayBuffer>, coding: string): Respond => () =>
    new Response(bytes, { headers: { "content-encoding": coding } });
  const services = { v1: () => new Response(null), v2: encoded(encode("", "gzip", 9), "gzip") };
  await using setup = startSetup(services, { settings: { compare: { noise: "off", headers: [] } } });
  await (await setup.handle(get())).body?.cancel();
  assertEquals(summary(await setup.compared(1)), ["v2 match"]);
});

Deno.test("equal responses above maxMemory are never mismatches", async () => {
  const body = "x".repeat(200_000);
  const large: Respond = () => new Response(body);
  await using setup = startSetup({ v1: large, v2: large }, {
    settings: { compare: { noise: "off", maxMemory: "1MiB" } },
  });
  await Promise.all(Array.from({ length: 60 }, async () => void await (await setup.handle(get())).bytes()));
  const results = new Set((await setup.compared(60)).map(({ result, reason }) => reason ?? result));
  assert(results.has("memory"));
  assert(!results.has("mismatch"));
  await (await setup.handle(get())).bytes();
  assertEquals(summary(await setup.compared(61)).at(-1), "v2 match");
});

Deno.test("encoded responses are compared by their content", async () => {
  const packed = (value: unknown): Respond => () => {
    const stream = new Response(JSON.stringify(value)).body!.pipeThrough(new CompressionStream("gzip"));
    return new Response(stream, { headers: { "content-type": "application/json", "content-encoding": "gzip" } });
  };
  await using setup = startSetup({ v1: packed({ a: [1, 2] }), v2: json({ a: [1, 2] }), v3: packed({ a: [1, 3] }) });
  await (await setup.handle(get())).body?.cancel();
  assertEquals(summary(await setup.compared(2)).sort(), ["v2 match", "v3 mismatch $.a[*]"]);
});

Deno.test("a replay to the primary measures noise", async () => {
  let count = 0;
  await using setup = startSetup(
    { v1: () => Response.json({ at: ++count }), v2: () => Response.json({ at: ++count }) },
    {
      settings: { compare: { noiseSample: 1 } },
    },
  );
  await (await setup.handle(get())).body?.cancel();
  assertEquals(summary(await setup.compared(2)), ["v2 mismatch $.at", "v1 noise $.at"]);
  assertEquals(setup.services["v1"]!.seen.map(({ headers }) => headers.get("x-conductor-role")), [
    "primary",
    "shadow",
  ]);
  const post = await setup.handle(get("/", { method: "POST", body: "{}" }));
  await post.body?.cancel();
  await setup.compared(3);
  assertEquals(setup.services["v1"]!.seen.length, 3, "POST is not replayed");
});

Deno.test("a control measures noise, and has no verdict", async () => {
  await using setup = startSetup({ v1: json({ at: 5 }), v2: json({ at: 6 }), again: json({ at: 7 }) }, {
    serviceSettings: { again: { control: true } },
  });
  await (await setup.handle(get())).body?.cancel();
  assertEquals(summary(await setup.compared(2)).sort(), ["again noise $.at", "v2 mismatch $.at"]);
  const { endpoints, services } = setup.comparisons.read(0).stats!;
  assertEquals(endpoints.at(-1)?.noise, { compared: 1, fields: [["$.at", 1]] });
  assertEquals(services.map(({ service }) => service), ["v2"]);
});

Deno.test("only the sampled ratio of requests is compared", async () => {
  await using setup = startSetup({ v1: json(1), v2: json(1) }, {
    settings: { compare: { noise: "off", sample: 0.25 } },
  });
  for (let sent = 0; sent < 8; sent++) await (await setup.handle(get())).body?.cancel();
  assertEquals((await setup.compared(2)).length, 2);
});

Deno.test("responses above maxMemory are not comparable, and release the memory that they held", async () => {
  const large: Respond = () => new Response(new Uint8Array(3_000_000));
  await using setup = startSetup({ v1: large, v2: large }, {
    settings: { compare: { noise: "off", maxBody: "4MiB", maxMemory: "1MiB" } },
  });
  for (let sent = 0; sent < 3; sent++) {
    assertEquals((await (await setup.handle(get())).bytes()).length, 3_000_000);
    const { result, reason } = (await setup.compared(sent + 1))[sent]!;
    assertEquals([result, reason], ["not-comparable", "memory"]);
  }
});

Deno.test("a request that the candidate reads too slowly is not comparable", async () => {
  await using main = startBackend((_, body) => new Response(String(body.length)));
  const never = Promise.withResolvers<void>();
  await using candidate = startRawBackend(() => never.promise);
  await using front = startConductor({
    bodyWindow: "64KiB",
    compare: { noise: "off" },
    services: [{ name: "v1", url: main.url }, { name: "v2", url: candidate.url, shadow: true }],
  });
  const size = 32 * 1024 * 1024;
  const response = await fetch(front.url, { method: "POST", body: new Uint8Array(size) });
  assertEquals(await response.text(), String(size));
  const compared = await front.event((event) => event.type === "compared");
  assert(compared.type === "compared");
  assertEquals([compared.service, compared.result, compared.reason], ["v2", "not-comparable", "body-lag"]);
  never.resolve();
});

Deno.test("ComparisonStore keeps its counts if a reload keeps the rules, and resets them if the rules change", async () => {
  await using setup = startSetup({ v1: json(1), v2: json(1) });
  await (await setup.handle(get())).body?.cancel();
  await setup.compared(1);
  const config = (ignore: string[]) =>
    validateConfig({
      port: 9999,
      compare: { noise: "off", ignore },
      services: [
        { name: "v1", url: setup.services["v1"]!.url, primary: true },
        { name: "v2", url: setup.services["v2"]!.url, shadow: true },
      ],
    }).config;
  setup.comparisons.reconfigure(config([]));
  assertEquals(setup.comparisons.read(0).stats?.services[0]?.compared, 1);
  setup.comparisons.reconfigure(config(["$.at"]));
  assertEquals(setup.comparisons.read(0).stats?.services[0]?.compared, 0);
});

Deno.test("a comparison that throws does not end the others", async () => {
  const { promise: thrown, resolve: caught } = Promise.withResolvers<unknown>();
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    caught(event.reason);
  };
  const { promise: counted, resolve: count } = Promise.withResolvers<void>();
  class Failing extends ComparisonStore {
    #calls = 0;
    override reconfigure(): ComparisonCounter {
      return {
        add: () => {
          if (this.#calls++ === 0) throw new Error("a bug");
          count();
        },
        addNotComparable() {},
        addUnavailable() {},
      };
    }
  }
  await using v1 = startBackend();
  await using v2 = startBackend();
  const { config } = validateConfig({
    compare: { noise: "off" },
    services: [{ name: "v1", url: v1.url, primary: true }, { name: "v2", url: v2.url, shadow: true }],
  });
  const handle = createHandler(config, { comparisons: new Failing() });
  globalThis.addEventListener("unhandledrejection", onRejection);
  try {
    await (await handle(get())).body?.cancel();
    assertEquals(String(await thrown), "Error: a bug");
    await (await handle(get())).body?.cancel();
    await counted;
  } finally {
    globalThis.removeEventListener("unhandledrejection", onRejection);
  }
});

Deno.test("replays measure the noise of each endpoint in periodic traffic", async () => {
  await using old = startBackend(() => Response.json({ id: crypto.randomUUID() }));
  await using fresh = startBackend(() => Response.json({ id: crypto.randomUUID() }));
  const { config } = validateConfig({
    compare: true,
    services: [{ name: "old", url: old.url, primary: true }, { name: "fresh", url: fresh.url, shadow: true }],
  });
  const comparisons = new ComparisonStore();
  let compared = Promise.withResolvers<void>();
  const handle = createHandler(config, {
    comparisons,
    observe: ({ type }) => void (type === "compared" && compared.resolve()),
  });
  for (let sent = 0; sent < 500; sent++) {
    const { promise } = compared;
    await (await handle(new Request(`http://conductor/${sent % 2 === 0 ? "page" : "data"}`))).body?.cancel();
    await promise;
    compared = Promise.withResolvers();
  }
  const { mismatches, noise } = makeReport(comparisons.read(0).stats!);
  assertEquals(mismatches, []);
  assertEquals(noise.map(({ endpoint, path }) => `${endpoint} ${path}`).sort(), [
    "GET /data $.id (same form)",
    "GET /page $.id (same form)",
  ]);
});

/** Sends requests one after the other, and waits until nothing is compared or in flight any more. */
async function send(handle: Handler, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) await (await handle(get(`/${sent}`))).body?.cancel();
}

/** Waits for the comparisons of each request, because a replay is left out if too many are in flight. */
async function sendCompared({ handle, compared }: Setup, count: number, comparisons: number): Promise<void> {
  for (let sent = 1; sent <= count; sent++) {
    await send(handle, 1);
    await compared(sent * comparisons);
  }
}

Deno.test("replays are a ratio of what was compared, counted, and none are sent without comparisons", async () => {
  await using old = startBackend(() => Response.json({ a: 1 }));
  await using fresh = startBackend(() => Response.json({ a: 1 }));
  const metrics = new Metrics();
  const { config } = validateConfig({
    compare: { noiseSample: 1 },
    services: [
      { name: "old", url: old.url, primary: true },
      { name: "fresh", url: fresh.url, shadow: true, sample: "5%" },
    ],
  });
  metrics.reconfigure(config);
  let [compared, noise] = [0, 0];
  let wake = () => {};
  const handle = createHandler(config, {
    comparisons: new ComparisonStore(),
    observe: (event) => {
      metrics.observe(event);
      if (event.type !== "compared") return;
      if (event.result === "noise") noise++;
      else compared++;
      wake();
    },
  });
  await send(handle, 400);
  while (noise < 20) await new Promise<void>((resolve) => wake = resolve);
  // Every compared request is replayed, and no other: 5 % of 400.
  assertEquals([compared, noise, fresh.seen.length, old.seen.length], [20, 20, 20, 420]);
  const [primary] = metrics.snapshot().services.filter(({ service }) => service === "old");
  assertEquals([primary?.responses["2xx"], primary?.replays], [420, 20]);
});

Deno.test("a candidate that is down is not ready, and causes no replays while its breaker is open", async () => {
  await using old = startBackend(() => Response.json({ a: 1 }));
  const { config } = validateConfig({
    compare: { noiseSample: 1 },
    services: [
      { name: "old", url: old.url, primary: true },
      { name: "dead", url: "http://127.0.0.1:1", shadow: true, breaker: { failures: 8, window: 8, openFor: "1h" } },
    ],
  });
  const comparisons = new ComparisonStore();
  let compared = 0;
  let noise = 0;
  let wake = () => {};
  const handle = createHandler(config, {
    comparisons,
    observe: (event) => {
      if (event.type !== "compared") return;
      if (event.result === "noise") noise++;
      else compared++;
      wake();
    },
  });
  for (let sent = 0; sent < 8; sent++) {
    await send(handle, 1);
    while (compared <= sent || noise <= sent) await new Promise<void>((resolve) => wake = resolve);
  }
  await send(handle, 40);
  const count = () => comparisons.read(Infinity).stats!.services[0]!.unavailable.requests;
  while (count() < 40) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals([compared, noise, old.seen.length], [8, 8, 56]);
  const { verdict, services: [dead] } = makeReport(comparisons.read(Infinity).stats!);
  assertEquals([verdict, dead!.errorRate, dead!.unavailable], ["not-ready", { primary: 0, service: 1 }, 40]);
  assertStringIncludes(dead!.reasons.join("\n"), "100 % of its responses failed");
});

Deno.test("each version of a candidate is counted apart, and the verdict is about the newest", async () => {
  let version = "1.0";
  await using setup = startSetup({
    v1: json({ a: 1 }),
    v2: () => Response.json({ a: version === "1.0" ? 2 : 1 }, { headers: { "x-version": version } }),
  }, { settings: { compare: { noise: "off", version: "header:X-Version" } } });
  await send(setup.handle, 3);
  await setup.compared(3);
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  version = "1.1";
  await send(setup.handle, 2);
  await setup.compared(5);
  const report = makeReport(setup.comparisons.read(0).stats!, { ...DEFAULT_THRESHOLDS, minRequests: 2 });
  const [{ build, compared, verdict, otherBuilds }] = [report.services[0]!];
  assertEquals([report.services.length, build, compared, verdict], [1, "1.1", 2, "ready"]);
  assertEquals(otherBuilds.map(({ build, compared, verdict }) => [build, compared, verdict]), [[
    "1.0",
    3,
    "not-ready",
  ]]);
  assertEquals(report.mismatches, []);
});

Deno.test("a regression in a page whose token always differs is a mismatch, and so is a broken token", async () => {
  const page = (token: string, text: string) => () =>
    new Response(`<form>\n<input name="csrf" value="${token}">\n</form>\n<p>${text}</p>\n`, {
      headers: { "content-type": "text/html" },
    });
  const token = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24)))).replaceAll("/", "x");
  await using setup = startSetup({
    v1: () => page(token(), "Sum 1")(),
    alike: () => page(token(), "Sum 1")(),
    broken: () => page("", "Sum 1")(),
    wrong: () => page(token(), "Sum 2")(),
  }, { settings: { compare: { noiseSample: 1 } } });
  await sendCompared(setup, 40, 4);
  const report = makeReport(setup.comparisons.read(0).stats!, {
    ...DEFAULT_THRESHOLDS,
    minRequests: 40,
    maxLatencyRatio: 1_000,
  });
  assertEquals(report.services.map(({ service, verdict }) => [service, verdict]), [
    ["alike", "ready"],
    ["broken", "not-ready"],
    ["wrong", "not-ready"],
  ]);
  assertEquals(report.neverComparable, []);
});

Deno.test("a shuffled list is comparable, and one wrong price in it is a mismatch", async () => {
  const shuffled = (last: number) => () =>
    Response.json({
      items: [1, 2, 3, 4, last].map((price) => [Math.random(), { price }] as const)
        .toSorted(([a], [b]) => a - b).map(([, item]) => item),
    });
  await using setup = startSetup({ v1: shuffled(5), alike: shuffled(5), wrong: shuffled(6) }, {
    settings: { compare: { noiseSample: 1 } },
  });
  await sendCompared(setup, 60, 3);
  const report = makeReport(setup.comparisons.read(0).stats!, {
    ...DEFAULT_THRESHOLDS,
    minRequests: 60,
    maxLatencyRatio: 1_000,
  });
  assertEquals(report.services.map(({ service, verdict }) => [service, verdict]), [
    ["alike", "ready"],
    ["wrong", "not-ready"],
  ]);
});

Deno.test("a number that always differs is never comparable, which the report names", async () => {
  const took = () => Response.json({ took: Math.random() * 100 });
  await using setup = startSetup({ v1: took, v2: took }, { settings: { compare: { noiseSample: 1 } } });
  await sendCompared(setup, 40, 2);
  const thresholds = { ...DEFAULT_THRESHOLDS, minRequests: 40, maxLatencyRatio: 1_000 };
  const { stats } = setup.comparisons.read(0);
  const report = makeReport(stats!, thresholds);
  assertEquals(report.verdict, "not-enough-traffic");
  assertEquals(report.neverComparable.map(({ path, share }) => [path, share]), [["$.took", 1]]);
  assertEquals(report.services[0]!.reasons, ["not comparable: 100 % (limit 5 %; always different in 100 %)"]);
  const marks = [{ route: report.services[0]!.route, path: "$.took", timeMs: 5 }];
  const marked = makeReport(stats!, thresholds, marks);
  assertEquals([marked.verdict, marked.marks[0]!.differing > 0, marked.noise[0]!.markedMs], ["ready", true, 5]);
});

Deno.test("GraphQL requests are counted by operation, and a response with errors counts as an error", async () => {
  const respond = (errors: boolean): Respond => (_, body) => {
    const { query } = JSON.parse(body);
    return Response.json({ data: { echo: query.length }, ...(errors && { errors: [{ message: "no" }] }) });
  };
  await using setup = startSetup({ v1: respond(false), v2: respond(true) });
  const send = async (body: unknown) => {
    const response = await setup.handle(post("/api/graphql", JSON.stringify(body)));
    await response.body?.cancel();
  };
  await send({ query: "# query Other\nquery Orders($id: ID!) { order(id: $id) { id } }" });
  await send({ query: "query A { a } mutation B { b }", operationName: "B" });
  await send({ query: "{ a }" });
  const events = await setup.compared(3);
  assertEquals(summary(events), Array(3).fill("v2 mismatch $.errors"));
  const { stats } = setup.comparisons.read(0);
  assertEquals(stats?.endpoints.map(({ endpoint }) => endpoint).sort(), [
    "POST /api/graphql Mutation.B",
    "POST /api/graphql Query",
    "POST /api/graphql Query.Orders",
    "…",
  ]);
  assertEquals(stats?.services.map(({ responses, primary }) => [primary.errors, responses.errors]), [[0, 3]]);
});

Deno.test("POST requests are replayed with their body if the configuration says so, otherwise never", async () => {
  const bodies: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const echo: Respond = (_, body) => {
    bodies.push(body);
    if (bodies.length === 3) resolve();
    return Response.json({ count: count++ });
  };
  await using setup = startSetup({ v1: echo, v2: json({ count: 0 }) }, {
    settings: { compare: { noiseSample: 1, replayable: "POST /search/{kind}" } },
  });
  for (const path of ["/orders", "/search/all"]) {
    const response = await setup.handle(post(path, `for ${path}`));
    await response.body?.cancel();
  }
  await promise;
  assertEquals(bodies, ["for /orders", "for /search/all", "for /search/all"]);
  const events = await setup.compared(3);
  assertEquals(summary(events.slice(2)), ["v1 noise $.count"]);
});
