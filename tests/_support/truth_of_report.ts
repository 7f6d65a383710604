/** Compares every number of the report, as JSON, text and Markdown, with the truth about known traffic. */

import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import type { Mismatch, Report, ServiceReport } from "../../src/compare/report.ts";
import { wilsonInterval } from "../../src/lib/statistics.ts";
import { formatDuration, percent } from "../../src/lib/text_format.ts";
import { type Clients, type DurationBounds, type ServiceTruth, sum, type Truth } from "./known_traffic.ts";
import { checkPercentile } from "./truth_of_metrics.ts";

/** Everything that a report is compared with. */
export interface ReportTruth {
  readonly truth: Truth;
  readonly clients: Clients;
  readonly startMs: number;
}

/** Requests that each service gets by default before there is a verdict. */
const REQUIRED = 2_000;
const LATENCY_REASON = /^p\d\d .*, which may be chance$/;
const RATIOS = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 } as const;

/** Truth about a service in the report. */
export interface Expected {
  readonly truth: ServiceTruth;
  readonly primary: ServiceTruth;
  readonly compared: number;
  readonly undecided: number;
  readonly notComparable: number;
  readonly mismatching: number;
  readonly errors: number;
  readonly reasons: readonly string[];
}

/** Derives the counts of the report. A mismatch is decided if the primary was compared with itself often enough. */
export function expectedServices({ services }: Truth): Expected[] {
  const compared = services.filter(({ role, comparisons }) => role === "shadow" && sum(comparisons) > 0);
  return compared.map((truth) => {
    const { match = 0, mismatch = 0, missing = 0, "not-comparable": notComparable = 0 } = truth.comparisons;
    const count = match + mismatch + missing;
    const reasons = [
      ...(mismatch > 0 ? [`${percent(mismatch / count)} of the comparisons are mismatches (limit 0.1 %)`] : []),
      `${count} of ${REQUIRED.toLocaleString("en")} required comparisons`,
      ...(notComparable > 0 ? [`not comparable: 100 % (limit 5 %; undecodable ${notComparable})`] : []),
      ...(missing > 0
        ? [
          `${percent(missing / count)} of the comparisons differ in undecided fields (limit 0.1 %): the primary was ` +
          "compared with itself too rarely (POST: never), or more than 256 fields of an endpoint differ",
          `${
            percent(missing / count)
          } of its responses failed (limit 0.1 % above the primary's 0 %), which may be chance`,
        ]
        : []),
    ];
    const primary = services.find(({ route, role }) => route === truth.route && role === "primary")!;
    return {
      truth,
      primary,
      compared: count,
      undecided: missing,
      notComparable,
      mismatching: mismatch,
      errors: count === 0 ? 0 : missing / count,
      reasons,
    };
  });
}

export function totalsOf(expected: readonly Expected[]) {
  const total = (name: "compared" | "undecided" | "notComparable" | "mismatching") =>
    expected.reduce((all, service) => all + service[name], 0);
  const [compared, undecided] = [total("compared"), total("undecided")];
  const decided = compared - undecided;
  return {
    compared,
    undecided,
    notComparable: total("notComparable"),
    matchRate: (decided - total("mismatching")) / decided,
  };
}

/** Compares the report as JSON: what is not compared here fails as unknown. */
export function checkReport(report: Report, { truth, clients, startMs }: ReportTruth): void {
  const expected = expectedServices(truth);
  const { services, mismatches, undecided, noise, sinceMs, ...others } = report;
  const { compared, undecided: undecidedCount, notComparable, matchRate } = totalsOf(expected);
  assertGreaterOrEqual(sinceMs, startMs);
  const garbled = expected.find(({ notComparable }) => notComparable > 0)!.truth;
  assertEquals<unknown>(others, {
    verdict: "not-enough-traffic",
    compared,
    undecidedCount,
    notComparable,
    matchRate,
    neverComparable: [],
    marks: [],
    notComparableAt: [{
      route: garbled.route,
      endpoint: endpointOf(garbled),
      service: garbled.service,
      reason: "undecodable",
      count: notComparable,
      rate: 1,
    }],
    dropped: 0,
  });
  assertEquals(services.length, expected.length);
  for (const [index, service] of services.entries()) checkService(service, expected[index]!, startMs);
  const known = (name: "mismatching" | "undecided", path: string) =>
    expected.filter((service) => service[name] > 0).map((service) => ({
      route: service.truth.route,
      endpoint: endpointOf(service.truth),
      service: service.truth.service,
      path,
      differing: service[name],
      compared: service.compared,
      rate: service[name] / service.compared,
      noiseRate: 0,
    }));
  assertEquals<unknown>(withoutSamples(mismatches, clients), known("mismatching", "$.version"));
  assertEquals<unknown>(withoutSamples(undecided, clients), known("undecided", "outcome"));
  assertEquals(noise, []);
}

function endpointOf({ route }: ServiceTruth): string {
  return `GET ${route.slice("pathPrefix ".length)}`;
}

/** Removes the samples, after each is compared with the request of a client. */
function withoutSamples(fields: readonly Mismatch[], { views }: Clients): object[] {
  return fields.map(({ samples, ...field }) => {
    assert(samples.length > 0 && samples.length <= 5);
    for (const { requestId, method, path } of samples) {
      const view = views.find(({ id }) => id === requestId)!;
      assertEquals(`${method} ${path}`, `${view.method} ${view.path}`);
    }
    return field;
  });
}

function checkService(report: ServiceReport, expected: Expected, startMs: number): void {
  const { latencyMs, sinceMs, reasons, ...others } = report;
  // Differences of a few milliseconds depend on the machine.
  for (const reason of reasons.filter((text) => LATENCY_REASON.test(text))) {
    const name = reason.slice(0, 3) as "p50";
    const [own, primary] = [latencyMs.service, latencyMs.primary].map((latency) => formatDuration(latency[name]));
    assert(reason.startsWith(`${name} ${own} vs ${primary} (`), reason);
  }
  const counted = { ...others, reasons: reasons.filter((text) => !LATENCY_REASON.test(text)) };
  const { truth, primary, compared, undecided, mismatching } = expected;
  assertGreaterOrEqual(sinceMs, startMs);
  assertEquals<unknown>(counted, {
    route: truth.route,
    service: truth.service,
    verdict: "not-enough-traffic",
    reasons: expected.reasons,
    compared,
    notComparable: truth.notComparable,
    otherBuilds: [],
    sampled: 1,
    unavailable: 0,
    comparable: expected.notComparable === 0 ? 1 : 0,
    undecidedCount: undecided,
    matchRate: wilsonInterval(compared - undecided - mismatching, compared - undecided),
    errorRate: { primary: 0, service: expected.errors },
  });
  for (const [name, ratio] of Object.entries(RATIOS) as ["p50", number][]) {
    const hasResponses = compared > 0 && expected.errors < 1;
    checkLatency(latencyMs.service[name], { ratio, bounds: hasResponses ? truth.duration : NONE });
    checkLatency(latencyMs.primary[name], { ratio, bounds: compared > 0 ? rangeOf(primary.duration) : NONE });
  }
}

export const NONE: DurationBounds = { atLeastMs: [], atMostMs: [] };

/** Returns the bounds of some of the durations, if it is unknown of which. */
export function rangeOf({ atLeastMs, atMostMs }: DurationBounds): DurationBounds {
  if (atLeastMs.length === 0) return NONE;
  return { atLeastMs: [Math.min(...atLeastMs)], atMostMs: [Math.max(...atMostMs)] };
}

function checkLatency(
  valueMs: number,
  { ratio, bounds }: { readonly ratio: number; readonly bounds: DurationBounds },
): void {
  checkPercentile(valueMs === 0 ? null : valueMs, { ratio, bounds }, "a latency of the report");
}

/** Compares a report as text or Markdown as a whole: only its times and latencies are compared by themselves. */
export function checkReportText(text: string, format: "text" | "markdown", { truth, startMs }: ReportTruth): void {
  const expected = expectedServices(truth);
  const latencies: string[] = [];
  const shown = text.split("\n").filter((line) => !/^(?: {2}!|- `\w+`:) p\d\d /.test(line)).join("\n");
  const masked = shown
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, (time) => {
      const timeMs = Date.parse(time.replace(" UTC", "Z").replace(" ", "T"));
      assertGreaterOrEqual(timeMs, startMs - 1_000);
      assertLessOrEqual(timeMs, Date.now());
      return "TIME";
    })
    .replaceAll(/(?<=p\d\d |vs |\| )(?:[\d.]+ m?s|–)(?= vs|,|\n| \|)/g, (latency) => {
      latencies.push(latency);
      return "LATENCY";
    });
  const names = format === "text" ? ["p50", "p95", "p99"] as const : ["p50", "p99"] as const;
  for (const { truth, primary, compared, errors } of expected) {
    if (compared === 0) continue;
    // A match rate without a decided comparison is a dash, too.
    if (format === "markdown" && errors === 1) assertEquals(latencies.shift(), "–");
    for (const name of names) {
      const ratio = RATIOS[name];
      checkText(latencies.shift()!, { ratio, bounds: errors < 1 ? truth.duration : NONE });
      checkText(latencies.shift()!, { ratio, bounds: rangeOf(primary.duration) });
    }
  }
  assertEquals(latencies, []);
  // Samples show some of the requests.
  const lines = masked.split("\n").filter((line) => !/^ {4}.* → /.test(line));
  assertEquals(lines.join("\n"), format === "text" ? expectedText(expected) : expectedMarkdown(expected));
}

function checkText(text: string, options: { readonly ratio: number; readonly bounds: DurationBounds }): void {
  const [, number = "", unit] = /^([\d.]+) (m?s)$/.exec(text) ?? [];
  const scale = unit === "s" ? 1_000 : 1;
  const roundedMs = scale / 10 ** (number.split(".")[1]?.length ?? 0);
  checkPercentile(text === "–" ? null : Number(number) * scale, { ...options, roundedMs }, `"${text}" of the report`);
}

function summary(expected: readonly Expected[]): string {
  const { compared, undecided, matchRate } = totalsOf(expected);
  return `not enough traffic: since TIME, ${compared} comparisons, ${percent(matchRate)} match, ${undecided} undecided`;
}

function expectedText(expected: readonly Expected[]): string {
  const lines = [summary(expected)];
  for (const { truth, compared, undecided, mismatching, errors, notComparable, reasons } of expected) {
    lines.push("", `${truth.service} on ${truth.route}: not enough traffic`, ...reasons.map((text) => `  ! ${text}`));
    const decided = compared - undecided;
    const { value, low, high } = wilsonInterval(decided - mismatching, decided);
    const interval = `95 % confidence: ${percent(low)} to ${percent(high)}`;
    const match = decided === 0 ? "–" : `${percent(value)} of ${decided} (${interval})`;
    if (compared > 0) {
      lines.push(`  match    ${match}${undecided > 0 ? `, ${undecided} undecided` : ""}`);
      lines.push(`  errors   ${percent(errors)} vs 0 %`);
      lines.push("  latency  p50 LATENCY vs LATENCY, p95 LATENCY vs LATENCY, p99 LATENCY vs LATENCY");
    }
    if (notComparable > 0) lines.push(`  not comparable: 100 % (undecodable ${notComparable})`);
  }
  const [canary, absent, garbled] = ["canary", "absent", "garbled"].map((name) => named(expected, name));
  lines.push("", "Mismatches", "  differs  noise  service  endpoint  field");
  lines.push(`  ${percent(canary!.mismatching / canary!.compared)}    0 %    canary   GET /api  $.version`);
  lines.push("", "Undecided: too few comparisons to exclude noise", "  differs  noise  service  endpoint   field");
  lines.push(`  ${percent(absent!.undecided / absent!.compared)}    0 %    absent   GET /lone  outcome`);
  lines.push("", "Not comparable", "  count  ratio  service  endpoint  reason");
  lines.push(`  ${garbled!.notComparable}      100 %  garbled  GET /odd  undecodable`, "");
  return lines.join("\n");
}

function named(expected: readonly Expected[], name: string): Expected {
  return expected.find(({ truth }) => truth.service === name)!;
}

function expectedMarkdown(expected: readonly Expected[]): string {
  const lines = [
    `### ${summary(expected)}`,
    "",
    "| service | route | verdict | compared | not comparable | match | errors | p50 | p99 |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const { truth, compared, undecided, mismatching, errors, notComparable } of expected) {
    const decided = compared - undecided;
    const match = decided === 0 ? "LATENCY" : percent((decided - mismatching) / decided);
    const figures = compared === 0
      ? [" ", " ", " ", " "].map(() => "")
      : [match, `${percent(errors)} vs 0 %`, "LATENCY vs LATENCY", "LATENCY vs LATENCY"];
    const cells = [
      `\`${truth.service}\``,
      `\`${truth.route}\``,
      "not enough traffic",
      compared,
      notComparable > 0 ? "100 %" : "0 %",
      ...figures,
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  lines.push("", ...expected.flatMap(({ truth, reasons }) => reasons.map((text) => `- \`${truth.service}\`: ${text}`)));
  lines.push("", "| differs | noise | service | endpoint | field | expected | actual |");
  lines.push("| ---: | ---: | --- | --- | --- | --- | --- |");
  lines.push('| 100 % | 0 % | `canary` | `GET /api` | `$.version` | `"one"` | `"two"` |');
  lines.push("", "| not comparable | ratio | service | endpoint | reason |", "| ---: | ---: | --- | --- | --- |");
  const { notComparable } = named(expected, "garbled");
  lines.push(`| ${notComparable} | 100 % | \`garbled\` | \`GET /odd\` | undecodable |`);
  const undecided = "1 field is undecided: too few comparisons to exclude noise";
  lines.push("", `${notComparable} responses were not comparable; ${undecided}.`, "");
  return lines.join("\n");
}
