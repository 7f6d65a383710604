/** Renders the report for a terminal. */

import { formatDuration, formatTime, percent } from "../lib/text_format.ts";
import type { Brush, Paint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import type {
  LatencyQuantiles,
  Mismatch,
  NeverComparable,
  NotComparableEntry,
  Report,
  ReportedMark,
  ServiceReport,
  Verdict,
} from "./report.ts";
import { countOf, formatCount, formatReasons } from "./verdict.ts";

/** Maximum fields in each table. */
const MAX_FIELDS = 20;
/** Maximum samples of each field. */
const MAX_SAMPLES = 2;

/** Texts of the verdicts. */
export const VERDICT_TEXTS: Readonly<Record<Verdict, string>> = {
  ready: "ready",
  "not-ready": "not ready",
  "not-enough-traffic": "not enough traffic",
};

/** Renders a report as text that contains no control characters from backends or clients. */
export function renderText(report: Report, paint: Paint): string {
  const { verdict, services, mismatches, undecided, noise, notComparableAt, neverComparable, marks, dropped } = report;
  return [
    `${verdictText(verdict, paint)}: ${summaryOf(report)}`,
    ...services.flatMap((service) => serviceLines(service, paint)),
    ...fieldLines("Mismatches", mismatches, paint),
    ...fieldLines("Undecided: too few comparisons to exclude noise", undecided, paint),
    ...fieldLines("Noise", noise.filter(({ differing }) => differing > 0), paint),
    ...neverComparableLines(neverComparable, paint),
    ...markLines(marks, paint),
    ...notComparableLines(notComparableAt, paint),
    ...(dropped === 0 ? [] : ["", paint.warn(`${formatCount(dropped)} details were dropped: memory limit reached`)]),
    "",
  ].join("\n");
}

/** Returns the period and the ratio of matches. Without comparisons that are decided, there is no ratio. */
export function summaryOf({ sinceMs, compared, undecidedCount, matchRate }: Report): string {
  return [
    `since ${formatTime(sinceMs)}`,
    countOf(compared, "comparison"),
    ...(compared > undecidedCount ? [`${percent(matchRate)} match`] : []),
    ...(undecidedCount > 0 ? [`${formatCount(undecidedCount)} undecided`] : []),
  ].join(", ");
}

/** Formats a latency; a dash if there was no response. */
export function latencyText({ max }: LatencyQuantiles, valueMs: number): string {
  return max === 0 ? "–" : formatDuration(valueMs);
}

/** Formats a match rate; a dash if no comparison is decided. */
export function matchText({ compared, undecidedCount, matchRate }: ServiceReport): string {
  return compared === undecidedCount ? "–" : percent(matchRate.value);
}

function matchLine(service: ServiceReport): string {
  const { compared, undecidedCount, matchRate: { low, high } } = service;
  const decided = compared - undecidedCount;
  const ratio = decided === 0
    ? matchText(service)
    : `${matchText(service)} of ${formatCount(decided)} (95 % confidence: ${percent(low)} to ${percent(high)})`;
  return `  match    ${ratio}${undecidedCount === 0 ? "" : `, ${formatCount(undecidedCount)} undecided`}`;
}

function serviceLines(service: ServiceReport, paint: Paint): string[] {
  const { build, otherBuilds, comparable, errorRate, latencyMs } = service;
  const notComparable = formatReasons(service.notComparable);
  const quantile = (name: "p50" | "p95" | "p99") =>
    [latencyMs.service, latencyMs.primary].map((latency) => latencyText(latency, latency[name])).join(" vs ");
  return [
    "",
    `${paint.strong(printable(service.service))} on ${printable(service.route)}: ${
      verdictText(service.verdict, paint)
    }`,
    ...service.reasons.map((reason) => `  ${paint.warn("!")} ${reason}`),
    ...(build === undefined ? [] : [`  build    ${printable(build)}, since ${formatTime(service.sinceMs)}`]),
    ...(service.compared === 0 ? [] : [
      matchLine(service),
      ...(service.sampled === 1 ? [] : [
        `  sampled  ${percent(service.sampled)} of the requests, at random: comparisons get 100 ms of each second`,
      ]),
      `  errors   ${percent(errorRate.service)} vs ${percent(errorRate.primary)}`,
      `  latency  p50 ${quantile("p50")}, p95 ${quantile("p95")}, p99 ${quantile("p99")}`,
    ]),
    ...(comparable === 1 && notComparable === ""
      ? []
      : [`  not comparable: ${percent(1 - comparable)}${notComparable === "" ? "" : ` (${notComparable})`}`]),
    ...otherBuilds.map((other) =>
      paint.faint(
        `  before   ${printable(other.build) || "unknown version"}, since ${formatTime(other.sinceMs)}: ${
          VERDICT_TEXTS[other.verdict]
        }, ${countOf(other.compared, "comparison")}`,
      )
    ),
  ];
}

type Field = Omit<Mismatch, "samples"> & Partial<Pick<Mismatch, "samples">>;

function fieldLines(title: string, fields: readonly Field[], paint: Paint): string[] {
  if (fields.length === 0) return [];
  const shown = fields.slice(0, MAX_FIELDS);
  const rows = shown.map(({ rate, noiseRate, service, endpoint, path }) =>
    [percent(rate), percent(noiseRate), service, endpoint, path].map(printable)
  );
  const [header, ...body] = tableLines([["differs", "noise", "service", "endpoint", "field"], ...rows]);
  const lines = ["", paint.strong(title), paint.faint(header!)];
  shown.forEach(({ samples = [] }, index) => {
    lines.push(body[index]!);
    for (const { expected, actual, method, path, requestId } of samples.slice(0, MAX_SAMPLES)) {
      const values = `${valueText(expected)} → ${valueText(actual)}`;
      lines.push(`    ${values}  ${paint.faint(printable(`${method} ${path} ${requestId}`))}`);
    }
  });
  if (fields.length > MAX_FIELDS) lines.push(paint.faint(`  and ${formatCount(fields.length - MAX_FIELDS)} more`));
  return lines;
}

function neverComparableLines(fields: readonly NeverComparable[], paint: Paint): string[] {
  if (fields.length === 0) return [];
  const rows = fields.slice(0, MAX_FIELDS).map(({ share, noiseRate, service, endpoint, path }) =>
    [percent(share), percent(noiseRate), service, endpoint, path].map(printable)
  );
  const [header, ...body] = tableLines([["traffic", "noise", "service", "endpoint", "field"], ...rows]);
  const lines = ["", paint.strong("Never comparable: always different, so a regression is not visible")];
  return [...lines, paint.faint(header!), ...body, ...moreLines(fields.length, paint)];
}

function markLines(marks: readonly ReportedMark[], paint: Paint): string[] {
  if (marks.length === 0) return [];
  const rows = marks.slice(0, MAX_FIELDS).map(({ timeMs, differing, service, endpoint, route, path }) =>
    [
      timeMs === undefined ? "" : formatTime(timeMs),
      formatCount(differing),
      service ?? "all",
      endpoint ?? route,
      path,
    ].map(printable)
  );
  const [header, ...body] = tableLines([["marked", "differing", "service", "endpoint", "field"], ...rows]);
  const lines = ["", paint.strong("Marked as noise by a person"), paint.faint(header!), ...body];
  return [...lines, ...moreLines(marks.length, paint)];
}

function moreLines(count: number, paint: Paint): string[] {
  return count > MAX_FIELDS ? [paint.faint(`  and ${formatCount(count - MAX_FIELDS)} more`)] : [];
}

function notComparableLines(entries: readonly NotComparableEntry[], paint: Paint): string[] {
  if (entries.length === 0) return [];
  const rows = entries.slice(0, MAX_FIELDS).map(({ count, rate, service, endpoint, reason }) =>
    [formatCount(count), percent(rate), service, endpoint, reason].map(printable)
  );
  const [header, ...body] = tableLines([["count", "ratio", "service", "endpoint", "reason"], ...rows]);
  const lines = ["", paint.strong("Not comparable"), paint.faint(header!), ...body];
  if (entries.length > MAX_FIELDS) lines.push(paint.faint(`  and ${formatCount(entries.length - MAX_FIELDS)} more`));
  return lines;
}

function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ")}`.trimEnd());
}

function valueText(sample: string | undefined): string {
  return sample === undefined ? "absent" : printable(sample);
}

function verdictText(verdict: Verdict, paint: Paint): string {
  const brushes: Readonly<Record<Verdict, Brush>> = {
    ready: paint.good,
    "not-ready": paint.bad,
    "not-enough-traffic": paint.warn,
  };
  return brushes[verdict](VERDICT_TEXTS[verdict]);
}
