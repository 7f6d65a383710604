/** The report for a terminal. */

import { formatDuration } from "../lib/duration.ts";
import type { Brush, Paint } from "../lib/paint.ts";
import { printable } from "../lib/printable.ts";
import { reasonsText } from "./make_report.ts";
import { percent } from "../lib/percent.ts";
import type { Mismatch, Report, ServiceReport, Verdict } from "./report.ts";

const MAX_FIELDS = 20;
const MAX_SAMPLES = 2;

/** How each verdict is said. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  ready: "ready",
  "not-ready": "not ready",
  "not-enough-traffic": "not enough traffic",
};

/**
 * Writes a report for people.
 *
 * @param report The report.
 * @param paint The brushes of the output.
 * @returns The lines, the last with its line end. Nothing in them drives a terminal.
 */
export function renderText(report: Report, paint: Paint): string {
  const { verdict, compared, matchRate, services, mismatches, undecided, noise, dropped } = report;
  return [
    `${verdictText(verdict, paint)}: ${count(compared)} comparisons, ${percent(matchRate)} alike`,
    ...services.flatMap((service) => serviceLines(service, paint)),
    ...fieldLines("Mismatches", mismatches, paint),
    ...fieldLines("Differs, too little compared to know whether by itself", undecided, paint),
    ...fieldLines("Noise", noise.filter(({ differing }) => differing > 0), paint),
    ...(dropped === 0 ? [] : [
      "",
      paint.warn(`${count(dropped)} details were not kept as the memory for them was used up`),
    ]),
    "",
  ].join("\n");
}

function serviceLines(service: ServiceReport, paint: Paint): string[] {
  const { matchRate: { value, low, high }, errorRate, latencyMs } = service;
  const notComparable = reasonsText(service.notComparable);
  const quantile = (name: "p50" | "p95" | "p99") =>
    `${name} ${formatDuration(latencyMs.service[name])} (${formatDuration(latencyMs.primary[name])})`;
  return [
    "",
    `${paint.strong(printable(service.service))} on ${printable(service.route)}: ${
      verdictText(service.verdict, paint)
    }`,
    ...service.reasons.map((reason) => `  ${paint.warn("!")} ${reason}`),
    ...(notComparable === "" ? [] : [`  ${paint.warn("!")} not comparable: ${notComparable}`]),
    `  alike    ${percent(value)} of ${count(service.compared)} (95 % sure: ${percent(low)} to ${percent(high)})`,
    `  errors   ${percent(errorRate.service)} (primary ${percent(errorRate.primary)})`,
    `  latency  ${quantile("p50")}, ${quantile("p95")}, ${quantile("p99")} (primary)`,
  ];
}

type Field = Omit<Mismatch, "samples"> & Partial<Pick<Mismatch, "samples">>;

function fieldLines(title: string, fields: readonly Field[], paint: Paint): string[] {
  if (fields.length === 0) return [];
  const shown = fields.slice(0, MAX_FIELDS);
  const rows = shown.map(({ rate, noiseRate, service, endpoint, path }) =>
    [percent(rate), percent(noiseRate), service, endpoint, path].map(printable)
  );
  const header = ["differs", "noise", "service", "endpoint", "field"];
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `  ${row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ")}`.trimEnd();
  const lines = ["", paint.strong(title), paint.faint(line(header))];
  shown.forEach(({ samples = [] }, index) => {
    lines.push(line(rows[index]!));
    for (const { expected, actual, method, path, requestId } of samples.slice(0, MAX_SAMPLES)) {
      const values = `${value(expected)} → ${value(actual)}`;
      lines.push(`    ${values}  ${paint.faint(printable(`${method} ${path} ${requestId}`))}`);
    }
  });
  if (fields.length > MAX_FIELDS) lines.push(paint.faint(`  and ${count(fields.length - MAX_FIELDS)} more`));
  return lines;
}

function value(text: string | undefined): string {
  return text === undefined ? "nothing" : printable(text);
}

function verdictText(verdict: Verdict, paint: Paint): string {
  const brushes: Readonly<Record<Verdict, Brush>> = {
    ready: paint.good,
    "not-ready": paint.bad,
    "not-enough-traffic": paint.warn,
  };
  return brushes[verdict](VERDICT_WORDS[verdict]);
}

function count(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
