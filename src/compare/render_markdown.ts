/** Renders the report for a comment on a pull request. */

import { formatTime, percent } from "../lib/text_format.ts";
import { printable } from "../lib/printable.ts";
import { latencyText, matchText, summaryOf, VERDICT_TEXTS } from "./render_text.ts";
import type { Report, ServiceReport } from "./report.ts";
import { countOf, formatCount } from "./verdict.ts";

/** Maximum fields in the table. */
const MAX_FIELDS = 20;
/** Maximum length of a sample in characters. */
const MAX_VALUE_LENGTH = 60;

/**
 * Renders a report as GitHub Flavored Markdown. Texts from backends are escaped, so they cannot add markup or mentions.
 */
export function renderMarkdown(report: Report): string {
  const { verdict, notComparable, services, mismatches, undecided, noise, notComparableAt } = report;
  const { neverComparable, marks } = report;
  const lines = [
    `### ${VERDICT_TEXTS[verdict]}: ${summaryOf(report)}`,
    "",
    "| service | route | verdict | compared | not comparable | match | errors | p50 | p99 |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...services.map((service) =>
      row([
        service.build === undefined ? code(service.service) : `${code(service.service)} ${code(service.build)}`,
        code(service.route),
        VERDICT_TEXTS[service.verdict],
        formatCount(service.compared),
        percent(1 - service.comparable),
        ...(service.compared === 0 ? ["", "", "", ""] : [
          matchText(service),
          `${percent(service.errorRate.service)} vs ${percent(service.errorRate.primary)}`,
          latencies(service, "p50"),
          latencies(service, "p99"),
        ]),
      ])
    ),
    "",
    ...services.flatMap(({ service, reasons }) => reasons.map((reason) => `- ${code(service)}: ${reason}`)),
  ];
  if (mismatches.length > 0) {
    lines.push(
      "",
      "| differs | noise | service | endpoint | field | expected | actual |",
      "| ---: | ---: | --- | --- | --- | --- | --- |",
      ...mismatches.slice(0, MAX_FIELDS).map(({ rate, noiseRate, service, endpoint, path, samples: [sample] }) =>
        row([
          percent(rate),
          percent(noiseRate),
          code(service),
          code(endpoint),
          code(path),
          sampleCode(sample?.expected),
          sampleCode(sample?.actual),
        ])
      ),
    );
  }
  if (notComparableAt.length > 0) {
    lines.push(
      "",
      "| not comparable | ratio | service | endpoint | reason |",
      "| ---: | ---: | --- | --- | --- |",
      ...notComparableAt.slice(0, MAX_FIELDS).map(({ count, rate, service, endpoint, reason }) =>
        row([formatCount(count), percent(rate), code(service), code(endpoint), reason])
      ),
    );
  }
  if (neverComparable.length > 0) {
    lines.push(
      "",
      "| never comparable: traffic | noise | service | endpoint | field |",
      "| ---: | ---: | --- | --- | --- |",
      ...neverComparable.slice(0, MAX_FIELDS).map(({ share, noiseRate, service, endpoint, path }) =>
        row([percent(share), percent(noiseRate), code(service), code(endpoint), code(path)])
      ),
    );
  }
  if (marks.length > 0) {
    lines.push(
      "",
      "| marked as noise | differing | service | endpoint | field |",
      "| --- | ---: | --- | --- | --- |",
      ...marks.slice(0, MAX_FIELDS).map(({ timeMs, differing, service, endpoint, route, path }) =>
        row([
          timeMs === undefined ? "" : formatTime(timeMs),
          formatCount(differing),
          code(service ?? "all"),
          code(endpoint ?? route),
          code(path),
        ])
      ),
    );
  }
  const further = mismatches.length - MAX_FIELDS;
  const notes = [
    ...(further > 0 ? [`${countOf(further, "more field")} ${further === 1 ? "differs" : "differ"}`] : []),
    ...(notComparable > 0
      ? [`${countOf(notComparable, "response")} ${notComparable === 1 ? "was" : "were"} not comparable`]
      : []),
    ...services.filter(({ sampled }) => sampled < 1).map(({ service, sampled }) =>
      `${percent(sampled)} of the requests to ${code(service)} were compared, selected at random for lack of time`
    ),
    ...(undecided.length > 0
      ? [
        `${countOf(undecided.length, "field")} ${undecided.length === 1 ? "is" : "are"} undecided: ` +
        "too few comparisons to exclude noise",
      ]
      : []),
    ...(noise.length > 0 ? [`${countOf(noise.length, "field")} of noise`] : []),
  ];
  if (notes.length > 0) lines.push("", `${notes.join("; ")}.`);
  return `${lines.join("\n")}\n`;
}

function latencies({ latencyMs: { service, primary } }: ServiceReport, name: "p50" | "p99"): string {
  return `${latencyText(service, service[name])} vs ${latencyText(primary, primary[name])}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function sampleCode(text: string | undefined): string {
  if (text === undefined) return "";
  return code(text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text);
}

/**
 * Returns a code span, in which nothing is markup. A longer fence protects runs of backticks. `|` is escaped, because
 * it would end the table cell.
 */
function code(text: string): string {
  const escaped = printable(text).replaceAll("|", "\\|");
  const longest = Math.max(0, ...(escaped.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const padding = /^[` ]|[` ]$|^$/.test(escaped) ? " " : "";
  return `${fence}${padding}${escaped}${padding}${fence}`;
}
