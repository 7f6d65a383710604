/** The report: verdicts, the admin response, and rendering. */

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Comparison } from "../../src/compare/comparison.ts";
import { ComparisonStats, mergeSnapshots } from "../../src/compare/comparison_stats.ts";
import { makeReport } from "../../src/compare/make_report.ts";
import { DEFAULT_THRESHOLDS, readReportQuery } from "../../src/compare/report_thresholds.ts";
import { renderMarkdown } from "../../src/compare/render_markdown.ts";
import { renderText } from "../../src/compare/render_text.ts";
import type { Report } from "../../src/compare/report.ts";
import { respondReport } from "../../src/compare/admin_responses.ts";
import { createPaint } from "../../src/lib/paint.ts";
import { capturedStatus, comparison } from "../_support/comparisons.ts";

const ROUTE = "pathPrefix /api";
const GET = "GET /users/{id}";
const POST = "POST /users";
/** A time that differs in the same form. */
const TIME = "$.time (same form)";
const SINCE_MS = Date.UTC(2026, 10, 30, 14, 2);
const THRESHOLDS = { ...DEFAULT_THRESHOLDS, minRequests: 1_000 };

/** Equal comparisons. */
interface Batch {
  readonly count: number;
  readonly paths?: readonly string[];
  readonly endpoint?: string;
  readonly with?: Partial<Comparison>;
}

function statsOf(...batches: readonly Batch[]): ComparisonStats {
  const stats = new ComparisonStats({
    expected: [{ route: ROUTE, service: "v2" }],
    random: () => 0.5,
    now: () => SINCE_MS,
  });
  for (const { count, paths, endpoint = GET, with: overrides } of batches) {
    for (let n = 0; n < count; n++) {
      stats.add(comparison(paths, { requestId: `id-${n}`, ...overrides }), { endpoint, samples: "values" });
    }
  }
  return stats;
}

function reportOf(...batches: readonly Batch[]): Report {
  return makeReport(statsOf(...batches).snapshot(), THRESHOLDS);
}

function noise(count: number, paths: readonly string[] = [], endpoint = GET): Batch {
  return { count, paths, endpoint, with: { isNoise: true, service: "control" } };
}

function pathsOf(fields: readonly { readonly path: string }[]): string[] {
  return fields.map(({ path }) => path);
}

Deno.test("makeReport() says ready if the responses differ only by noise", () => {
  const report = reportOf({ count: 2_000, paths: [TIME] }, noise(200, [TIME]));
  assertEquals([report.verdict, report.compared, report.matchRate], ["ready", 2_000, 1]);
  assertEquals([report.mismatches, pathsOf(report.noise)], [[], [TIME]]);
  assertEquals(report.services[0]!.reasons, []);
});

Deno.test("makeReport() finds a planted regression among timestamps, and shows samples of it", () => {
  const { verdict, matchRate, mismatches, noise: noisy, services } = reportOf(
    { count: 900, paths: [TIME] },
    { count: 100, paths: [TIME, "$.items[*].price"] },
    noise(100, [TIME]),
  );
  assertEquals([verdict, matchRate, pathsOf(mismatches), pathsOf(noisy)], ["not-ready", 0.9, ["$.items[*].price"], [
    TIME,
  ]]);
  const [{ rate, noiseRate, differing, compared, samples, endpoint, route, service }] = [mismatches[0]!];
  assertEquals([rate, noiseRate, differing, compared], [0.1, 0, 100, 1_000]);
  assertEquals([route, endpoint, service], [ROUTE, GET, "v2"]);
  assertEquals(samples.length, 5);
  assertEquals(samples[0], { requestId: "id-0", method: "GET", path: "/api/users/1", expected: "1", actual: "2" });
  assertEquals(services[0]!.reasons, ["10 % of the comparisons are mismatches (limit 0.1 %)"]);
  assertAlmostEquals(services[0]!.matchRate.low, 0.88, 0.01);
});

Deno.test("makeReport() counts every difference as a mismatch without noise measurements", () => {
  const { verdict, mismatches } = reportOf({ count: 997 }, { count: 3, paths: ["$.a"] });
  assertEquals([verdict, pathsOf(mismatches)], ["not-ready", ["$.a"]]);
});

Deno.test("makeReport() decides on no times and identifiers without noise measurements", () => {
  const { verdict, mismatches, undecided, services } = reportOf({ count: 1_000, endpoint: POST, paths: [TIME] });
  assertEquals([verdict, mismatches, pathsOf(undecided)], ["not-enough-traffic", [], [TIME]]);
  assertMatch(services[0]!.reasons[0]!, /compared with itself too rarely \(POST: never\)/);
});

Deno.test("makeReport() counts every difference as a mismatch at an endpoint that is never replayed, such as POST", () => {
  const report = reportOf(
    { count: 900 },
    { count: 100, endpoint: POST, paths: ["$.id"] },
    { count: 5, endpoint: "GET /rare", paths: [TIME] },
    noise(90),
  );
  assertEquals([pathsOf(report.mismatches), pathsOf(report.undecided)], [["$.id"], [TIME]]);
});

Deno.test("makeReport() requires more traffic if too few comparisons exclude noise", () => {
  const { verdict, mismatches, undecided, services } = reportOf(
    { count: 990 },
    { count: 10, paths: ["$.a"] },
    noise(20),
  );
  assertEquals([verdict, mismatches, pathsOf(undecided)], ["not-enough-traffic", [], ["$.a"]]);
  assertMatch(
    services[0]!.reasons[0]!,
    /^1 % of the comparisons differ in undecided fields \(limit 0\.1 %\): the primary was compared with itself too rarely/,
  );
  assertEquals([services[0]!.undecidedCount, services[0]!.matchRate.value], [10, 1]);
});

Deno.test("a report whose comparisons are all undecided shows no match rate", () => {
  const report = reportOf({ count: 10, paths: ["$.a"] }, noise(1));
  assertEquals([report.compared, report.undecidedCount], [10, 10]);
  assertMatch(
    renderText(report, createPaint(false)),
    /^not enough traffic: since .* UTC, 10 comparisons, 10 undecided\n/,
  );
  assertStringIncludes(renderText(report, createPaint(false)), "  match    –, 10 undecided\n");
});

for (const [prefix, collective] of [["$.", "$.…"], ["header:", "header:…"], ["form:", "form:…"]] as const) {
  Deno.test(`makeReport() does not say ready if noise and a fault are both counted as ${collective}`, () => {
    const invented = Array.from({ length: 300 }, (_, index) => `${prefix}invented-${index}`);
    const [time, price] = [`${prefix}time`, `${prefix}price`];
    const { verdict, undecided, services } = reportOf(
      ...[0, 100, 200].map((start) => ({ count: 1, paths: invented.slice(start, start + 100) })),
      { count: 4_000, paths: [time, price] },
      noise(400, [time]),
    );
    assertEquals([verdict, undecided[0]?.path], ["not-enough-traffic", collective]);
    assertMatch(services[0]!.reasons[0]!, /or more than 256 fields of an endpoint differ$/);
  });
}

Deno.test("makeReport() requires more traffic below the minimum of comparisons, whatever their result", () => {
  assertEquals(reportOf({ count: 999, paths: ["status"] }).verdict, "not-enough-traffic");
  assertEquals(reportOf({ count: 999 }).services[0]!.reasons, [
    "999 of 1,000 required comparisons",
  ]);
  const none = reportOf();
  assertEquals([none.verdict, none.compared, none.matchRate], ["not-enough-traffic", 0, 0]);
  assertEquals(none.services[0]!.reasons, ["nothing was compared"]);
  assertEquals(makeReport(new ComparisonStats().snapshot()).verdict, "not-enough-traffic");
  const nothingNeeded = { ...DEFAULT_THRESHOLDS, minRequests: 0 };
  assertEquals(makeReport(statsOf().snapshot(), nothingNeeded).verdict, "not-enough-traffic");
});

Deno.test("makeReport() takes the worst verdict of all services", () => {
  const other = { service: "v3" };
  const few = { count: 10, with: other };
  assertEquals(reportOf({ count: 1_000 }, few).verdict, "not-enough-traffic");
  assertEquals(reportOf({ count: 1_000, paths: ["status"] }, few).verdict, "not-ready");
  assertEquals(reportOf({ count: 1_000 }, { count: 1_000, with: other }).verdict, "ready");
});

Deno.test("makeReport() counts errors above the primary's", () => {
  const failing = { expected: capturedStatus(503), actual: capturedStatus(503) };
  assertEquals(reportOf({ count: 50, with: failing }, { count: 950 }).verdict, "ready");
  const { verdict, services } = reportOf({ count: 990 }, {
    count: 10,
    with: { actual: { ok: false, kind: "timeout", durationMs: 1_000 } },
  });
  assertEquals([verdict, services[0]!.errorRate], ["not-ready", { primary: 0, service: 0.01 }]);
  assertMatch(
    services[0]!.reasons[0]!,
    /^1 % of its responses failed \(limit 0\.1 % above the primary's 0 %\)$/,
  );
});

Deno.test("makeReport() requires responses of a primary that does not fail", () => {
  const failing = { expected: capturedStatus(503), actual: capturedStatus(503) };
  const { verdict, services } = reportOf({ count: 400, with: failing }, { count: 1_000 });
  assertEquals(verdict, "not-enough-traffic");
  assertEquals(services[0]!.reasons, ["not comparable: 28.6 % (limit 5 %; the primary failed in 28.6 %)"]);
});

Deno.test("makeReport() compares p50 and p99, and ignores differences below a millisecond", () => {
  const took = (primary: number, service: number, count = 1_000) => ({
    count,
    with: { expected: capturedStatus(200, primary), actual: capturedStatus(200, service) },
  });
  assertEquals(reportOf(took(100, 110)).verdict, "ready");
  assertEquals(reportOf(took(0.2, 1.1)).verdict, "ready");
  const slow = reportOf(took(100, 150));
  assertEquals([slow.verdict, slow.services[0]!.reasons.length], ["not-ready", 2]);
  assertMatch(slow.services[0]!.reasons[0]!, /^p50 1\d\d ms vs \d+ ms \(limit 1\.2×\)$/);
  const tail = reportOf(took(100, 100, 970), took(100, 400, 30));
  assertEquals([tail.verdict, tail.services[0]!.reasons.length], ["not-ready", 1]);
  assertAlmostEquals(tail.services[0]!.latencyMs.service.p99, 400, 400 * 0.01);
});

Deno.test("makeReport() treats marked fields as noise within the scope of the mark", () => {
  const snapshot = statsOf({ count: 1_000, paths: ["$.meta.time"] }).snapshot();
  const marked = makeReport(snapshot, THRESHOLDS, [{ route: ROUTE, path: "$.meta" }]);
  assertEquals([marked.verdict, marked.matchRate, pathsOf(marked.noise)], ["ready", 1, ["$.meta.time"]]);
  const elsewhere = makeReport(snapshot, THRESHOLDS, [{ route: ROUTE, path: "$.meta", service: "v3" }]);
  assertEquals(elsewhere.verdict, "not-ready");
});

Deno.test("makeReport() never overstates the match rate, for any number of combinations", () => {
  const batches = Array.from({ length: 200 }, (_, n): Batch => ({
    count: 1,
    paths: [TIME, ...[0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => n & (1 << bit)).map((bit) => `$.noise${bit}`)],
  }));
  const marks = [{ route: ROUTE, path: "$.time" }];
  for (let bit = 0; bit < 6; bit++) marks.push({ route: ROUTE, path: `$.noise${bit}` });
  const report = makeReport(statsOf(...batches).snapshot(), DEFAULT_THRESHOLDS, marks);
  // Bits 6 and 7 are not marked: 64 of 200 comparisons have neither.
  assert(report.matchRate <= 64 / 200 && report.matchRate > 0, `${report.matchRate}`);
});

const QUERIES: readonly (readonly [query: string, problem: string])[] = [
  ["maxMismach=1", 'Unknown parameter "maxMismach"; did you mean "maxMismatch"?'],
  [
    "after=7",
    'Unknown parameter "after"; parameters are minRequests, minComparable, maxMismatch, maxLatencyRatio, maxErrors, since',
  ],
  ["minRequests=-1", '"minRequests" must be a whole number: found "-1"'],
  ["minRequests=", '"minRequests" must be a whole number: found ""'],
  ["maxMismatch=2", '"maxMismatch" must be a ratio from 0 to 1, or a percentage such as "0.1%": found "2"'],
  ["maxErrors=NaN", '"maxErrors" must be a ratio from 0 to 1, or a percentage such as "0.1%": found "NaN"'],
  ["maxLatencyRatio=1e3", '"maxLatencyRatio" must be a number such as 1.2: found "1e3"'],
];

for (const [query, problem] of QUERIES) {
  Deno.test(`respondReport() refuses ?${query} with 400`, async () => {
    const response = respondReport(new Request(`http://admin/api/report?${query}`), statsOf().snapshot());
    assertEquals(response.status, 400);
    assertEquals(await response.json(), { status: 400, detail: problem });
  });
}

Deno.test("readReportQuery() accepts ratios as percentages and as numbers, and has defaults", () => {
  const read = (query: string) => readReportQuery(new URLSearchParams(query));
  assertEquals(read(""), { ok: true, thresholds: DEFAULT_THRESHOLDS, sinceMs: 0 });
  assertEquals(read("minRequests=5&maxMismatch=2.5%25&maxErrors=.5&maxLatencyRatio=3"), {
    ok: true,
    thresholds: { minRequests: 5, minComparable: 0.95, maxMismatch: 0.025, maxErrors: 0.5, maxLatencyRatio: 3 },
    sinceMs: 0,
  });
});

Deno.test("respondReport() applies the thresholds of the query", async () => {
  const snapshot = structuredClone(statsOf({ count: 99 }, { count: 1, paths: ["status"] }).snapshot());
  const ask = async (query: string) =>
    await respondReport(new Request(`http://admin/api/report${query}`), snapshot).json();
  assertEquals((await ask("")).verdict, "not-enough-traffic");
  assertEquals((await ask("?minRequests=100")).verdict, "not-ready");
  const ready = await ask("?minRequests=100&maxMismatch=1%25");
  assertEquals([ready.verdict, ready.compared, ready.matchRate], ["ready", 100, 0.99]);
  const { route, service, path, rate, noiseRate, samples } = ready.mismatches[0];
  assertEquals([route, service, path, rate, noiseRate, samples.length], [ROUTE, "v2", "status", 0.01, 0, 1]);
});

Deno.test("respondReport() sends JSON without control characters that parses to the original values", async () => {
  const response = respondReport(new Request("http://admin/api/report"), hostileStats().snapshot());
  const text = await response.text();
  assertEquals(text.includes("\u001b"), false);
  assertEquals(JSON.parse(text).mismatches[0].samples[0].expected, HOSTILE);
});

Deno.test("respondReport() sends 404 if comparison is off, and 405 for methods other than GET and HEAD", async () => {
  const url = "http://admin/api/report";
  assertEquals(respondReport(new Request(url), undefined).status, 404);
  const post = respondReport(new Request(url, { method: "POST" }), statsOf().snapshot());
  assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
  const head = respondReport(new Request(url, { method: "HEAD" }), statsOf().snapshot());
  assertEquals([head.status, await head.text()], [200, ""]);
});

const HOSTILE = 'x`| @team <b>\u001b[31m\n"';

function hostileStats(): ComparisonStats {
  const differences = [{ path: `$["${HOSTILE}"]`, kind: "changed" as const, expected: HOSTILE }];
  return statsOf({ count: 1_000, endpoint: HOSTILE, with: { differences, path: HOSTILE, requestId: HOSTILE } });
}

function hostileReport(): Report {
  return makeReport(hostileStats().snapshot(), THRESHOLDS);
}

Deno.test("renderText() shows verdict, reasons, quantities and differing fields in aligned columns", () => {
  const text = renderText(
    reportOf({ count: 900, paths: [TIME] }, { count: 100, paths: [TIME, "$.price"] }, noise(100, [TIME])),
    createPaint(false),
  );
  assertEquals(
    text,
    `\
not ready: since 2026-11-30 14:02:00 UTC, 1,000 comparisons, 90 % match

v2 on pathPrefix /api: not ready
  ! 10 % of the comparisons are mismatches (limit 0.1 %)
  match    90 % of 1,000 (95 % confidence: 88 % to 91.7 %)
  errors   0 % vs 0 %
  latency  p50 10 ms vs 10 ms, p95 10 ms vs 10 ms, p99 10 ms vs 10 ms

Mismatches
  differs  noise  service  endpoint         field
  10 %     0 %    v2       GET /users/{id}  $.price
    1 → 2  GET /api/users/1 id-0
    1 → 2  GET /api/users/1 id-1

Noise
  differs  noise  service  endpoint         field
  100 %    100 %  v2       GET /users/{id}  $.time (same form)
`,
  );
});

Deno.test("renderText() escapes control characters from the wire", () => {
  const text = renderText(hostileReport(), createPaint(false));
  assertEquals(text.includes("\u001b"), false);
  assertStringIncludes(text, "\\x1b[31m");
  assertStringIncludes(text, "→ absent");
});

Deno.test("renderMarkdown() escapes markup from the wire", () => {
  const text = renderMarkdown(hostileReport());
  assertStringIncludes(text, "### not ready: since 2026-11-30 14:02:00 UTC, 1,000 comparisons, 0 % match\n");
  const rows = text.split("\n").filter((line) => line.startsWith("| 100 %"));
  assertEquals(rows.length, 1);
  // Cells end at bars without a backslash. Hostile texts stay within their code spans.
  const cells = rows[0]!.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
  assertEquals(cells.length, 7);
  for (const cell of [cells[3], cells[4], cells[5]]) assertMatch(cell!, /^``.*@team <b>.*``$/);
  assertEquals([cells[2], cells[6]], ["`v2`", ""]);
});

Deno.test("a report names an earlier build without a version, and counts one thing as one", () => {
  const stats = new ComparisonStats({ now: () => 0 });
  stats.add(comparison(), { endpoint: "GET /", samples: "none" });
  const later = new ComparisonStats({ now: () => 60_000 });
  later.add(comparison(["$.a"]), { endpoint: "GET /", samples: "none", build: "2" });
  const report = makeReport(mergeSnapshots([stats.snapshot(), later.snapshot()], { now: () => 60_000 }));
  const text = renderText(report, createPaint(false));
  assertStringIncludes(text, "since 1970-01-01 00:00:00 UTC, 1 comparison,");
  assertStringIncludes(
    text,
    "before   unknown version, since 1970-01-01 00:00:00 UTC: not enough traffic, 1 comparison\n",
  );
});

Deno.test("a report without comparisons shows no ratios and no latencies", () => {
  const report = makeReport(statsOf().snapshot(), THRESHOLDS);
  const text = renderText(report, createPaint(false));
  assertEquals(
    text,
    `not enough traffic: since 2026-11-30 14:02:00 UTC, 0 comparisons

v2 on pathPrefix /api: not enough traffic
  ! nothing was compared
`,
  );
  assertStringIncludes(
    renderMarkdown(report),
    "| `v2` | `pathPrefix /api` | not enough traffic | 0 | 0 % |  |  |  |  |\n",
  );
});
