/** Limits on the work, time and memory of comparisons. Above them, responses are not comparable. */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { type CapturedAttempt, ResponseCapture } from "../../src/compare/response_capture.ts";
import { compareResponses, MAX_COMPARISON_STEPS } from "../../src/compare/compare_responses.ts";
import { ComparisonEngine } from "../../src/compare/comparison_engine.ts";
import { ComparisonStats, mergeSnapshots } from "../../src/compare/comparison_stats.ts";
import type { NotComparable } from "../../src/compare/comparison.ts";
import { makeReport } from "../../src/compare/make_report.ts";
import { MemoryBudget } from "../../src/lib/memory_budget.ts";
import { DEFAULT_THRESHOLDS } from "../../src/compare/report_thresholds.ts";
import { renderMarkdown } from "../../src/compare/render_markdown.ts";
import { renderText } from "../../src/compare/render_text.ts";
import { sampleOfBody } from "../../src/compare/sample_body.ts";
import type { Config, Route } from "../../src/config/config.ts";
import type { CompareInput } from "../../src/config/input.ts";
import { validateConfig } from "../../src/config/validate.ts";
import type { ConductorEvent } from "../../src/observe/events.ts";
import { ResponseOutcome } from "../../src/upstream/attempt.ts";
import type { Transport } from "../../src/upstream/transport.ts";
import type { ReceivedRequest } from "../../src/http/received_request.ts";
import { StepBudget } from "../../src/lib/step_budget.ts";
import { createPaint } from "../../src/lib/paint.ts";
import { capturedResponse, compareRules, comparison } from "../_support/comparisons.ts";

type Rules = Readonly<Record<string, unknown>>;

const FORM = "application/x-www-form-urlencoded";
const LINES = "application/x-ndjson";
/**
 * Maximum time of one comparison in milliseconds, on a busy machine, with cold code and coverage. Without a budget it
 * takes tens of seconds.
 */
const MAX_MS = 5_000;

function many(count: number, write: (index: number) => string, separator = ","): string {
  return Array.from({ length: count }, (_, index) => write(index)).join(separator);
}

function nested(count: number, first: number): string {
  return `[${many(count, (index) => `${"[".repeat(90)}${first + index}${"]".repeat(90)}`)}]`;
}

function object(count: number, first: number): string {
  return `{${many(count, (index) => `"k${first + index}":${index}`)}}`;
}

function page(count: number, price: number): { id: number; name: string; price: number; tags: string[] }[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    name: `an item, with a name ${id}`,
    price: price + id,
    tags: ["new", "red"],
  }));
}

// Columns: reason for the cost; two bodies; the content type; rules.
const COSTLY: readonly (readonly [title: string, a: string, b: string, type: string, rules: Rules])[] = [
  ["nested arrays in any order", nested(11_000, 1e6), nested(11_000, 2e6), "application/json", { arrays: "unordered" }],
  ["nested arrays", nested(11_000, 1e6), ` ${nested(11_000, 2e6)}`, "application/json", {}],
  ["empty arrays", `[${"[],".repeat(700_000)}1]`, `[${"[],".repeat(700_000)}2 ]`, "application/json", {}],
  ["many keys in one object", object(100_000, 0), object(100_000, 1), "application/json", {}],
  ["long numbers", `[${many(100_000, (n) => `1234567890123456${n}`)}]`, `[ 1]`, "application/json", {}],
  ["a number of a megabyte", "1".repeat(1e6), `${"1".repeat(1e6 - 1)}2`, "application/json", {}],
  [
    "numbers within a tolerance, in any order",
    `[${many(60_000, (n) => `${n}.5`)}]`,
    `[0,${many(60_000, (n) => `${n}.51`)}]`,
    "application/json",
    { tolerance: { relative: "1%" }, arrays: "unordered" },
  ],
  [
    "ignored paths in a large array",
    JSON.stringify(page(20_000, 1)),
    JSON.stringify(page(20_000, 2).reverse()),
    "application/json",
    { ignore: ["$..a..b..c", "$[*].*.x", "$..price"], arrays: "unordered" },
  ],
  [
    "large elements without an equal one",
    `[${many(40, (n) => object(3_000, n * 10_000))}]`,
    `[${many(40, (n) => object(3_000, n * 10_000 + 1))}]`,
    "application/json",
    { arrays: "unordered" },
  ],
  ["lines of JSON", many(100_000, () => "{}", "\n"), many(99_999, () => "{}", "\n"), LINES, {}],
  ["a million lines", many(1e6, (n) => `l${n % 7}`, "\n"), many(1e6, (n) => `l${n % 7}`, "\n") + "x", "text/plain", {}],
  ["a multi-byte character set", "é".repeat(1.2e6), `${"é".repeat(1.2e6)}x`, "text/plain; charset=gb18030", {}],
  ["markup", "<a> ".repeat(1e6), "<a>  ".repeat(1e6), "text/html", {}],
  ["nested elements", "<a>".repeat(3e5), `${"<a>".repeat(3e5)}<b>`, "text/html", {}],
  ["end tags without an element", `${"<p>".repeat(150)}${"</q>".repeat(1e5)}`, "</q>".repeat(1e5), "text/xml", {}],
  ["attributes", `<a ${"b=\"' ".repeat(1e5)}`, `<a ${"c='\" ".repeat(1e5)}`, "text/html", {}],
  ["marks that are no tags", `<a>${"< ".repeat(2e5)}`, `<a>${"< ".repeat(2e5)}x`, "text/html", {}],
  ["a form of 100,000 fields", many(1e5, (n) => `f${n}=1`, "&"), many(1e5, (n) => `f${n}=2`, "&"), FORM, {}],
  ["a form of one field", many(3e5, () => "a", "&"), many(299_999, () => "a", "&"), FORM, {}],
  [
    "long texts that are normalised",
    JSON.stringify(Array.from({ length: 20_000 }, (_, n) => `${"ab ".repeat(300)}${n}`)),
    JSON.stringify(Array.from({ length: 20_000 }, (_, n) => `${"ab ".repeat(300)}${n + 1}`)),
    "application/json",
    { normalise: [{ pattern: "[0-9]+" }, { pattern: "b a" }] },
  ],
];

for (const [title, a, b, type, rules] of COSTLY) {
  Deno.test(`compareResponses() stops a comparison that is too expensive: ${title}`, () => {
    const [expected, actual] = [capturedResponse({ body: a, type }), capturedResponse({ body: b, type })];
    const startMs = performance.now();
    const result = compareResponses(expected, actual, compareRules(rules));
    assertLess(performance.now() - startMs, MAX_MS);
    assertEquals(result, { differences: [], notComparable: "costly" });
  });
}

// Columns: reason for the size; two bodies; the content type; rules; the paths that differ.
const COMPARABLE: readonly (readonly [string, a: string, b: string, type: string, rules: Rules, paths: string[]])[] = [
  ["64 MiB of equal bytes", "x".repeat(67_108_864), "x".repeat(67_108_864), "text/plain", {}, []],
  [
    "one byte at the end of 2 MiB",
    "x".repeat(2_097_152),
    `${"x".repeat(2_097_151)}y`,
    "text/plain",
    {},
    ["body"],
  ],
  [
    "256 KiB of JSON in any order",
    JSON.stringify(page(3_000, 1)),
    JSON.stringify(page(3_000, 2).reverse()),
    "application/json",
    { arrays: "unordered", ignore: ["$[*].price", "$..updatedAt"] },
    [],
  ],
  [
    "256 KiB of JSON in other words",
    JSON.stringify(page(3_000, 1)),
    JSON.stringify(page(3_000, 2), undefined, 1),
    "application/json",
    {},
    ["$[*].price"],
  ],
  [
    "a document 10,000 levels deep",
    `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
    `${"[".repeat(10_000)}1${"]".repeat(10_000)}`,
    "application/json",
    { arrays: "unordered" },
    [`$${"[*]".repeat(100)}`],
  ],
  ["a key many times", `{${'"a":1,'.repeat(30_000)}"a":1}`, `{${'"a":1,'.repeat(30_000)}"a":2}`, "text/json", {}, [
    "$.a",
  ]],
  ["Unicode", `["${"é".repeat(5e5)}"]`, `[ "${"é".repeat(5e5 - 1)}e"]`, "application/json", {}, ["$[*]"]],
];

for (const [title, a, b, type, rules, paths] of COMPARABLE) {
  Deno.test(`compareResponses() compares large bodies that are not too expensive: ${title}`, () => {
    const [expected, actual] = [capturedResponse({ body: a, type }), capturedResponse({ body: b, type })];
    const startMs = performance.now();
    const { differences, notComparable } = compareResponses(expected, actual, compareRules(rules));
    assertLess(performance.now() - startMs, MAX_MS);
    assertEquals([notComparable, differences.map(({ path }) => path)], [undefined, paths]);
  });
}

Deno.test("compareResponses() takes the same steps for the same responses at any speed", () => {
  const expected = capturedResponse({ body: JSON.stringify(page(100, 1)) });
  const actual = capturedResponse({ body: JSON.stringify(page(100, 2), undefined, 1) });
  const rules = compareRules({ arrays: "unordered" });
  let [enough, tooFew] = [MAX_COMPARISON_STEPS, 0];
  while (enough - tooFew > 1) {
    const steps = Math.floor((enough + tooFew) / 2);
    if (compareResponses(expected, actual, rules, new StepBudget(steps)).notComparable === undefined) enough = steps;
    else tooFew = steps;
  }
  for (let again = 0; again < 3; again++) {
    assertEquals(compareResponses(expected, actual, rules, new StepBudget(enough)).notComparable, undefined);
    assertEquals(compareResponses(expected, actual, rules, new StepBudget(tooFew)).notComparable, "costly");
  }
});

Deno.test("sampleOfBody() shows only the length of a body that is too expensive to show", () => {
  const large = capturedResponse({ body: `[${"[],".repeat(700_000)}1]` });
  assert(large.ok);
  assertEquals(sampleOfBody(large.response, compareRules()), "2100003 bytes");
});

/** Returns the configuration of a primary and a shadow, with their route. */
function pairOf(compare: CompareInput): { readonly config: Config; readonly route: Route } {
  const { config } = validateConfig({
    compare,
    services: [
      { name: "v1", url: "http://localhost:1", primary: true },
      { name: "v2", url: "http://localhost:2", shadow: true },
    ],
  });
  return { config, route: config.routes[0]! };
}

const NO_PAGES: Transport = () => Promise.reject(new Error("no version page is configured"));
const CLIENT_REQUEST: ReceivedRequest = {
  requestId: "id-1",
  method: "GET",
  path: "/",
  matchPath: "/",
  query: "",
  authority: "conductor",
  headers: [["x-long", "v".repeat(10_000)]],
  contentLength: undefined,
};
const { config: CONFIG } = validateConfig({
  compare: { noise: "off", maxMemory: "1MiB" },
  services: [
    { name: "v1", url: "http://localhost:1", primary: true },
    { name: "v2", url: "http://localhost:2", shadow: true },
  ],
});
const ROUTE = CONFIG.routes[0]!;
const SERVICES = ROUTE.members.map(({ service }) => service);

/** An attempt with a response. */
function attempt(index: number, body: Uint8Array<ArrayBuffer> | null = null): CapturedAttempt & { tap: undefined } {
  return {
    service: SERVICES[index]!,
    role: index === 0 ? "primary" : "shadow",
    outcome: new ResponseOutcome({ status: 200, headers: [], body }, true),
    settledOrder: 1,
    durationMs: 1,
    abortReason: undefined,
    tap: undefined,
  };
}

function engineWith(skipped: NotComparable[], onAdd = () => {}): ComparisonEngine {
  return new ComparisonEngine(CONFIG, {
    count: { add: onAdd, addNotComparable: (comparison) => void skipped.push(comparison), addUnavailable() {} },
    observe: undefined,
    now: () => performance.now(),
    replay() {},
    transport: NO_PAGES,
  });
}

function exchange(engine: ComparisonEngine, attempts = [attempt(0), attempt(1)], route = ROUTE): void {
  const capture = engine.begin(CLIENT_REQUEST, route, { body: null });
  if (capture === undefined) return;
  for (const each of attempts) {
    capture.started(each);
    capture.finished(each);
  }
  capture.seal();
}

Deno.test("ComparisonEngine counts requests without memory, and compares again once memory is free", async () => {
  const skipped: NotComparable[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  let compared = 0;
  const engine = engineWith(skipped, () => {
    if (++compared + skipped.length === 200) resolve();
  });
  for (let sent = 0; sent < 200; sent++) exchange(engine);
  assertGreater(skipped.length, 100);
  const { requestId, method, path } = CLIENT_REQUEST;
  assertEquals(skipped[0], {
    requestId,
    route: "path /",
    endpoint: `${method} ${path}`,
    service: "v2",
    reason: "memory",
    isNoise: false,
  });
  await promise;
  const before = skipped.length;
  exchange(engine);
  assertEquals(skipped.length, before);
});

Deno.test("ResponseCapture holds 1-byte chunks in no more memory than it has reserved", () => {
  const budget = new MemoryBudget(1_048_576);
  const streamed = { status: 200, headers: [], body: new ReadableStream<Uint8Array<ArrayBuffer>>() };
  const capture = new ResponseCapture({ ...attempt(1), outcome: new ResponseOutcome(streamed, true) }, options(budget));
  const chunk = new Uint8Array(65_536).subarray(0, 1);
  const before = heldBytes();
  for (let seen = 0; seen < 262_144; seen++) capture.onChunk(chunk);
  assertLess(heldBytes() - before, 10_000_000);
  assertGreater(budget.usedBytes, 262_144);
  assertLess(budget.usedBytes, 300_000);
  capture.onEnd();
  capture.finish();
  const captured = capture.outcome;
  assert(captured?.ok);
  assertEquals([captured.response.body?.length, captured.response.body?.cut], [262_144, false]);
  capture.release();
  assertEquals(budget.usedBytes, 0);
});

function options(budget: MemoryBudget) {
  return { maxBytes: 262_144, budget, key: [1, 2], now: () => 0 } as const;
}

function heldBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

Deno.test("ResponseCapture copies a small body out of a shared buffer", () => {
  const budget = new MemoryBudget(1_048_576);
  const shared = new Uint8Array(65_536).fill(7);
  const capture = new ResponseCapture(attempt(1, shared.subarray(100, 110)), options(budget));
  capture.finish();
  const captured = capture.outcome;
  assert(captured?.ok);
  const { bytes } = captured.response.body!;
  assertEquals([...bytes], Array(10).fill(7));
  assertLess(bytes.buffer.byteLength, 2_000);
});

Deno.test("ResponseCapture reserves memory for header lines; without it, the response is not comparable", () => {
  const budget = new MemoryBudget(20_000);
  const headers = Array.from({ length: 100 }, (_, index) => [`x-${index}`, "v".repeat(500)] as const);
  const capture = new ResponseCapture(
    { ...attempt(1), outcome: new ResponseOutcome({ status: 200, headers, body: null }, true) },
    options(budget),
  );
  capture.finish();
  const captured = capture.outcome;
  assert(captured?.ok);
  assertEquals([captured.response.headers.length, captured.response.body?.cutBy], [0, "memory"]);
  assertEquals(compareResponses(capturedResponse({}), captured, compareRules()).notComparable, "memory");
  capture.release();
  assertEquals(budget.usedBytes, 0);
});

const ROUTE_NAME = "pathPrefix /api";

function statsOf(compared: number, notComparable: number): ComparisonStats {
  const stats = new ComparisonStats();
  const options = { endpoint: "GET /", samples: "none" } as const;
  for (let count = 0; count < compared; count++) stats.add(comparison(), options);
  const skipped = { requestId: "id", route: ROUTE_NAME, endpoint: "GET /", service: "v2" };
  for (let count = 0; count < notComparable; count++) {
    stats.addNotComparable({ ...skipped, isNoise: false, reason: count % 4 === 0 ? "busy" : "costly" });
    stats.addNotComparable({ ...skipped, isNoise: true, reason: "costly" });
  }
  return stats;
}

Deno.test("makeReport() never says ready if fewer than 95 % of the responses are comparable", () => {
  const thresholds = { ...DEFAULT_THRESHOLDS, minRequests: 100 };
  const [few, some] = [
    makeReport(statsOf(200, 10).snapshot(), thresholds),
    makeReport(statsOf(200, 12).snapshot(), thresholds),
  ];
  assertEquals([few.verdict, few.compared, few.notComparable], ["ready", 200, 10]);
  assertEquals([some.verdict, some.matchRate, some.services[0]?.notComparable], [
    "not-enough-traffic",
    1,
    { busy: 3, costly: 9 },
  ]);
  assertEquals(some.services[0]!.reasons, ["not comparable: 5.66 % (limit 5 %; costly 9, busy 3)"]);
  assertStringIncludes(renderText(some, createPaint(false)), "  not comparable: 5.66 % (costly 9, busy 3)\n");
  assertStringIncludes(renderText(some, createPaint(false)), "  9      4.25 %  v2       GET /     costly\n");
  assertStringIncludes(renderMarkdown(some), "12 responses were not comparable");
  assertStringIncludes(renderMarkdown(some), "| 9 | 4.25 % | `v2` | `GET /` | costly |");
});

Deno.test("makeReport() gives the reasons if nothing was comparable", () => {
  const { verdict, services: [service] } = makeReport(statsOf(0, 4).snapshot());
  assertEquals(verdict, "not-enough-traffic");
  assertStringIncludes(service!.reasons.join(), "not comparable: 100 % (limit 5 %; costly 3, busy 1)");
});

Deno.test("mergeSnapshots() adds up the counts of responses that were not comparable", () => {
  const snapshot = structuredClone(statsOf(1, 4).snapshot());
  const merged = mergeSnapshots([snapshot, snapshot]);
  assertEquals(merged.services[0]?.notComparable, { busy: 2, costly: 6 });
  const entry = { route: ROUTE_NAME, endpoint: "GET /", service: "v2" };
  assertEquals(makeReport(merged).notComparableAt, [
    { ...entry, reason: "costly", count: 6, rate: 0.6 },
    { ...entry, reason: "busy", count: 2, rate: 0.2 },
  ]);
});

Deno.test("makeReport() takes about as long with 1,000 marks as without", () => {
  const stats = new ComparisonStats();
  for (let endpoint = 0; endpoint < 80; endpoint++) {
    for (let from = 0; from < 250; from += 50) {
      const paths = Array.from({ length: 50 }, (_, index) => `$.data.items[*].attributes.field${from + index}`);
      stats.add(comparison(paths), { endpoint: `GET /${endpoint}`, samples: "none" });
    }
  }
  const snapshot = stats.snapshot();
  const marks = Array.from({ length: 1_000 }, (_, index) => ({ route: ROUTE_NAME, path: `$.data.other${index}` }));
  const bestMs = (given: typeof marks) =>
    Math.min(...Array.from({ length: 5 }, () => {
      const startMs = performance.now();
      assertEquals(makeReport(snapshot, undefined, given).compared, 400);
      return performance.now() - startMs;
    }));
  const noneMs = bestMs([]);
  assertLess(bestMs(marks), 8 * noneMs + 10);
});

Deno.test("ComparisonEngine without memory does not count services that are not sent the request", () => {
  const skipped: NotComparable[] = [];
  const engine = engineWith(skipped);
  for (let sent = 0; sent < 200; sent++) exchange(engine);
  const before = skipped.length;
  assertGreater(before, 100);
  // Such as a POST, which is not mirrored by default.
  exchange(engine, [attempt(0)]);
  assertEquals(skipped.length, before);
});

Deno.test("ComparisonEngine with a full queue does not count services that are not sent the request", () => {
  const skipped: NotComparable[] = [];
  const { config, route } = pairOf({ noise: "off", maxMemory: "64MiB" });
  const services = route.members.map(({ service }) => service);
  const engine = new ComparisonEngine(config, {
    count: { add() {}, addNotComparable: (comparison) => void skipped.push(comparison), addUnavailable() {} },
    observe: undefined,
    // No time passes, so that no sample is taken.
    now: () => 0,
    replay() {},
    transport: NO_PAGES,
  });
  const send = (names: readonly number[]) => {
    const capture = engine.begin(CLIENT_REQUEST, route, { body: null })!;
    const attempts = names.map((index) => ({ ...attempt(index), service: services[index]! }));
    for (const each of attempts) capture.started(each);
    capture.seal();
    return () => attempts.forEach((each) => capture.finished(each));
  };
  // Starts before the queue is full, and ends when it is.
  const [finishBoth, finishOne] = [send([0, 1]), send([0])];
  for (let sent = 0; sent < 1_100; sent++) send([0])();
  assertEquals(skipped.length, 0);
  finishOne();
  assertEquals(skipped.length, 0);
  finishBoth();
  assertEquals(skipped.map(({ service, reason }) => [service, reason]), [["v2", "busy"]]);
});

Deno.test("ComparisonEngine takes at most a tenth of the event loop's time under any load", async () => {
  using time = new FakeTime();
  let compared = 0;
  const engine = new ComparisonEngine(CONFIG, {
    // Each comparison takes 10 ms.
    count: { add: () => (compared++, void time.tick(10)), addNotComparable() {}, addUnavailable() {} },
    observe: undefined,
    now: () => Date.now(),
    replay() {},
    transport: NO_PAGES,
  });
  const startMs = Date.now();
  for (let sent = 0; sent < 40; sent++) exchange(engine);
  while (compared < 40) await time.nextAsync();
  const tookMs = Date.now() - startMs;
  // The burst takes 50 ms of the 400 ms at once.
  assertGreater(tookMs, 3_200);
  assertLess(tookMs, 5_000);
});

Deno.test("ComparisonEngine leaves requests out at random if there is no time for all, which says nothing about a service", async () => {
  using time = new FakeTime();
  const stats = new ComparisonStats();
  const events: ConductorEvent[] = [];
  const { config, route } = pairOf({ noise: "off" });
  const attempts = () => route.members.map(({ service }, index) => ({ ...attempt(index), service }));
  const engine = new ComparisonEngine(config, {
    // Each comparison takes 1 ms, so that 100 of 1,000 requests per second can be compared.
    count: {
      add: (comparison, options) => (stats.add(comparison, options), void time.tick(1)),
      addNotComparable: (skipped) => stats.addNotComparable(skipped),
      addUnavailable() {},
    },
    observe: (event) => void events.push(event),
    transport: NO_PAGES,
    now: () => Date.now(),
    replay() {},
  });
  let sent = 0;
  const startMs = Date.now();
  while (sent < 10_000) {
    for (const dueAt = Date.now() - startMs; sent < dueAt; sent++) exchange(engine, attempts(), route);
    await time.tickAsync(5);
  }
  const snapshot = stats.snapshot();
  const { compared, notComparable } = snapshot.services[0]!;
  const leftOut = notComparable["no-time"]!;
  assertGreater(compared, 800);
  assertLess(compared, 1_700);
  assertEquals(Object.keys(notComparable), ["no-time"]);
  assertGreater(leftOut + compared, 9_000);
  const report = makeReport(snapshot, { ...DEFAULT_THRESHOLDS, minRequests: 500, maxLatencyRatio: 1_000 });
  const [service] = report.services;
  assertEquals([report.verdict, report.notComparable, service!.comparable], ["ready", 0, 1]);
  assertAlmostEquals(service!.sampled, compared / (compared + leftOut), 1e-9);
  assertMatch(renderText(report, createPaint(false)), /\n {2}sampled {2}[\d.]+ % of the requests, at random/);
  assertMatch(renderMarkdown(report), /[\d.]+ % of the requests to `[^`]+` were compared, selected at random/);
  const reasons = events.flatMap((event) => event.type === "compared" ? event.reason ?? [] : []);
  assertEquals(reasons.length, leftOut);
});

Deno.test("ComparisonEngine leaves large and small responses out alike, before its memory is used up", async () => {
  using time = new FakeTime();
  const { config, route } = pairOf({ noise: "off" });
  const reasons: Record<string, number> = {};
  const compared = { large: 0, small: 0 };
  const engine = new ComparisonEngine(config, {
    // Each comparison takes 5 ms, so that 20 of 200 requests per second can be compared.
    count: {
      add: ({ expected }) => {
        compared[expected.ok && expected.response.body!.length > 1 ? "large" : "small"]++;
        time.tick(5);
      },
      addNotComparable: ({ reason }) => void (reasons[reason] = (reasons[reason] ?? 0) + 1),
      addUnavailable() {},
    },
    observe: undefined,
    transport: NO_PAGES,
    now: () => Date.now(),
    replay() {},
  });
  const bodies = [new Uint8Array(250_000), new Uint8Array(1)] as const;
  let sent = 0;
  const startMs = Date.now();
  while (sent < 5_000) {
    for (const dueAt = (Date.now() - startMs) / 5; sent < dueAt; sent++) {
      const body = bodies[sent % 2];
      exchange(engine, route.members.map(({ service }, index) => ({ ...attempt(index, body), service })), route);
    }
    await time.tickAsync(5);
  }
  assertEquals(Object.keys(reasons), ["no-time"]);
  assertGreater(compared.large + compared.small, 350);
  assertAlmostEquals(compared.large / (compared.large + compared.small), 0.5, 0.1);
});

Deno.test("ComparisonEngine delays replays above eight, instead of leaving them out", async () => {
  using time = new FakeTime();
  const { config, route } = pairOf({ noiseSample: 1 });
  let [running, most, replayed] = [0, 0, 0];
  const engine = new ComparisonEngine(config, {
    transport: NO_PAGES,
    count: undefined,
    observe: undefined,
    now: () => Date.now(),
    replay(capture, service) {
      most = Math.max(most, ++running);
      replayed++;
      const again = { ...attempt(0), service };
      capture.started(again);
      setTimeout(() => {
        running--;
        capture.finished(again);
      }, 100);
    },
  });
  for (let sent = 0; sent < 40; sent++) {
    exchange(engine, route.members.map(({ service }, index) => ({ ...attempt(index), service })), route);
  }
  for (let turn = 0; turn < 100; turn++) await time.tickAsync(10);
  assertEquals([most, replayed, running], [8, 40, 0]);
});
